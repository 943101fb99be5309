import { eventConformance } from './events.ts';
import { graphConformance } from './graphs.ts';
import type { StoreUnderTest } from './harness.ts';
import { launchingConformance } from './launching.ts';
import { nestingConformance } from './nesting.ts';
import { ownershipConformance } from './ownership.ts';
import { readingConformance } from './reading.ts';
import { retryConformance } from './retrying.ts';
import { statusConformance } from './statuses.ts';

/** All that holds of jobs on any store. */
export function jobConformance(store: StoreUnderTest): void {
  retryConformance(store);
  graphConformance(store);
  nestingConformance(store);
  eventConformance(store);
  launchingConformance(store);
  readingConformance(store);
  statusConformance(store);
  if (store.isShared) ownershipConformance(store);
}
