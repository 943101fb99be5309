import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { errorsPage } from './errors-page.ts';

it('lists in docs/errors.md exactly the codes of src/base/errors.ts; npm run docs:errors writes the page', () => {
  expect(readFileSync(resolve(import.meta.dirname, '../../docs/errors.md'), 'utf8')).toBe(errorsPage());
});
