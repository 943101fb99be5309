import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe } from 'vitest';
import { scratchDirectory } from '../../data/io/scratch.ts';
import { eventConformance } from './events.ts';
import { graphConformance } from './graphs.ts';
import { launchingConformance } from './launching.ts';
import { nestingConformance } from './nesting.ts';
import { ownershipConformance } from './ownership.ts';
import { readingConformance } from './reading.ts';
import { retryConformance } from './retrying.ts';
import { statusConformance } from './statuses.ts';

const scratch = scratchDirectory();
const file = join(scratch, `${randomUUID()}.db`);

describe.each([
  { name: 'sqlite::memory:', url: () => 'sqlite::memory:', isShared: false },
  { name: 'a SQLite file', url: () => `sqlite:${file}`, isShared: true },
])('jobs on $name', (store) => {
  retryConformance(store);
  graphConformance(store);
  nestingConformance(store);
  eventConformance(store);
  launchingConformance(store);
  readingConformance(store);
  statusConformance(store);
  if (store.isShared) ownershipConformance(store);
});
