import { type CallSite, formatCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';

/**
 * A user's function as the program itself calls it, to merge what the partitions gave: it fails as it would in a worker, with
 * MR_USER_FUNCTION, the operator and its place, and it may not give a promise.
 */
export function calledHere<A extends unknown[], R>(
  fn: (...args: A) => R,
  operator: string,
  callSite: CallSite | undefined,
): (...args: A) => R {
  const fail = (thrown: unknown): never => {
    const { name, message } =
      thrown instanceof Error ? thrown : { name: 'Error', message: `thrown: ${String(thrown)}` };
    throw new MillraceError(
      'MR_USER_FUNCTION',
      `merging the results of partitions: the function of ${operator} at ${formatCallSite(callSite)} threw ${name}: ${message}`,
      { cause: thrown, details: { operator, callSite } },
    );
  };
  return (...args) => {
    let result: R;
    try {
      result = fn(...args);
    } catch (error) {
      return fail(error);
    }
    if (result instanceof Promise) {
      result.catch(() => undefined);
      const mend = `${operator} needs a function that gives its value at once, but this one gave a promise.`;
      return fail(new TypeError(`${mend} Await in map or mapPartitions before.`));
    }
    return result;
  };
}
