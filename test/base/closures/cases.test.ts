import { describe, expect, it } from 'vitest';
import { captureClosures } from '../../../src/base/closures/capture.ts';
import { cases } from './fixtures/cases.ts';
import { runCases } from './fixtures/run-cases.ts';

const worker = new URL('fixtures/closure-worker.mjs', import.meta.url);

describe('closures that travel', () => {
  it('give in a worker what they give here, from Vitest', async () => {
    expect(await runCases(cases, captureClosures, worker)).toEqual([]);
  });
});
