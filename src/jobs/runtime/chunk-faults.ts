import { MillraceError } from '../../base/errors.ts';
import type { AnyContext, ChunkBody } from '../definition/step-definition.ts';
import { decideOnError, type ErrorDecision, type FaultRules } from '../policies/classification.ts';
import { retryRule, waitAfterErrorMs } from '../policies/retry-delay.ts';
import { sleepUnlessAborted } from '../policies/system-clock.ts';
import { isTransientSqlError } from '../repository/sql/transient-error.ts';
import type { LoopState } from './open-chunk.ts';

export type FaultPhase = 'read' | 'process' | 'write';

/** What a chunk loop does about errors: asks the rules of its step, and waits between tries (ST-60). */
export class ChunkFaults {
  readonly #loop: LoopState;
  readonly #rules: FaultRules;

  constructor(loop: LoopState, body: ChunkBody) {
    this.#loop = loop;
    this.#rules = {
      retry: body.retry.errors,
      rule: retryRule(body.retry.options),
      skip: body.skip,
      skipPolicy: body.skipPolicy,
      classify: body.classify,
    };
  }

  /** @param openSkips skips of the chunk that no commit has counted */
  decide(error: unknown, attempt: number, openSkips: number): ErrorDecision {
    return this.#ask(this.#rules, error, attempt, openSkips);
  }

  /** As {@link decide} once the tries are used up. */
  decideAtLast(error: unknown, openSkips: number): ErrorDecision {
    return this.decide(error, Number.POSITIVE_INFINITY, openSkips);
  }

  /** Asks nothing of the skip policy, which is asked once an error, in the order of the input. */
  isTriedAgain(error: unknown, attempt: number, openSkips: number): boolean {
    return this.#ask({ ...this.#rules, skip: [], skipPolicy: undefined }, error, attempt, openSkips) === 'retry';
  }

  /**
   * An error to be retried has left the stream where it was: once its tries are used up it cannot be skipped (ST-204).
   * MR_PARSE and MR_VALIDATION come from behind their record: another try would lose it.
   */
  decideOnRead(error: unknown, attempt: number, openSkips: number): ErrorDecision {
    if (error instanceof MillraceError && (error.code === 'MR_PARSE' || error.code === 'MR_VALIDATION')) {
      return this.#ask({ ...this.#rules, rule: { ...this.#rules.rule, maxAttempts: 0 } }, error, attempt, openSkips);
    }
    const decision = this.decide(error, attempt, openSkips);
    if (decision !== 'skip') return decision;
    const rule = { ...this.#rules.rule, maxAttempts: Number.POSITIVE_INFINITY, shouldRetry: () => true };
    return this.#ask({ ...this.#rules, rule }, error, 1, openSkips) === 'retry' ? 'fail' : 'skip';
  }

  /** A database that was busy, deadlocked or lost in a chunk transaction is tried again, whatever the lists say (ST-33). */
  decideOnTransaction(error: unknown, attempt: number): ErrorDecision | undefined {
    if (!isTransientSqlError(error)) return undefined;
    const { interruption } = this.#loop.step;
    const { maxAttempts, shouldRetry } = this.#rules.rule;
    if (interruption.signal.aborted) return 'end';
    return attempt < maxAttempts && shouldRetry(attempt, error as Error) ? 'retry' : undefined;
  }

  /** The wait before another try, told and then counted. */
  async backoff(phase: FaultPhase, attempt: number, thrown: unknown, index?: number): Promise<void> {
    const { step, partition, pending, where, body } = this.#loop;
    const { job } = step;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
    const delayMs = waitAfterErrorMs(this.#rules.rule, attempt - 1, thrown, job.host.random);
    for (const listener of body.listeners) {
      if (listener.onRetry) await step.interruption.guard(listener.onRetry({ phase, attempt, delayMs, error }));
    }
    const at = index === undefined ? {} : { index };
    job.emit({ kind: 'retryScheduled', at: job.now(), ...where, phase, attempt, delayMs, ...at });
    step.probe('beforeBackoff', partition, index);
    await sleepUnlessAborted(job.host.clock, delayMs, step.interruption.signal);
    pending.retry += 1;
  }

  #ask(rules: FaultRules, error: unknown, attempt: number, openSkips: number): ErrorDecision {
    const { step, tally } = this.#loop;
    const { interruption } = step;
    if (interruption.isHard) return 'end';
    const skippedSoFar = tally.committed + openSkips;
    return decideOnError(error, rules, { attempt, skippedSoFar, isAborted: interruption.signal.aborted });
  }
}

/** The context of a further try. */
export function contextOfTry(c: AnyContext, attempt: number): AnyContext {
  return { ...c, attempt };
}
