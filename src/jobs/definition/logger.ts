/** Where the jobs' messages go. */
export type Logger = {
  readonly [L in 'trace' | 'debug' | 'info' | 'warn' | 'error']: (message: string, fields?: object) => void;
};
