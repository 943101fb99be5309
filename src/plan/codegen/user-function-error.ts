import type { FunctionIndex } from './loop-step.ts';

/** A user's function threw: which one, on which row of the partition, and what. Never wrapped twice. */
export class UserFunctionError extends Error {
  readonly fn: FunctionIndex;
  /** Position of the row in the input of the loop, counted over the whole partition; undefined where rows are not looped over. */
  readonly row: number | undefined;
  readonly thrown: unknown;

  constructor(fn: FunctionIndex, row: number | undefined, thrown: unknown) {
    super('a user function threw');
    this.fn = fn;
    this.row = row;
    this.thrown = thrown;
  }
}

/** A function that was not declared async returned a promise: the partition starts over, with the loop that awaits. */
export class PromiseFound extends Error {
  readonly fn: FunctionIndex;

  constructor(fn: FunctionIndex) {
    super('a function returned a promise');
    this.fn = fn;
  }
}

/**
 * What a function gave that has to give rows.
 * @throws {PromiseFound} for what has to be awaited, {TypeError} for what is not iterable
 */
export function checkIterable(result: unknown, fn: FunctionIndex): asserts result is Iterable<unknown> {
  if (isIterable(result)) return;
  if (result instanceof Promise || isAsyncIterable(result)) throw new PromiseFound(fn);
  throw notIterable(result);
}

/** As {@link checkIterable}, for the result of a function that was awaited. */
export function checkAwaited(result: unknown): asserts result is Iterable<unknown> | AsyncIterable<unknown> {
  if (!isIterable(result) && !isAsyncIterable(result)) throw notIterable(result);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && Symbol.iterator in value);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function notIterable(result: unknown): TypeError {
  const shown = typeof result === 'object' && result !== null ? 'an object' : String(result);
  return new TypeError(`it gave ${shown}, which is not iterable. Give an array of rows, [] for none`);
}
