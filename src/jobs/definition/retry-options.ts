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
