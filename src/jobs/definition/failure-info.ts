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
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(cause === undefined || cause === null || depth >= longestChain ? {} : { cause: failureInfo(cause, depth + 1) }),
  };
}
