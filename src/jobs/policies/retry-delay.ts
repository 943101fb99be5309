import { MillraceError } from '../../base/errors.ts';
import { type RetryOptions, wrongRetryOption } from '../definition/retry-options.ts';
import { causes } from './error-match.ts';

/** The retry options with their defaults filled in (ST-61). */
export interface RetryRule {
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  readonly jitter: 'none' | 'equal' | 'half';
  readonly capAfterJitter: boolean;
  readonly shouldRetry: (attempt: number, error: unknown) => boolean;
}

/** Fills in the defaults. @throws {MillraceError} MR_OPTION_INVALID for a value that makes no sense */
export function retryRule(options: RetryOptions): RetryRule {
  const rule: RetryRule = {
    maxAttempts: options.maxAttempts ?? 4,
    baseDelayMs: options.baseDelayMs ?? 1000,
    factor: options.factor ?? 2,
    maxDelayMs: options.maxDelayMs ?? 60_000,
    jitter: options.jitter ?? 'equal',
    capAfterJitter: options.capAfterJitter ?? false,
    shouldRetry: options.shouldRetry ?? (() => true),
  };
  const wrong = wrongRetryOption(options);
  if (wrong !== undefined) throw new MillraceError('MR_OPTION_INVALID', `${wrong}.`);
  return rule;
}

/**
 * The wait before try n + 2, in milliseconds: `min(baseDelayMs * factor ** n, maxDelayMs)`, with jitter. n is 0 after
 * the first failure. `'equal'` jitter spreads over 0.5 to 1.5 of it, `'half'` over 0.5 to 1 (ST-64, ST-65).
 *
 * @param random numbers in [0, 1); default `Math.random`
 *
 * @example
 * ```ts
 * import { retryDelayMs } from 'millrace/jobs';
 * console.log([0, 1, 2, 3].map((n) => retryDelayMs({ maxDelayMs: 5000, jitter: 'none' }, n))); // [ 1000, 2000, 4000, 5000 ]
 * ```
 */
export function retryDelayMs(options: RetryOptions, n: number, random: () => number = Math.random): number {
  if (!(Number.isInteger(n) && n >= 0)) {
    throw new MillraceError('MR_OPTION_INVALID', `retry: n must be an integer of at least 0, got ${String(n)}.`);
  }
  return delayMs(retryRule(options), n, random);
}

/** The wait after a failure: that of {@link retryDelayMs}, or what the error itself asks for, up to `maxDelayMs` (ST-69). */
export function waitAfterErrorMs(rule: RetryRule, n: number, error: unknown, random: () => number): number {
  return Math.max(delayMs(rule, n, random), Math.min(retryAfterMs(error), rule.maxDelayMs));
}

function delayMs(rule: RetryRule, n: number, random: () => number): number {
  const { baseDelayMs, factor, maxDelayMs, jitter } = rule;
  // 0 times infinity is NaN.
  const power = factor ** n;
  const grown = baseDelayMs === 0 || power === 0 ? 0 : baseDelayMs * power;
  const delay = Math.min(grown, maxDelayMs);
  const spread = jitter === 'none' ? delay : delay * (0.5 + (jitter === 'half' ? random() / 2 : random()));
  return Math.min(rule.capAfterJitter ? Math.min(spread, maxDelayMs) : spread, Number.MAX_SAFE_INTEGER);
}

/** What a breaker or a server's `Retry-After` asked for; 0 when nothing. */
function retryAfterMs(error: unknown): number {
  for (const cause of causes(error)) {
    const { retryAfterMs: asked } = cause as { readonly retryAfterMs?: unknown };
    if (typeof asked === 'number' && asked >= 0) return asked;
  }
  return 0;
}
