import type { Attempt } from '../definition/attempt.ts';
import { BatchError, RetryableError, SkippableError } from '../definition/batch-error.ts';
import type { Clock } from '../definition/clock.ts';
import { failureInfo } from '../definition/failure-info.ts';
import type { ErrorMatch, RetryOptions } from '../definition/retry-options.ts';
import { causes, matchesError } from './error-match.ts';
import { retryRule, waitAfterErrorMs } from './retry-delay.ts';
import { sleepUnlessAborted, systemClock } from './system-clock.ts';

export interface RetryCallOptions extends RetryOptions {
  /** Retried are these and {@link RetryableError} only. Default: every error but a fatal {@link BatchError}. */
  readonly errors?: readonly ErrorMatch[];
  /** Ends a wait at once; its reason is thrown. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Called after each try, also the last. */
  readonly onAttempt?: (attempt: Attempt) => void;
}

/**
 * Calls `run` until it succeeds, at most `maxAttempts` times, waiting as {@link retryDelayMs} says. Works alone, without
 * a job.
 *
 * @returns what `run` returned
 * @throws the last error, as it is; the signal's reason when the signal aborts a wait
 *
 * @example
 * ```ts
 * import { retry } from 'millrace/jobs';
 * const answer = await retry((attempt) => (attempt < 3 ? Promise.reject(new Error('busy')) : 42), { baseDelayMs: 1 });
 * console.log(answer); // 42
 * ```
 */
export async function retry<T>(run: (attempt: number) => T | Promise<T>, options: RetryCallOptions = {}): Promise<T> {
  const { signal, clock = systemClock, random = Math.random, onAttempt } = options;
  const rule = retryRule(options);
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const startedAt = clock.now();
    const report = (outcome: Pick<Attempt, 'status' | 'error' | 'waitMs'>): void =>
      onAttempt?.({ attempt, startedAt: new Date(startedAt), durationMs: clock.now() - startedAt, ...outcome });
    let waitMs: number;
    try {
      const result = await run(attempt);
      report({ status: 'success', waitMs: 0 });
      return result;
    } catch (error) {
      const isRetried =
        attempt < rule.maxAttempts &&
        signal?.aborted !== true &&
        isRetryable(error, options.errors) &&
        rule.shouldRetry(attempt, error);
      waitMs = isRetried ? waitAfterErrorMs(rule, attempt - 1, error, random) : 0;
      report({ status: 'failed', error: failureInfo(error), waitMs });
      if (!isRetried) throw error;
    }
    await sleepUnlessAborted(clock, waitMs, signal);
  }
}

function isRetryable(error: unknown, errors: readonly ErrorMatch[] | undefined): boolean {
  if (errors !== undefined && errors.length > 0) {
    return matchesError(error, errors) || [...causes(error)].some((cause) => cause instanceof RetryableError);
  }
  return !(error instanceof BatchError) || error instanceof RetryableError || error instanceof SkippableError;
}
