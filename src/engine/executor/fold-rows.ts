import type { FunctionIndex } from '../../plan/codegen/loop-step.ts';
import { PromiseFound, UserFunctionError } from '../../plan/codegen/user-function-error.ts';

/** The rows merged into `start` one by one; `fn` is the index of `merge`, for errors. */
export function foldRows(
  rows: Iterable<unknown>,
  start: unknown,
  merge: (...args: unknown[]) => unknown,
  fn: FunctionIndex,
): unknown {
  let state = start;
  let at = 0;
  for (const row of rows) {
    try {
      state = merge(state, row);
    } catch (error) {
      throw new UserFunctionError(fn, at, error);
    }
    if (state instanceof Promise) throw new PromiseFound(fn);
    at++;
  }
  return state;
}
