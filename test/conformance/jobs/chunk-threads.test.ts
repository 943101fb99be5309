import { threadId } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { FILTER, job, RetryableError, SkippableError } from '../../../src/jobs/index.ts';
import { finish, freshOperator, NotingClock, numbers, stepOf } from './chunk-support.ts';

const context = { workers: 2, progress: false } as const;

class Odd extends Error {}

describe('process with threads', () => {
  it('ST-202: gives the same rows, order, counts and skips as without', async () => {
    const operator = await freshOperator({ context });
    const offset = 1000;
    for (const threads of [false, true]) {
      const rows: unknown[] = [];
      const threaded = job(`threads-${threads}`).step('s', (s) =>
        s
          .read(numbers(100))
          .process((n) => ({ n }))
          .process(
            ({ n }) => {
              if (n % 10 === 3) return FILTER;
              if (n % 20 === 7) throw new Odd(`odd ${n}`);
              if (n % 50 === 9) throw new SkippableError(`skip ${n}`);
              return { n: n + offset, at: new Date(n), big: BigInt(n), none: null };
            },
            { threads },
          )
          .filter(({ n }) => n % 2 === 0)
          .chunk(30)
          .skip(Odd)
          .write((items) => void rows.push(...items)),
      );
      const execution = await finish(operator, threaded);
      expect(execution.status).toBe('COMPLETED');
      const good = numbers(100).filter((n) => n % 2 === 0);
      expect(rows).toEqual(good.map((n) => ({ n: n + 1000, at: new Date(n), big: BigInt(n), none: null })));
      expect(stepOf(execution).counts).toMatchObject({ read: 100, write: 50, filter: 43, processSkip: 7, commit: 4 });
      const skipped = await operator.repository.skippedItems({ executionId: execution.id });
      expect(skipped.map(({ index, phase, item, error }) => [index, phase, item, error.message])).toEqual(
        [7, 9, 27, 47, 59, 67, 87].map((n) => [n, 'process', n, `${n === 9 || n === 59 ? 'skip' : 'odd'} ${n}`]),
      );
    }
  });

  it('ST-202: runs on the workers of the engine, with the plain part of the context', async () => {
    const operator = await freshOperator({ context });
    const rows: { thread: number; name: string; parameter: unknown; attempt: number }[] = [];
    const threaded = job<{ id: number }>('threaded').step('s', (s) =>
      s
        .read(numbers(10))
        .process(
          async (_, c) => {
            const { threadId: thread } = await import('node:worker_threads');
            return { thread, name: `${c.jobName} ${c.stepName}`, parameter: c.parameters.id, attempt: c.attempt };
          },
          { threads: true },
        )
        .write((items) => void rows.push(...items)),
    );
    await finish(operator, threaded, { id: 7 });
    expect(rows).toHaveLength(10);
    expect(rows.every(({ thread }) => thread !== threadId)).toBe(true);
    expect(new Set(rows.map(({ name, parameter, attempt }) => `${name} ${parameter} ${attempt}`))).toEqual(
      new Set(['threaded s 7 1']),
    );
  });

  it('ST-202: retries items as without threads, each with the number of its try', async () => {
    const clock = new NotingClock();
    const operator = await freshOperator({ context, clock });
    const rows: unknown[] = [];
    const threaded = job('threaded').step('s', (s) =>
      s
        .read(numbers(6))
        .process(
          (n, c) => {
            if (n === 2 && c.attempt < 3) throw new RetryableError('again');
            if (n === 4 && c.attempt < 2) throw Object.assign(new Error('busy'), { code: 'BUSY', retryAfterMs: 500 });
            return `${n} ${c.attempt}`;
          },
          { threads: true },
        )
        .retry('BUSY', { baseDelayMs: 10, jitter: 'none' })
        .write((items) => void rows.push(...items)),
    );
    const { counts } = stepOf(await finish(operator, threaded));
    expect(rows).toEqual(['0 1', '1 1', '2 3', '3 1', '4 2', '5 1']);
    expect(counts).toMatchObject({ retry: 3, write: 6 });
    expect(clock.waits.toSorted((a, b) => a - b)).toEqual([10, 20, 500]);
  });

  it('ST-202: undefined, a closure that cannot travel and an error that is not listed fail the step', async () => {
    const operator = await freshOperator({ context });
    const socket = new WeakMap<object, number>();
    for (const [name, fn, failure] of [
      ['undefined', () => undefined, { code: 'MR_PROCESSOR_RETURNED_UNDEFINED' }],
      [
        'closure',
        (n: number) => socket.get({ n }) ?? n,
        { code: 'MR_CLOSURE_UNSHIPPABLE', message: expect.stringContaining('socket') },
      ],
      [
        'error',
        (): number => {
          throw new TypeError('wrong', { cause: Object.assign(new Error('root'), { code: 'ROOT' }) });
        },
        { name: 'TypeError', message: 'wrong', cause: { message: 'root', code: 'ROOT' } },
      ],
    ] as const) {
      const failing = job(name).step('s', (s) =>
        s
          .read([1, 2])
          .process(fn as (n: number) => number, { threads: true })
          .write(() => undefined),
      );
      expect(stepOf(await finish(operator, failing))).toMatchObject({ status: 'FAILED', failure });
    }
  });

  it('ST-111: dataset steps and threads share one engine, which a step may ask for', async () => {
    const operator = await freshOperator({ context });
    const engines = new Set<unknown>();
    const shared = job('shared')
      .step('rows', (s) =>
        s
          .read(numbers(4))
          .process((n) => n * 2, { threads: true })
          .listen({ beforeStep: async (c) => void engines.add(await c.millrace()) })
          .write(() => undefined),
      )
      .step('sum', (s) =>
        s.dataset((sc) => {
          engines.add(sc);
          return sc.parallelize(numbers(5)).reduce((a, b) => a + b);
        }),
      );
    const execution = await finish(operator, shared);
    expect(stepOf(execution, 'sum').result).toBe(10);
    expect(engines.size).toBe(1);
  });
});
