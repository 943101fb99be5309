import { describe, expect, it } from 'vitest';
import {
  BatchError,
  CircuitBreaker,
  type JobExecution,
  job,
  RetryableError,
  type RetryOptions,
  SkippableError,
} from '../../../src/jobs/index.ts';
import { heldMs, holdTimers } from '../../support/held-timer.ts';
import { aborted, end, failure, gate, ManualClock, named, operators, type StoreUnderTest, step } from './harness.ts';

class Flaky extends Error {
  override readonly name = 'Flaky';
}

/** ST-60 to ST-69, for tasks. */
export function retryConformance(store: StoreUnderTest): void {
  const create = operators(store);

  /** A job of one task that throws these one after the other, then succeeds. */
  const throwing = (errors: readonly unknown[], match: string | typeof Flaky | undefined, options?: RetryOptions) => {
    const left = [...errors];
    const seen: number[] = [];
    const made = job(named('retry')).step('work', (s) => {
      const body = s.task((c) => {
        seen.push(c.attempt);
        if (left.length > 0) throw left.shift();
        return 'done';
      });
      return match === undefined ? body : body.retry(match, options);
    });
    return { made, seen };
  };

  describe('retry of tasks', () => {
    it('ST-63: stores each try with its wait, also the last', async () => {
      const clock = new ManualClock();
      const operator = await create({ clock });
      const { made, seen } = throwing([new Flaky('one'), new Flaky('two')], Flaky, {
        maxAttempts: 4,
        factor: 1,
        jitter: 'none',
      });
      const execution = await operator.run(made);
      const { attempts, counts } = step(execution, 'work');
      expect(attempts.map(({ attempt, status, waitMs }) => [attempt, status, waitMs])).toEqual([
        [1, 'failed', 1000],
        [2, 'failed', 1000],
        [3, 'success', 0],
      ]);
      expect(attempts.map(({ error }) => error?.message)).toEqual(['one', 'two', undefined]);
      expect(attempts[0]?.error).toMatchObject({ name: 'Flaky' });
      const started = attempts.map(({ startedAt }) => startedAt.getTime());
      expect([(started[1] ?? 0) - (started[0] ?? 0), (started[2] ?? 0) - (started[1] ?? 0)]).toEqual([1000, 1000]);
      expect(clock.waits).toEqual([1000, 1000]);
      expect(seen).toEqual([1, 2, 3]);
      expect(counts.retry).toBe(2);
    });

    it('ST-63: stores the one try that is not retried', async () => {
      const operator = await create();
      for (const match of [undefined, 'SOMETHING_ELSE']) {
        const { made, seen } = throwing([new Flaky('no')], match);
        const { attempts } = step(await end(operator, made), 'work');
        expect(attempts).toEqual([
          expect.objectContaining({
            attempt: 1,
            status: 'failed',
            waitMs: 0,
            error: expect.objectContaining({ message: 'no' }),
          }),
        ]);
        expect(seen).toEqual([1]);
      }
    });

    it('ST-61: 4 tries, 1 s, factor 2, at most 60 s, equal jitter by default', async () => {
      const clock = new ManualClock();
      const operator = await create({ clock, random: () => 0.5 });
      const { made, seen } = throwing(Array(4).fill(new Flaky('no')), Flaky);
      const execution = await end(operator, made);
      expect(seen).toEqual([1, 2, 3, 4]);
      expect(clock.waits).toEqual([1000, 2000, 4000]);
      expect(execution.failure).toMatchObject({ message: 'no', step: 'work' });
      expect(step(execution, 'work').attempts).toHaveLength(4);
      expect(step(execution, 'work').counts.retry).toBe(3);
    });

    it('ST-64: random makes the jitter', async () => {
      for (const [jitter, random, waits] of [
        ['equal', 0, [500, 1000]],
        ['half', 0.5, [750, 1500]],
        ['none', 0.999, [1000, 2000]],
      ] as const) {
        const clock = new ManualClock();
        const operator = await create({ clock, random: () => random });
        await operator.run(throwing([new Flaky(''), new Flaky('')], Flaky, { jitter }).made);
        expect(clock.waits).toEqual(waits);
      }
    });

    it('ST-60: lists name classes, codes and names, through the causes', async () => {
      const operator = await create({ clock: new ManualClock() });
      const coded = Object.assign(new Error('x'), { code: 'ECONNRESET' });
      for (const [error, match] of [
        [coded, 'ECONNRESET'],
        [new Error('wrapped', { cause: coded }), 'ECONNRESET'],
        [new Flaky('x'), 'Flaky'],
        [new Error('wrapped', { cause: new Flaky('x') }), Flaky],
      ] as const) {
        const { made, seen } = throwing([error], match);
        await operator.run(made);
        expect(seen).toEqual([1, 2]);
      }
    });

    it('ST-60: lists of several calls add up', async () => {
      const operator = await create({ clock: new ManualClock() });
      const errors = [new Flaky('a'), Object.assign(new Error('b'), { code: 'B' }), new TypeError('c')];
      const seen: number[] = [];
      const made = job(named('lists')).step('work', (s) =>
        s
          .task((c) => {
            seen.push(c.attempt);
            const error = errors.shift();
            if (error !== undefined) throw error;
          })
          .retry([Flaky, 'B'])
          .retry('TypeError', { maxAttempts: 9 }),
      );
      await operator.run(made);
      expect(seen).toEqual([1, 2, 3, 4]);
    });

    it('ST-60: RetryableError and an open breaker are retried unlisted; BatchError and SkippableError are not', async () => {
      const operator = await create({ clock: new ManualClock() });
      const breaker = new CircuitBreaker({ failureThreshold: 1 });
      await failure(breaker.call(() => Promise.reject(new Error('x'))));
      const open = await failure(breaker.call(() => Promise.resolve()));
      for (const [error, tries] of [
        [new RetryableError('r'), 2],
        [new Error('w', { cause: new RetryableError('r') }), 2],
        [open, 2],
        [new SkippableError('s'), 1],
        [new BatchError('b'), 1],
      ] as const) {
        const { made, seen } = throwing([error], undefined);
        await end(operator, made);
        expect(seen).toHaveLength(tries);
      }
      const { made, seen } = throwing([new BatchError('b')], 'BatchError');
      expect((await end(operator, made)).failure).toMatchObject({ code: 'MR_BATCH', message: 'b' });
      expect(seen).toEqual([1]);
    });

    it('ST-60: errors of ours are not retried though listed, but for those that may be', async () => {
      const operator = await create({ clock: new ManualClock() });
      const made = job(named('ours')).step('work', (s) =>
        s.task((c) => c.context.set('x', (() => 1) as never)).retry(['MR_NOT_JSON', 'MillraceError']),
      );
      const execution = await end(operator, made);
      expect(execution.failure).toMatchObject({ code: 'MR_NOT_JSON' });
      expect(step(execution, 'work').attempts).toHaveLength(1);
    });

    it('ST-62: shouldRetry only narrows, and sees the number of the failure', async () => {
      const operator = await create({ clock: new ManualClock() });
      const asked: unknown[] = [];
      const error = new Flaky('x');
      const narrow = throwing([error, error, error], Flaky, {
        maxAttempts: 10,
        shouldRetry: (attempt, thrown) => {
          asked.push([attempt, thrown]);
          return attempt < 2;
        },
      });
      await end(operator, narrow.made);
      expect(narrow.seen).toEqual([1, 2]);
      expect(asked).toEqual([
        [1, error],
        [2, error],
      ]);
      const widen = throwing([new TypeError('x')], Flaky, { shouldRetry: () => true });
      await end(operator, widen.made);
      expect(widen.seen).toEqual([1]);
    });

    it('ST-69: waits at least retryAfterMs of the error or a cause, at most maxDelayMs', async () => {
      for (const [asked, maxDelayMs, waited] of [
        [7000, 60_000, 7000],
        [7000, 5000, 5000],
        [10, 60_000, 1000],
      ] as const) {
        const clock = new ManualClock();
        const operator = await create({ clock });
        const error = new Flaky('slow down', { cause: Object.assign(new Error('429'), { retryAfterMs: asked }) });
        await operator.run(throwing([error], Flaky, { jitter: 'none', maxDelayMs }).made);
        expect(clock.waits).toEqual([waited]);
      }
    });

    it('ST-69: a stop ends a wait at once; a restart waits the rest and takes the next number', async () => {
      let sleeps = 0;
      const clock = new ManualClock();
      const asleep = gate();
      const waiting = {
        now: () => clock.now(),
        sleep: (ms: number, signal?: AbortSignal): Promise<void> => {
          if (sleeps++ > 0) return clock.sleep(ms, signal);
          asleep.open();
          return signal === undefined ? new Promise(() => undefined) : aborted(signal);
        },
      };
      const operator = await create({ clock: waiting });
      const { made, seen } = throwing([new Flaky('one')], Flaky, { baseDelayMs: 10_000, jitter: 'none' });
      const handle = await operator.launch(made, { a: 1 });
      await asleep.opened;
      await handle.stop();
      const first = await handle.finished();
      expect(first.status).toBe('STOPPED');
      expect(step(first, 'work')).toMatchObject({ status: 'STOPPED' });
      expect(step(first, 'work').attempts).toEqual([expect.objectContaining({ attempt: 1, waitMs: 10_000 })]);
      clock.advance(4000);
      const second = await operator.run(made, { a: 1 });
      expect(clock.waits).toEqual([6000]);
      expect(seen).toEqual([1, 2]);
      expect(step(second, 'work').attempts.map(({ attempt }) => attempt)).toEqual([2]);
    });

    it('ST-67: the wait goes on through several stops', async () => {
      const clock = new ManualClock();
      let isHeld = true;
      let asleep = gate();
      const waiting = {
        now: () => clock.now(),
        sleep: (ms: number, signal?: AbortSignal): Promise<void> => {
          if (!isHeld || signal === undefined) return clock.sleep(ms, signal);
          asleep.open();
          return aborted(signal);
        },
      };
      const operator = await create({ clock: waiting });
      const { made, seen } = throwing([new Flaky('one')], Flaky, { baseDelayMs: 10_000, jitter: 'none' });
      for (let stops = 0; stops < 3; stops++) {
        const handle = await operator.launch(made, { a: 1 });
        await asleep.opened;
        asleep = gate();
        clock.advance(1000);
        await handle.stop();
        const stopped = await handle.finished();
        expect(stopped.status).toBe('STOPPED');
        // The try beyond the first is that of the execution that makes it (ST-43).
        expect(step(stopped, 'work').counts.retry).toBe(0);
      }
      isHeld = false;
      const last = await operator.run(made, { a: 1 });
      expect(clock.waits).toEqual([7000]);
      expect(seen).toEqual([1, 2]);
      expect(step(last, 'work').attempts.map(({ attempt }) => attempt)).toEqual([2]);
      expect(step(last, 'work').counts.retry).toBe(1);
    });

    it('ST-67: a try whose time has come is made at once; after FAILED counting starts at 1', async () => {
      const clock = new ManualClock();
      const operator = await create({ clock });
      const { made, seen } = throwing(Array(3).fill(new Flaky('x')), Flaky, { maxAttempts: 2 });
      const first = await end(operator, made, { a: 1 });
      expect(first.status).toBe('FAILED');
      const second = await operator.run(made, { a: 1 });
      expect(seen).toEqual([1, 2, 1, 2]);
      expect(step(second, 'work').attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    });

    it('ST-67: the attempt and the next start are stored before the wait', async () => {
      const stored: unknown[] = [];
      let current: Promise<JobExecution> | undefined;
      const clock = new ManualClock();
      const operator = await create({
        clock: {
          now: () => clock.now(),
          sleep: async (ms, signal) => {
            current = operator.repository.executions({ jobName: made.name }).then(([e]) => e as JobExecution);
            stored.push(step(await current, 'work').attempts.map(({ attempt, waitMs }) => [attempt, waitMs]));
            await clock.sleep(ms, signal);
          },
        },
      });
      const { made } = throwing([new Flaky('x')], Flaky, { jitter: 'none' });
      await operator.run(made);
      expect(stored).toEqual([[[1, 1000]]]);
    });

    it('ST-27: a timeout is not retried, and its wait ends', async () => {
      const operator = await create();
      const slow = job(named('slow')).step('work', (s) => s.task((c) => aborted(c.signal)).retry('Error'), {
        timeoutMs: 30,
      });
      const execution = await end(operator, slow);
      expect(execution).toMatchObject({ status: 'FAILED', failure: { code: 'MR_STEP_TIMEOUT', step: 'work' } });
      expect(execution.failure?.message).toContain(`job "${slow.name}", step "work"`);
      expect(step(execution, 'work').attempts).toHaveLength(1);
      const waiting = job(named('waiting')).step(
        'work',
        (s) =>
          s
            .task(() => {
              throw new Flaky('x');
            })
            .retry(Flaky, { baseDelayMs: 100_000 }),
        { timeoutMs: heldMs },
      );
      operator.on('retryScheduled', holdTimers());
      expect(await end(operator, waiting)).toMatchObject({ failure: { code: 'MR_STEP_TIMEOUT' } });
    });

    it('ST-27: also when the function returns something after it', async () => {
      const operator = await create();
      const made = job(named('late'))
        .step('work', (s) => s.task((c) => aborted(c.signal).catch(() => 'in time, it thinks')), {
          timeoutMs: 20,
          allowFailure: true,
        })
        .step('next', (s) => s.task(() => 1));
      const execution = await operator.run(made);
      expect(execution.exitCode).toBe('DEGRADED');
      expect(step(execution, 'work')).toMatchObject({ status: 'FAILED', failure: { code: 'MR_STEP_TIMEOUT' } });
      expect(step(execution, 'work')).not.toHaveProperty('result');
    });

    it('ST-27: the timeout of a job fails what runs and begins nothing more', async () => {
      const operator = await create();
      const timeOut = holdTimers();
      const made = job(named('job-timeout'), { timeoutMs: heldMs })
        .step('quick', (s) => s.task(() => 1))
        .step('work', (s) => s.task((c) => aborted(c.signal, timeOut)).retry('Error'))
        .step('next', (s) => s.task(() => 1), { when: 'allDone' });
      const execution = await end(operator, made);
      expect(execution).toMatchObject({ status: 'FAILED', exitCode: 'FAILED', failure: { code: 'MR_JOB_TIMEOUT' } });
      expect(execution.failure?.message).toContain(`job "${made.name}"`);
      expect(execution.steps.map(({ name, status }) => [name, status])).toEqual([
        ['quick', 'COMPLETED'],
        ['work', 'FAILED'],
      ]);
      expect(await failure(operator.run(made))).toMatchObject({ cause: { code: 'MR_JOB_TIMEOUT' } });
    });
  });

  describe('job timeouts', () => {
    it('ST-27: the first failed step is the failure, though the job timed out after it', async () => {
      const operator = await create();
      const slow = gate();
      const made = job(named('first'), { timeoutMs: heldMs, parallel: true })
        .step('bad', (s) => s.task(() => slow.opened.then(() => Promise.reject(new TypeError('bad')))))
        .step('slow', (s) => s.task((c) => aborted(c.signal, slow.open)));
      operator.on('stepEnded', holdTimers());
      const execution = await end(operator, made);
      expect(execution.failure).toMatchObject({ step: 'bad', message: 'bad' });
      expect(step(execution, 'slow').failure).toMatchObject({ code: 'MR_JOB_TIMEOUT' });
    });

    it('ST-27: a job that ends in time is not touched by its timeout', async () => {
      const operator = await create();
      const made = job(named('quick'), { timeoutMs: 60_000 }).step('a', (s) => s.task(() => 1), { timeoutMs: 60_000 });
      expect((await operator.run(made)).status).toBe('COMPLETED');
    });
  });

  describe('contexts and results', () => {
    it('ST-58: the context of a task is kept by save() and at its end, and put back for the next try', async () => {
      const operator = await create({ clock: new ManualClock() });
      const seen: unknown[] = [];
      const made = job(named('context')).step('work', (s) =>
        s
          .task(async (c) => {
            seen.push([c.context.get('saved') ?? null, c.context.get('unsaved') ?? null]);
            c.context.set('saved', { n: c.attempt });
            await c.context.save();
            c.context.set('unsaved', 1);
            if (c.attempt < 3) throw new Flaky('again');
            c.context.delete('saved');
          })
          .retry(Flaky),
      );
      await operator.run(made);
      expect(seen).toEqual([
        [null, null],
        [{ n: 1 }, null],
        [{ n: 2 }, null],
      ]);
    });

    it('ST-58: a value is what it was when it was set', async () => {
      const operator = await create();
      const made = job(named('copies')).step('work', (s) =>
        s.task((c) => {
          const list = [1];
          c.context.set('list', list);
          list.push(2);
          c.context.get<number[]>('list')?.push(3);
          return c.context.get('list') ?? null;
        }),
      );
      expect(step(await operator.run(made), 'work').result).toEqual([1]);
    });

    it('ST-58: 64 KiB a step, and JSON only; errors name job, step and key', async () => {
      const operator = await create();
      // {"k":"..."} takes 8 bytes around the text.
      const fits = 64 * 1024 - 8;
      const made = (name: string, value: unknown) =>
        job(named('big')).step(name, (s) => s.task((c) => c.context.set('k', value as never)));
      expect((await end(operator, made('fits', 'x'.repeat(fits)))).status).toBe('COMPLETED');
      for (const value of ['x'.repeat(fits + 1), 'é'.repeat(fits / 2 + 1)]) {
        const { failure: said } = await end(operator, made('full', value));
        expect(said).toMatchObject({ code: 'MR_CONTEXT_TOO_LARGE', step: 'full' });
        expect(said?.message).toMatch(/job "big-.*", step "full".*"k"/);
      }
      for (const value of [undefined, Number.NaN, 1n, new Date(), () => 1, { a: [new Map()] }, Symbol('s')]) {
        const { failure: said } = await end(operator, made('odd', value));
        expect(said).toMatchObject({ code: 'MR_NOT_JSON' });
        expect(said?.message).toMatch(/job "big-.*", step "odd".*"k"/);
      }
    });

    it('ST-208: a result is what the function gave: JSON, nothing is null', async () => {
      const operator = await create();
      for (const [value, stored] of [
        [undefined, null],
        [null, null],
        [0, 0],
        [{ a: [1, 'x', { b: null }], gone: undefined }, { a: [1, 'x', { b: null }] }],
      ] as const) {
        const made = job(named('result'))
          .step('work', (s) => s.task(() => value as never))
          .step('read', (s) => s.task((c) => [c.result('work'), c.step('work')?.result ?? 'nothing']));
        const execution = await operator.run(made);
        expect(step(execution, 'work').result).toEqual(stored);
        expect(step(execution, 'read').result).toEqual([stored, stored ?? 'nothing']);
      }
    });

    it('ST-208: what is not JSON is MR_NOT_JSON, what is too large MR_RESULT_TOO_LARGE', async () => {
      const operator = await create();
      const of = (value: unknown) => job(named('bad')).step('work', (s) => s.task(() => value as never).retry('Error'));
      const circle: Record<string, unknown> = {};
      circle['self'] = circle;
      for (const value of [Number.NaN, 1n, new Date(), new Map(), () => 1, { deep: [Symbol('s')] }, circle]) {
        const execution = await end(operator, of(value));
        expect(execution.failure).toMatchObject({ code: 'MR_NOT_JSON', step: 'work' });
        expect(execution.failure?.message).toContain('step "work"');
        expect(step(execution, 'work').attempts).toHaveLength(1);
      }
      expect((await end(operator, of('x'.repeat(64 * 1024 - 2)))).status).toBe('COMPLETED');
      const large = await end(operator, of('x'.repeat(64 * 1024 - 1)));
      expect(large.failure).toMatchObject({ code: 'MR_RESULT_TOO_LARGE', step: 'work' });
    });

    it('ST-208: of a chunk step it is its counts; without one it is MR_NO_RESULT', async () => {
      const operator = await create();
      const made = job(named('counts'))
        .step('load', (s) => s.read([1, 2]).write(() => undefined))
        .step('skipped', (s) => s.task(() => 1), { if: () => false })
        .step('use', (s) => s.task((c) => [c.result('load').write, c.step('skipped')?.status ?? null]), {
          after: ['load', 'skipped'],
          when: 'allDone',
        })
        .step('none', (s) => s.task((c) => c.result('skipped')), { after: ['use'] });
      const execution = await end(operator, made);
      expect(step(execution, 'use').result).toEqual([2, 'SKIPPED']);
      expect(step(execution, 'load').result).toEqual(step(execution, 'load').counts);
      expect(step(execution, 'none').failure).toMatchObject({ code: 'MR_NO_RESULT' });
      expect(step(execution, 'none').failure?.message).toMatch(/step "none".*"skipped"/);
    });
  });
}
