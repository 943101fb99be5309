import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MOST_TRIES = 100;
let collect: (() => void) | undefined;

/**
 * Runs V8's garbage collector now. Shared memory is freed when the small objects that refer to it are collected, and V8, which does not
 * count that memory as pressure, may leave them alone for long. Costs a few milliseconds, in proportion to the thread's heap.
 */
export function collectGarbage(): void {
  // The flag belongs to the process: another thread that does the same may have taken it back in between.
  for (let tries = 0; collect === undefined && tries < MOST_TRIES; tries++) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('globalThis.gc') as typeof collect;
    setFlagsFromString('--no-expose-gc');
  }
  collect?.();
}
