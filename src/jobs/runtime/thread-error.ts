import { type ErrorCode, errorCodes, MillraceError } from '../../base/errors.ts';
import { BatchError, RetryableError, SkippableError } from '../definition/batch-error.ts';
import { markClasses } from '../policies/error-match.ts';

/** An error of a worker, as plain data. */
export interface ThreadError {
  readonly isError: boolean;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Names of its classes, its own first. */
  readonly classes: readonly string[];
  /** Other fields of its own that are plain: `code`, `retryAfterMs`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: ThreadError | undefined;
}

/** Runs in workers: names nothing of this module. */
export function workerErrorText(thrown: unknown): ThreadError {
  const plainOf = (error: unknown, depth: number): ThreadError => {
    const isObject = typeof error === 'object' && error !== null;
    if (!isObject || !('message' in error)) {
      return {
        isError: false,
        name: 'Error',
        message: String(error),
        stack: undefined,
        classes: [],
        fields: {},
        cause: undefined,
      };
    }
    const { name, message, stack, cause } = error as Error;
    const classes: string[] = [];
    for (let at: object | null = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
      const own = (at as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
      if (typeof own === 'string' && own !== 'Object') classes.push(own);
    }
    const fields: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(error)) {
      if (key === 'cause' || key === 'name' || key === 'message' || key === 'stack') continue;
      if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) fields[key] = value;
      else if (key === 'details') fields[key] = JSON.parse(JSON.stringify(value));
    }
    return {
      isError: true,
      name: String(name),
      message: String(message),
      stack: typeof stack === 'string' ? stack : undefined,
      classes,
      fields,
      cause: cause === undefined || depth > 20 ? undefined : plainOf(cause, depth + 1),
    };
  };
  return plainOf(thrown, 0);
}

/** The error again, of the class it had where that is one of ours, and known by the names of its classes. */
export function threadErrorOf(error: ThreadError): unknown {
  if (!error.isError) return error.message;
  const { name, message, stack, classes, fields } = error;
  const cause = error.cause === undefined ? {} : { cause: threadErrorOf(error.cause) };
  const made = emptyError(classes, fields, message, cause);
  if (made.name !== name) Object.defineProperty(made, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) made.stack = stack;
  const { code: _, details: __, ...others } = fields;
  Object.assign(made, made instanceof MillraceError ? others : fields);
  return markClasses(made, classes);
}

function emptyError(
  classes: readonly string[],
  { code, details }: Readonly<Record<string, unknown>>,
  message: string,
  cause: { readonly cause?: unknown },
): Error {
  if (classes.includes('MillraceError') && typeof code === 'string' && Object.hasOwn(errorCodes, code)) {
    if (code === 'MR_RETRYABLE') return new RetryableError(message, cause);
    if (code === 'MR_SKIPPABLE') return new SkippableError(message, cause);
    if (code === 'MR_BATCH') return new BatchError(message, cause);
    const facts = details === undefined ? {} : { details: details as Readonly<Record<string, unknown>> };
    return new MillraceError(code as ErrorCode, message, { ...cause, ...facts });
  }
  return new Error(message, cause);
}
