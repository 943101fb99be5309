const longestChain = 20;

/** An error as it is stored and sent. */
export interface FailureInfo {
  name: string;
  message: string;
  code?: string;
  /** Of a job's failure: its first failed step. */
  step?: string;
  stack?: string;
  cause?: FailureInfo;
}

/** The error and its causes as plain data; of a thrown value that is no error, its text. */
export function failureInfo(error: unknown, depth = 0): FailureInfo {
  if (!isErrorLike(error)) return { name: 'Error', message: textOf(error) };
  const { code, cause, stack } = error;
  return {
    name: typeof error.name === 'string' ? error.name : 'Error',
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof stack === 'string' ? { stack } : {}),
    ...(cause === undefined || cause === null || depth >= longestChain ? {} : { cause: failureInfo(cause, depth + 1) }),
  };
}

interface ErrorLike {
  readonly message: string;
  readonly name?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly stack?: unknown;
}

/** Errors of other realms, and what stands for an error, are taken as such. */
function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null && typeof (value as { message?: unknown }).message === 'string';
}

function textOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch (error) {
    return `${Object.prototype.toString.call(thrown)} (${String(error)})`;
  }
}
