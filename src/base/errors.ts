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
