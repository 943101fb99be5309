import { type ErrorCode, MillraceError } from '../../base/errors.ts';

export interface BatchErrorOptions {
  readonly cause?: unknown;
}

/** Thrown by users' code for what is neither to be tried again nor to be skipped: the step fails, whatever its lists say. */
export class BatchError extends MillraceError {
  override readonly name: string = 'BatchError';

  constructor(message: string, options: BatchErrorOptions = {}) {
    super(new.target.code, message, options);
  }

  /** The code of the class. */
  protected static get code(): ErrorCode {
    return 'MR_BATCH';
  }
}

/** Thrown by users' code for what may pass when it is tried again. */
export class RetryableError extends BatchError {
  override readonly name: string = 'RetryableError';

  protected static override get code(): ErrorCode {
    return 'MR_RETRYABLE';
  }
}

/** Thrown by users' code for what is wrong with one item, which may be skipped. */
export class SkippableError extends BatchError {
  override readonly name: string = 'SkippableError';

  protected static override get code(): ErrorCode {
    return 'MR_SKIPPABLE';
  }
}
