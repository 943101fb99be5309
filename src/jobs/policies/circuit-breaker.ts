import { MillraceError } from '../../base/errors.ts';
import type { Clock } from '../definition/clock.ts';
import { type ErrorMatch, errorMatches } from '../definition/retry-options.ts';
import { matchesError } from './error-match.ts';
import { systemClock } from './system-clock.ts';

export interface CircuitBreakerOptions {
  /** Failures in a row that open it. Default 5. */
  readonly failureThreshold?: number;
  /** How long it stays open before one call is let through to probe. Default 60 000. */
  readonly recoveryTimeoutMs?: number;
  /** The errors that count; others pass and change nothing. Default: every error. */
  readonly expected?: readonly ErrorMatch[];
  readonly clock?: Clock;
}

export type CircuitState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

/** The breaker is open and the function was not called. `retryAfterMs`: when it will let a call through. */
class CircuitOpenError extends MillraceError {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('MR_CIRCUIT_OPEN', 'Circuit breaker is OPEN', { details: { retryAfterMs } });
    this.retryAfterMs = retryAfterMs;
  }
}

const named = new Map<string, CircuitBreaker>();

/**
 * Stops calling what keeps failing: after `failureThreshold` failures in a row calls are refused for
 * `recoveryTimeoutMs`, then one call probes whether it works again.
 *
 * @example
 * ```ts
 * import { CircuitBreaker } from 'millrace/jobs';
 * const breaker = new CircuitBreaker({ failureThreshold: 3, recoveryTimeoutMs: 10_000 });
 * console.log(await breaker.call(() => 'answer'), breaker.state); // answer CLOSED
 * ```
 * @see Nygard, Release It!, "Circuit Breaker"
 */
export class CircuitBreaker {
  readonly #failureThreshold: number;
  readonly #recoveryTimeoutMs: number;
  readonly #expected: readonly ErrorMatch[] | undefined;
  readonly #clock: Clock;
  #state: CircuitState = 'CLOSED';
  #failureCount = 0;
  #openedAt = 0;
  #isProbing = false;
  /** Grows with each change of state: a call that began in an earlier one says nothing about this one. */
  #period = 0;

  /** The breaker of this name, one in the process; `options` are those of the first call. */
  static named(name: string, options?: CircuitBreakerOptions): CircuitBreaker {
    let breaker = named.get(name);
    if (breaker === undefined) {
      breaker = new CircuitBreaker(options);
      named.set(name, breaker);
    }
    return breaker;
  }

  constructor(options: CircuitBreakerOptions = {}) {
    this.#failureThreshold = options.failureThreshold ?? 5;
    this.#recoveryTimeoutMs = options.recoveryTimeoutMs ?? 60_000;
    this.#expected = options.expected;
    this.#clock = options.clock ?? systemClock;
    const wrong = options.expected === undefined ? [] : errorMatches(options.expected);
    if (typeof wrong === 'string') throw invalid('expected', options.expected, `a list in which ${wrong}`);
    if (!(Number.isInteger(this.#failureThreshold) && this.#failureThreshold >= 1)) {
      throw invalid('failureThreshold', this.#failureThreshold, 'an integer of at least 1');
    }
    if (!(this.#recoveryTimeoutMs >= 0)) {
      throw invalid('recoveryTimeoutMs', this.#recoveryTimeoutMs, 'a number of at least 0');
    }
  }

  get state(): CircuitState {
    return this.#state;
  }

  get failureCount(): number {
    return this.#failureCount;
  }

  /**
   * Calls `fn` and passes on what it returns or throws.
   *
   * @throws {CircuitOpenError} MR_CIRCUIT_OPEN, without calling `fn`, when the breaker is open or another call is probing
   */
  async call<T>(fn: () => T | Promise<T>): Promise<T> {
    this.#admit();
    const period = this.#period;
    try {
      const result = await fn();
      if (period === this.#period) this.#succeeded();
      return result;
    } catch (error) {
      if (period === this.#period) this.#failed(error);
      throw error;
    }
  }

  #admit(): void {
    if (this.#state === 'OPEN') {
      const restMs = this.#openedAt + this.#recoveryTimeoutMs - this.#clock.now();
      if (restMs > 0) throw new CircuitOpenError(restMs);
      this.#enter('HALF_OPEN');
    }
    if (this.#state === 'HALF_OPEN') {
      if (this.#isProbing) throw new CircuitOpenError(0);
      this.#isProbing = true;
    }
  }

  #succeeded(): void {
    this.#failureCount = 0;
    if (this.#state === 'HALF_OPEN') this.#enter('CLOSED');
  }

  #failed(error: unknown): void {
    const isExpected = this.#expected === undefined || matchesError(error, this.#expected);
    if (this.#state === 'HALF_OPEN') {
      if (isExpected) this.#open();
      else this.#isProbing = false;
    } else if (isExpected) {
      this.#failureCount += 1;
      if (this.#failureCount >= this.#failureThreshold) this.#open();
    }
  }

  #open(): void {
    this.#openedAt = this.#clock.now();
    this.#enter('OPEN');
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#isProbing = false;
    this.#period += 1;
  }
}

function invalid(name: string, value: unknown, allowed: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `CircuitBreaker: ${name} must be ${allowed}, got ${String(value)}.`);
}
