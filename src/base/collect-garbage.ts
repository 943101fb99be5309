import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Runs V8's garbage collector now. Shared memory is freed when the small objects that refer to it are collected, and V8, which does not
 * count that memory as pressure, may leave them alone for long. Costs a few milliseconds, in proportion to the thread's heap.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
