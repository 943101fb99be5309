import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe } from 'vitest';
import { scratchDirectory } from '../../data/io/scratch.ts';
import { jobConformance } from './suites.ts';

const scratch = scratchDirectory();
const file = join(scratch, `${randomUUID()}.db`);

describe.each([
  { name: 'sqlite::memory:', url: () => 'sqlite::memory:', isShared: false },
  { name: 'a SQLite file', url: () => `sqlite:${file}`, isShared: true },
])('jobs on $name', (store) => {
  jobConformance(store);
});
