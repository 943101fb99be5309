import { MillraceError } from '../../../base/errors.ts';

/** A statement after the end of its transaction. */
export function transactionOver(cause?: unknown): MillraceError {
  return new MillraceError(
    'MR_OPTION_INVALID',
    'The transaction is over: it was committed or rolled back, or the database ended it after an error. Await every statement before the function that got the transaction returns, and let its errors pass.',
    cause === undefined ? {} : { cause },
  );
}
