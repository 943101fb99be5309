/** An error class, or an error's `code` or `name`; the `cause` chain is looked through. */
// biome-ignore lint/suspicious/noExplicitAny: any constructor will do, it is never called
export type ErrorMatch = (abstract new (...args: any[]) => Error) | string;

/** How often and how fast something is tried again (ST-61 to 65). */
export interface RetryOptions {
  /** The first try counted. Default 4. */
  readonly maxAttempts?: number;
  /** Default 1000. */
  readonly baseDelayMs?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Default 60 000. */
  readonly maxDelayMs?: number;
  /** Default 'equal': half to one and a half of the delay. 'half': half to all of it. */
  readonly jitter?: 'none' | 'equal' | 'half';
  /** Whether `maxDelayMs` bounds the jittered delay too. Default false. */
  readonly capAfterJitter?: boolean;
  /** May narrow what is tried again, never widen it. `attempt` is the number of the failure just seen, from 1. */
  readonly shouldRetry?: (attempt: number, error: unknown) => boolean;
}

/** What is wrong with one of the options, or undefined. */
export function wrongRetryOption(options: RetryOptions): string | undefined {
  const { maxAttempts = 4, jitter = 'equal', shouldRetry } = options;
  if (!(maxAttempts === Number.POSITIVE_INFINITY || (Number.isInteger(maxAttempts) && maxAttempts >= 1))) {
    return `retry: maxAttempts must be an integer of at least 1, the first try counted, got ${String(maxAttempts)}`;
  }
  for (const name of ['baseDelayMs', 'factor', 'maxDelayMs'] as const) {
    const value = options[name];
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) {
      return `retry: ${name} must be a number of at least 0, got ${String(value)}`;
    }
  }
  if (!['none', 'equal', 'half'].includes(jitter)) {
    return `retry: jitter must be 'none', 'equal' or 'half', got ${String(jitter)}`;
  }
  if (shouldRetry !== undefined && typeof shouldRetry !== 'function') {
    return `retry: shouldRetry must be a function, got ${String(shouldRetry)}`;
  }
  return undefined;
}

/** A list of matches from one or several, or what is wrong with them. */
export function errorMatches(errors: ErrorMatch | readonly ErrorMatch[]): readonly ErrorMatch[] | string {
  const list: readonly unknown[] = Array.isArray(errors) ? errors : [errors];
  const wrong = list.find((match) => !(typeof match === 'function' || (typeof match === 'string' && match !== '')));
  if (wrong === undefined && !list.includes(undefined)) return list as readonly ErrorMatch[];
  return `errors are named by class, code or name, got ${String(wrong)}`;
}
