import { type ErrorCode, MillraceError } from '../../base/errors.ts';
import { BatchError, RetryableError, SkippableError } from '../definition/batch-error.ts';
import type { ErrorMatch } from '../definition/retry-options.ts';
import { causes, matchesError } from './error-match.ts';
import type { RetryRule } from './retry-delay.ts';

/** What a step does about an error: try again, record the item and go on, fail, or stop working at once. */
export type ErrorDecision = 'retry' | 'skip' | 'fail' | 'end';

/** What a step says about errors; lists start empty, so that nothing is retried or skipped by accident. */
export interface FaultRules {
  readonly retry: readonly ErrorMatch[];
  readonly rule: RetryRule;
  readonly skip: readonly ErrorMatch[];
  readonly skipPolicy?: ((error: Error, skippedSoFar: number) => boolean) | undefined;
  readonly classify?: ((error: Error) => 'retry' | 'skip' | 'fail' | undefined) | undefined;
}

export interface FaultSituation {
  /** The number of the try that failed, from 1. */
  readonly attempt: number;
  /** Skips of the step so far, those of the open chunk included. */
  readonly skippedSoFar: number;
  /** Whether the step was stopped or timed out. */
  readonly isAborted: boolean;
}

/** Errors of ours that say something about one record, a server or a row, and may be listed by the user. */
const listable: ReadonlySet<ErrorCode> = new Set(['MR_PARSE', 'MR_VALIDATION', 'MR_HTTP', 'MR_NO_SUCH_ROW']);
const ending: ReadonlySet<ErrorCode> = new Set(['MR_LEASE_LOST', 'MR_STEP_TIMEOUT', 'MR_JOB_TIMEOUT', 'MR_ABORTED']);
const passing: ReadonlySet<ErrorCode> = new Set(['MR_CIRCUIT_OPEN', 'MR_TRANSACTION_TIMEOUT']);

/**
 * Decides by ST-60, in its order. Pure but for the user's own functions.
 *
 * Whether the limit of skips is reached is not asked here: the commit does that.
 */
export function decideOnError(thrown: unknown, rules: FaultRules, situation: FaultSituation): ErrorDecision {
  const error = userError(thrown);
  const ours = error instanceof MillraceError && !(error instanceof BatchError) ? error.code : undefined;
  const isFatal = error instanceof BatchError && !(error instanceof RetryableError || error instanceof SkippableError);
  if (isFatal) return 'fail';
  if (ours !== undefined && !listable.has(ours) && !ending.has(ours) && !passing.has(ours)) return 'fail';
  if (situation.isAborted || (ours !== undefined && ending.has(ours))) return 'end';
  const isPassing = ours !== undefined && passing.has(ours);
  const verdict = isPassing ? undefined : rules.classify?.(error);
  if (verdict === 'fail' || verdict === 'skip') return verdict;
  const isRetryable =
    isPassing || verdict === 'retry' || hasCause(error, RetryableError) || matchesError(error, rules.retry);
  if (isRetryable && situation.attempt < rules.rule.maxAttempts && rules.rule.shouldRetry(situation.attempt, error)) {
    return 'retry';
  }
  const isSkippable =
    hasCause(error, SkippableError) ||
    matchesError(error, rules.skip) ||
    rules.skipPolicy?.(error, situation.skippedSoFar) === true;
  return isSkippable ? 'skip' : 'fail';
}

/** The error that users' code threw, freed of the engine's wrapping; a thrown value that is none becomes one. */
function userError(thrown: unknown): Error {
  let error = thrown;
  while (error instanceof MillraceError && error.code === 'MR_USER_FUNCTION' && error.cause !== undefined) {
    error = error.cause;
  }
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}

function hasCause(error: unknown, kind: typeof RetryableError | typeof SkippableError): boolean {
  for (const cause of causes(error)) if (cause instanceof kind) return true;
  return false;
}
