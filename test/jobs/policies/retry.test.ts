import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../src/jobs/definition/attempt.ts';
import { BatchError, RetryableError, SkippableError } from '../../../src/jobs/definition/batch-error.ts';
import type { Clock } from '../../../src/jobs/definition/clock.ts';
import { retry } from '../../../src/jobs/policies/retry.ts';
import { retryDelayMs, retryRule, waitAfterErrorMs } from '../../../src/jobs/policies/retry-delay.ts';

/** A clock that stands still but for its sleeps. */
class SleepingClock implements Clock {
  time = 0;
  readonly sleeps: number[] = [];

  now(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.time += ms;
    return Promise.resolve();
  }
}

const seconds = (base: number, factor: number, max: number, count: number): number[] =>
  Array.from(
    { length: count },
    (_, n) => retryDelayMs({ baseDelayMs: base * 1000, factor, maxDelayMs: max * 1000, jitter: 'none' }, n) / 1000,
  );

describe('retryDelayMs', () => {
  it('ST-66: gives the waits of the table', () => {
    expect(seconds(1, 2, 60, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(seconds(1, 1.5, 300, 8)).toEqual([1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390625, 17.0859375]);
    expect(seconds(2, 2, 120, 8)).toEqual([2, 4, 8, 16, 32, 64, 120, 120]);
    expect(seconds(1, 2, 30, 7)).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(seconds(300, 2, 1800, 4)).toEqual([300, 600, 1200, 1800]);
    const spread = (jitter: 'equal' | 'half', u: number): number =>
      retryDelayMs({ baseDelayMs: 4000, jitter }, 0, () => u) / 1000;
    expect([0, 0.5, 0.999].map((u) => spread('equal', u))).toEqual([2, 4, expect.closeTo(5.996, 9)]);
    expect([0, 0.5, 0.999].map((u) => spread('half', u))).toEqual([2, 3, expect.closeTo(3.998, 9)]);
  });

  it('ST-61: defaults to 4 tries from 1 s, doubled up to 60 s, with equal jitter', () => {
    expect(retryRule({})).toMatchObject({ maxAttempts: 4, baseDelayMs: 1000, factor: 2, maxDelayMs: 60_000 });
    expect([0, 1, 10].map((n) => retryDelayMs({}, n, () => 0.5))).toEqual([1000, 2000, 60_000]);
    expect(retryDelayMs({}, 10, () => 0.999)).toBeGreaterThan(60_000);
    expect(retryDelayMs({ capAfterJitter: true }, 10, () => 0.999)).toBe(60_000);
  });

  it('ST-64, ST-65: is never NaN or Infinity and stays within its bounds', () => {
    const wild = fc.oneof(fc.constant(0), fc.double({ min: 0, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY));
    fc.assert(
      fc.property(
        wild,
        wild,
        wild,
        fc.nat(10_000),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        (b, f, m, n, u) => {
          const base = { baseDelayMs: b, factor: f, maxDelayMs: m };
          for (const jitter of ['none', 'equal', 'half'] as const) {
            const delay = retryDelayMs({ ...base, jitter }, n, () => u);
            expect(Number.isFinite(delay) && delay >= 0).toBe(true);
            if (jitter !== 'equal') expect(delay).toBeLessThanOrEqual(m);
            expect(retryDelayMs({ ...base, jitter, capAfterJitter: true }, n, () => u)).toBeLessThanOrEqual(m);
          }
        },
      ),
    );
  });

  it('refuses options that make no sense, naming the value', () => {
    for (const options of [{ maxAttempts: 0 }, { maxAttempts: 1.5 }, { baseDelayMs: -1 }, { factor: Number.NaN }]) {
      expect(() => retryDelayMs(options, 0)).toThrow(String(Object.values(options)[0]));
    }
    expect(() => retryDelayMs({}, -1)).toThrow('-1');
  });
});

describe('waitAfterErrorMs', () => {
  it('ST-69: waits at least what the error or a cause of it asks for, at most maxDelayMs', () => {
    const rule = retryRule({ baseDelayMs: 100, maxDelayMs: 5000, jitter: 'none' });
    const asks = (ms: unknown): Error => Object.assign(new Error('later'), { retryAfterMs: ms });
    expect(waitAfterErrorMs(rule, 0, asks(3000), () => 0)).toBe(3000);
    expect(waitAfterErrorMs(rule, 0, new Error('outer', { cause: asks(3000) }), () => 0)).toBe(3000);
    expect(waitAfterErrorMs(rule, 0, asks(90_000), () => 0)).toBe(5000);
    expect(waitAfterErrorMs(rule, 3, asks(200), () => 0)).toBe(800);
    for (const odd of ['3000', Number.NaN, -5, undefined])
      expect(waitAfterErrorMs(rule, 0, asks(odd), () => 0)).toBe(100);
  });
});

describe('retry', () => {
  it('ST-61: counts the first try and throws the last error as it is', async () => {
    const clock = new SleepingClock();
    const errors = Array.from({ length: 4 }, (_, n) => new Error(`try ${n + 1}`));
    const seen: number[] = [];
    const result = retry(
      (attempt) => {
        seen.push(attempt);
        throw errors[attempt - 1]!;
      },
      { clock, random: () => 0.5 },
    );
    await expect(result).rejects.toBe(errors[3]);
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(clock.sleeps).toEqual([1000, 2000, 4000]);
  });

  it('ST-63: reports each try, also the last and the one that is not tried again', async () => {
    const clock = new SleepingClock();
    const attempts: Attempt[] = [];
    const work = (attempt: number): string => {
      clock.time += 10;
      if (attempt < 3) throw new TypeError('busy');
      return 'done';
    };
    const options = { clock, jitter: 'none', onAttempt: (attempt: Attempt) => void attempts.push(attempt) } as const;
    expect(await retry(work, options)).toBe('done');
    expect(attempts).toMatchObject([
      { attempt: 1, status: 'failed', error: { name: 'TypeError', message: 'busy' }, durationMs: 10, waitMs: 1000 },
      { attempt: 2, status: 'failed', waitMs: 2000, startedAt: new Date(1010) },
      { attempt: 3, status: 'success', waitMs: 0, startedAt: new Date(3020) },
    ]);
    expect(attempts[2]).not.toHaveProperty('error');
  });

  it('retries every error but a fatal BatchError, unless errors lists some', async () => {
    const tries = async (error: unknown, options: object = {}): Promise<number> => {
      let count = 0;
      await expect(
        retry(
          () => {
            count += 1;
            throw error;
          },
          { clock: new SleepingClock(), ...options },
        ),
      ).rejects.toBe(error);
      return count;
    };
    expect(await tries(new Error('any'))).toBe(4);
    expect(await tries('not even an error')).toBe(4);
    expect(await tries(new SkippableError('bad'))).toBe(4);
    expect(await tries(new RetryableError('busy'))).toBe(4);
    expect(await tries(new BatchError('fatal'))).toBe(1);
    expect(await tries(new RangeError('far'), { errors: [TypeError] })).toBe(1);
    expect(await tries(new RangeError('far'), { errors: [RangeError] })).toBe(4);
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    expect(await tries(new Error('outer', { cause: reset }), { errors: ['ECONNRESET'] })).toBe(4);
  });

  it('ST-62: lets shouldRetry narrow, never widen', async () => {
    const seen: [number, unknown][] = [];
    const error = new Error('x');
    const fail = (): never => {
      throw error;
    };
    const shouldRetry = (attempt: number, e: unknown): boolean => seen.push([attempt, e]) < 2;
    await expect(retry(fail, { clock: new SleepingClock(), shouldRetry })).rejects.toBe(error);
    expect(seen).toEqual([
      [1, error],
      [2, error],
    ]);
    await expect(
      retry(fail, {
        clock: new SleepingClock(),
        errors: [TypeError],
        shouldRetry: () => true,
        onAttempt: (a) => seen.push([a.attempt, 0]),
      }),
    ).rejects.toBe(error);
    expect(seen).toHaveLength(3);
  });

  it('ST-69: ends a wait when the signal aborts, whatever the clock does', async () => {
    for (const clock of [undefined, { now: () => 0, sleep: () => new Promise<void>(() => undefined) }]) {
      const controller = new AbortController();
      const reason = new Error('stop');
      setTimeout(() => controller.abort(reason), 5);
      const failing = retry(() => Promise.reject(new Error('busy')), {
        baseDelayMs: 3_600_000,
        signal: controller.signal,
        ...(clock ? { clock } : {}),
      });
      await expect(failing).rejects.toBe(reason);
    }
    const aborted = AbortSignal.abort(new Error('before'));
    await expect(retry(() => 1, { signal: aborted })).rejects.toThrow('before');
  });
});
