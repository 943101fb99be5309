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
