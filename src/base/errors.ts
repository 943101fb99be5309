/** What each code means, one line each; docs/errors.md is generated from it. Codes are added and retired, never reused. */
export const errorCodes = {
  MR_BUG: 'An invariant of millrace itself was broken. Please report it with the plan printed by explain().',
  MR_OPTION_INVALID: 'An option or argument has a value that is not allowed; the message names it and what is.',
  MR_CONTEXT_STOPPED: 'The context was stopped; create a new one.',
  MR_ABORTED: 'The action was cancelled by its AbortSignal, by cancelJobGroup or by stop().',
  MR_CLOSURE_UNSHIPPABLE: 'A function captures something that cannot travel to a worker.',
  MR_USER_FUNCTION: 'A function passed to an operator threw, in every attempt; the cause holds its error.',
  MR_WORKER_LOST: 'Worker threads died while running the same task, as often as maxTaskFailures allows.',
  MR_BLOCK_LOST: 'A block of data is missing or its checksum is wrong, and it could not be recomputed.',
  MR_MEMORY: 'Something does not fit in the memory the context was given.',
  MR_EMPTY: 'The action needs at least one row and the RDD has none.',
  MR_NOT_FOUND: 'A file, directory or pattern matches nothing.',
  MR_IO: 'The operating system or store refused to read or write; the cause holds its error.',
  MR_PARSE: 'Input is malformed; the message names file, line or byte offset and the reason.',
  MR_UNSUPPORTED: 'The input uses a feature that millrace does not read.',
  MR_INPUT_CHANGED: 'A file changed while it was being read, or since the last run.',
  MR_OUTPUT_EXISTS: 'The output exists already; pass mode overwrite or append.',
  MR_SCHEMA: 'A value does not fit the schema it is read or written with.',
  MR_JOB_DEFINITION: 'A job or step is defined in a way that cannot run; the message names both and the mend.',
  MR_JOB_PARAMETERS_INVALID: 'A launch parameter is missing, unknown or has a value that no schema accepts.',
  MR_NO_SUCH_JOB: 'No job of this name is registered with the operator.',
  MR_NO_SUCH_EXECUTION: 'The repository holds no job execution of this id.',
  MR_JOB_ALREADY_RUNNING: 'An execution of this job instance is running; details.executionId names it.',
  MR_JOB_ALREADY_COMPLETE: 'This job instance is complete. Change a parameter, or launch with onComplete or force.',
  MR_JOB_ABANDONED: 'The last execution of this job instance was abandoned.',
  MR_JOB_NOT_RESTARTABLE: 'The job says restartable: false and its instance has run before.',
  MR_JOB_NOT_COMPLETED: 'The execution ended with another status than COMPLETED; the cause holds the failure.',
  MR_ILLEGAL_TRANSITION: 'An execution cannot go from its status to the one asked for.',
  MR_START_LIMIT_EXCEEDED: 'A step would start more often than its startLimit allows.',
  MR_SKIP_LIMIT_EXCEEDED: 'More items failed than the skip limit allows; the cause is the last error.',
  MR_CHECKPOINT_VERSION: 'A checkpoint was written by another version of the step, which has no migrate function.',
  MR_CHECKPOINT_CORRUPT: 'A checkpoint file is damaged; clear it, or load with onCorrupt: ignore.',
  MR_LEASE_LOST: 'Another process has taken the execution over; this one stopped writing.',
  MR_STEP_TIMEOUT: 'A step ran longer than its timeoutMs.',
  MR_JOB_TIMEOUT: 'A job ran longer than its timeoutMs.',
  MR_TRANSACTION_TIMEOUT: 'A chunk transaction ran longer than transactionTimeoutMs.',
  MR_CIRCUIT_OPEN: 'A circuit breaker is open; details.retryAfterMs says when it tries again.',
  MR_OUTPUT_TAMPERED: 'An unfinished output was shortened or replaced from outside; restart the step from its start.',
  MR_VALIDATION: 'A record does not fit its schema; the message and details hold the issues.',
  MR_HTTP: 'A server answered with an error status; the message names it.',
  MR_NO_SUCH_ROW: 'An update found no row for a key.',
  MR_READER_KEY_NOT_UNIQUE: 'Two rows of a query share the key it is paged by.',
  MR_PROCESSOR_RETURNED_UNDEFINED: 'A processor returned undefined; return the item, FILTER to drop it, or null.',
  MR_NO_RESULT: 'A step has no result, for it is not COMPLETED in this execution.',
  MR_NOT_JSON: 'A value that must be stored is not JSON.',
  MR_RESULT_TOO_LARGE: 'The result of a step has more than 64 KiB.',
  MR_CONTEXT_TOO_LARGE: 'The execution context of a step has more than 64 KiB.',
  MR_REPOSITORY_TOO_NEW: 'The repository was written by a newer version of millrace.',
  MR_REPOSITORY_UNREACHABLE: 'The database cannot be opened or reached, or its URL is unknown.',
  MR_OPERATOR_CLOSED: 'The operator was closed; create a new one.',
  MR_BATCH: 'An error of a job that is neither retried nor skipped.',
  MR_RETRYABLE: 'An error that may pass when the same is tried again.',
  MR_SKIPPABLE: 'An error of one item, which may be skipped.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface MillraceErrorOptions {
  readonly cause?: unknown;
  /** Facts for programs: paths, lines, counts. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Base of every error millrace throws on purpose: `code` for programs, `message` for people, `cause` for the origin. */
export class MillraceError extends Error {
  override readonly name: string = 'MillraceError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details ?? {};
  }
}
