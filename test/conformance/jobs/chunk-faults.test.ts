import { describe, expect, it } from 'vitest';
import {
  BatchError,
  type ChunkStepBuilder,
  CircuitBreaker,
  dataSource,
  type ItemWriter,
  type JobParameters,
  job,
  RetryableError,
  type RetryOptions,
  SkippableError,
} from '../../../src/jobs/index.ts';
import { finish, freshOperator, MemoryWriter, NotingClock, numbers, scriptReader, stepOf } from './chunk-support.ts';

const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

class Busy extends Error {
  override readonly name = 'Busy';
}
class VeryBusy extends Busy {}

type Rules = (s: ChunkStepBuilder<JobParameters, object, number>) => ChunkStepBuilder<JobParameters, object, number>;

/** What becomes of an error in process: calls made, status and counts. */
async function met(error: () => unknown, rules: Rules, failures = Number.POSITIVE_INFINITY) {
  const clock = new NotingClock();
  const operator = await freshOperator({ clock });
  let calls = 0;
  const one = job('one').step('s', (s) =>
    rules(
      s.read([1]).process((n) => {
        if (++calls <= failures) throw error();
        return n;
      }),
    ).write(() => undefined),
  );
  const step = stepOf(await finish(operator, one));
  return { calls, status: step.status, counts: step.counts, failure: step.failure, waits: clock.waits };
}

describe('what an error means', () => {
  it('ST-60: nothing is retried or skipped by accident', async () => {
    const { calls, status, failure } = await met(
      () => coded('ECONNRESET', 'lost'),
      (s) => s,
    );
    expect([calls, status, failure?.message, failure?.code]).toEqual([1, 'FAILED', 'lost', 'ECONNRESET']);
  });

  it('ST-60: RetryableError and SkippableError are retried and skipped unlisted, other BatchErrors are fatal', async () => {
    expect(
      await met(
        () => new RetryableError('r'),
        (s) => s,
        2,
      ),
    ).toMatchObject({ calls: 3, status: 'COMPLETED', counts: { retry: 2 } });
    expect(
      await met(
        () => new SkippableError('s'),
        (s) => s,
      ),
    ).toMatchObject({ calls: 1, counts: { processSkip: 1 } });
    expect(
      await met(
        () => new BatchError('b'),
        (s) =>
          s
            .skip('MR_BATCH')
            .retry(BatchError)
            .skipPolicy(() => true)
            .classify(() => 'skip'),
      ),
    ).toMatchObject({ calls: 1, status: 'FAILED', failure: { code: 'MR_BATCH' } });
  });

  it('ST-60: errors of ours are fatal but for those about a record, a row or a server', async () => {
    const unreachable = (): unknown => {
      try {
        return dataSource('nonsense:x');
      } catch (error) {
        return error;
      }
    };
    const error = unreachable();
    expect(
      await met(
        () => error,
        (s) =>
          s
            .skip('MR_REPOSITORY_UNREACHABLE')
            .retry('MR_REPOSITORY_UNREACHABLE')
            .classify(() => 'skip'),
      ),
    ).toMatchObject({ calls: 1, status: 'FAILED', failure: { code: 'MR_REPOSITORY_UNREACHABLE' } });
  });

  it.each<[string, () => unknown, Rules]>([
    ['its class', () => new Busy('x'), (s) => s.skip(Busy)],
    ['a class above it', () => new VeryBusy('x'), (s) => s.skip(Busy)],
    ['its code', () => coded('E1'), (s) => s.skip('E1')],
    ['its name', () => new Busy('x'), (s) => s.skip('Busy')],
    ['the class of its cause', () => new Error('x', { cause: new Busy('y') }), (s) => s.skip(Busy)],
    [
      'the code of a cause further down',
      () => new Error('x', { cause: new Error('y', { cause: coded('E1') }) }),
      (s) => s.skip('E1'),
    ],
    ['one of several lists', () => coded('E2'), (s) => s.skip('E1').skip(['E3', 'E2'])],
  ])('ST-60: an error is known by %s', async (_, error, rules) => {
    expect(await met(error, rules)).toMatchObject({ status: 'COMPLETED', counts: { processSkip: 1 } });
  });

  it('ST-60: classify comes before the lists; undefined leaves it to them', async () => {
    const rules =
      (verdict: 'retry' | 'skip' | 'fail' | undefined): Rules =>
      (s) =>
        s.retry('E', { maxAttempts: 2, baseDelayMs: 0 }).classify(() => verdict);
    expect(await met(() => coded('E'), rules('fail'))).toMatchObject({ calls: 1, status: 'FAILED' });
    expect(await met(() => coded('E'), rules('skip'))).toMatchObject({ calls: 1, counts: { processSkip: 1 } });
    expect(await met(() => coded('F'), rules('retry'), 1)).toMatchObject({ calls: 2, status: 'COMPLETED' });
    expect(await met(() => coded('E'), rules(undefined))).toMatchObject({ calls: 2, status: 'FAILED' });
  });

  it('ST-60: retryable and skippable is retried first, then skipped; the cause is kept', async () => {
    const both: Rules = (s) => s.skip('E').retry('E', { maxAttempts: 3, baseDelayMs: 10, jitter: 'none' });
    expect(await met(() => coded('E'), both)).toMatchObject({
      calls: 3,
      status: 'COMPLETED',
      counts: { processSkip: 1, retry: 2 },
      waits: [10, 20],
    });
    const failed = await met(
      () => new Error('outer', { cause: coded('E', 'inner') }),
      (s) => s,
    );
    expect(failed.failure).toMatchObject({ message: 'outer', cause: { message: 'inner', code: 'E' } });
  });

  it('ST-60: a thrown value that is no error fails the step with its text', async () => {
    expect(
      await met(
        () => 'a text',
        (s) => s,
      ),
    ).toMatchObject({ status: 'FAILED', failure: { message: 'a text' } });
  });

  it('ST-61: the defaults are 4 attempts, 1 s, factor 2, 60 s, equal jitter', async () => {
    const defaults = await met(
      () => coded('E'),
      (s) => s.retry('E'),
    );
    // random gives 0.5: just the delay.
    expect(defaults).toMatchObject({ calls: 4, status: 'FAILED', waits: [1000, 2000, 4000], counts: { retry: 3 } });
    const limited: RetryOptions = { maxAttempts: 8, maxDelayMs: 5000, factor: 3 };
    expect(
      (
        await met(
          () => coded('E'),
          (s) => s.retry('E', limited),
        )
      ).waits,
    ).toEqual([1000, 3000, 5000, 5000, 5000, 5000, 5000]);
  });

  it('ST-62: shouldRetry sees the number of the failure and may only narrow', async () => {
    const seen: [number, string][] = [];
    const shouldRetry = (attempt: number, error: unknown): boolean => {
      seen.push([attempt, (error as Error).message]);
      return attempt < 3;
    };
    const narrow = await met(
      () => coded('E'),
      (s) => s.retry('E', { maxAttempts: 10, baseDelayMs: 0, shouldRetry }),
    );
    expect(narrow.calls).toBe(3);
    expect(seen).toEqual([
      [1, 'E'],
      [2, 'E'],
      [3, 'E'],
    ]);
    expect(
      (
        await met(
          () => coded('F'),
          (s) => s.retry('E', { shouldRetry: () => true }),
        )
      ).calls,
    ).toBe(1);
  });

  it('ST-60: lists add up, and the options are the one policy of the step', async () => {
    const rules: Rules = (s) => s.retry('A', { maxAttempts: 2 }).retry(['B', Busy], { baseDelayMs: 5, jitter: 'none' });
    expect(await met(() => coded('A'), rules)).toMatchObject({ calls: 2, waits: [5] });
    expect(await met(() => new Busy('b'), rules)).toMatchObject({ calls: 2, waits: [5] });
  });

  it('ST-69: an error that says retryAfterMs waits at least that, at most maxDelayMs', async () => {
    const asking = (retryAfterMs: number) => () =>
      new Error('x', { cause: Object.assign(coded('E'), { retryAfterMs }) });
    const rules: Rules = (s) => s.retry('E', { maxAttempts: 2, baseDelayMs: 100, maxDelayMs: 1000, jitter: 'none' });
    expect((await met(asking(700), rules)).waits).toEqual([700]);
    expect((await met(asking(50), rules)).waits).toEqual([100]);
    expect((await met(asking(5000), rules)).waits).toEqual([1000]);
  });

  it('ST-69: a stop ends a wait at once, and the step is STOPPED', async () => {
    const operator = await freshOperator();
    const waiting = job('waiting').step('s', (s) =>
      s
        .read([1, 2])
        .process(() => {
          throw coded('E');
        })
        .retry('E', { baseDelayMs: 60_000 })
        .listen({ onRetry: () => void setImmediate(() => handle.stop()) })
        .write(() => undefined),
    );
    const handle = await operator.launch(waiting, { id: 1 });
    const { status, steps } = await handle.finished();
    expect(status).toBe('STOPPED');
    expect(steps[0]).toMatchObject({ status: 'STOPPED', counts: { read: 0, retry: 0 } });
  });

  it('ST-40: retry counts tries beyond the first of reads, items and ranges', async () => {
    const clock = new NotingClock();
    const operator = await freshOperator({ clock });
    const log: string[] = [];
    const left = { read: 2, process: 3, write: 1 };
    const again = (kind: 'read' | 'process' | 'write'): void => {
      if (left[kind]-- > 0) throw coded('E', kind);
    };
    let at = 0;
    const all = job('all').step('s', (s) =>
      s
        .read({
          open: () => ({
            read: () => {
              again('read');
              return at < 3 ? [at++] : [];
            },
            position: () => at,
          }),
        })
        .process((n, c) => {
          if (n === 1) again('process');
          return [n, c.attempt];
        })
        .chunk(3)
        .retry('E', { baseDelayMs: 8, jitter: 'none' })
        .listen({
          onRetry: ({ phase, attempt, delayMs, error }) =>
            void log.push(`${phase} ${attempt} ${delayMs} ${error.message}`),
        })
        .write((items) => {
          again('write');
          log.push(JSON.stringify(items));
        }),
    );
    operator.on('retryScheduled', ({ phase, attempt, delayMs, index }) =>
      log.push(`event ${phase} ${attempt} ${delayMs} ${index ?? ''}`.trim()),
    );
    const { counts } = stepOf(await finish(operator, all));
    expect(counts).toMatchObject({ read: 3, write: 3, retry: 6, rollback: 1, commit: 1 });
    expect(log).toEqual([
      ...['read 1 8 read', 'event read 1 8', 'read 2 16 read', 'event read 2 16'],
      ...['process 1 8 process', 'event process 1 8 1', 'process 2 16 process', 'event process 2 16 1'],
      ...['process 3 32 process', 'event process 3 32 1'],
      ...['write 1 8 write', 'event write 1 8 0'],
      '[[0,1],[1,4],[2,1]]',
    ]);
    expect(clock.waits).toEqual([8, 16, 8, 16, 32, 8]);
  });

  it('ST-204: a read error that is both is only retried; one to be skipped has moved past its record', async () => {
    const operator = await freshOperator({ clock: new NotingClock() });
    const both = job('both').step('s', (s) =>
      s
        .read(scriptReader<number>([1, coded('BOTH'), coded('BOTH'), coded('BOTH'), 5]))
        .skip('BOTH')
        .retry('BOTH', { maxAttempts: 3 })
        .write(() => undefined),
    );
    const failed = stepOf(await finish(operator, both));
    expect(failed).toMatchObject({ status: 'FAILED', failure: { code: 'BOTH' }, counts: { readSkip: 0, retry: 2 } });
    const skipped = job('skipped').step('s', (s) =>
      s
        .read(scriptReader<number>([1, coded('SKIP'), 3]))
        .skip('SKIP')
        .retry('OTHER')
        .write(() => undefined),
    );
    expect(stepOf(await finish(operator, skipped)).counts).toMatchObject({ read: 2, readSkip: 1, write: 2 });
  });

  it('ST-200: a read that fails while a restart drops what was resolved is tried again like others', async () => {
    const operator = await freshOperator({ clock: new NotingClock() });
    let isBroken = true;
    let failures = 0;
    const rows: number[] = [];
    const seen: number[] = [];
    const resumed = job('resumed').step('s', (s) =>
      s
        .read({
          open: (position) => {
            let at = typeof position === 'number' ? position : 0;
            return {
              read: (size) => {
                if (!isBroken && failures++ < 2) throw coded('BUSY');
                const batch = numbers(10).slice(at, at + size);
                at += batch.length;
                return batch;
              },
              position: () => at,
            };
          },
        })
        .process((n) => {
          seen.push(n);
          if (n === 5 && isBroken) throw new Error('five');
          return n;
        })
        .chunk(2, { fetchSize: 10 })
        .retry('BUSY')
        .write((items) => void rows.push(...items)),
    );
    await finish(operator, resumed);
    isBroken = false;
    seen.length = 0;
    const { status, counts } = stepOf(await finish(operator, resumed));
    expect([status, rows, seen, counts.retry]).toEqual(['COMPLETED', numbers(10), numbers(10).slice(4), 2]);
  });

  it('ST-82: an open breaker is retried as such, after the rest of its time', async () => {
    const clock = new NotingClock();
    const operator = await freshOperator({ clock });
    const breaker = new CircuitBreaker({ failureThreshold: 2, recoveryTimeoutMs: 5000, clock });
    let calls = 0;
    const called = job('called').step('s', (s) =>
      s
        .read(numbers(4))
        .process((n) =>
          breaker.call(() => {
            if (++calls <= 2) throw coded('DOWN');
            return n;
          }),
        )
        .chunk(2)
        .retry('DOWN', { baseDelayMs: 100, jitter: 'none' })
        .write(() => undefined),
    );
    const { status, counts } = stepOf(await finish(operator, called));
    expect(status).toBe('COMPLETED');
    expect(clock.waits).toEqual([100, 200, 4800]);
    expect([counts.retry, calls, breaker.state]).toEqual([3, 6, 'CLOSED']);
  });

  it('ST-68: no transaction is open while a chunk is read, processed or waits', async () => {
    const operator = await freshOperator();
    const { dataSource: own } = operator;
    await own.execute('create table t (n integer)');
    let writes = 0;
    // Each of these would wait for the open transaction of the one connection until it times out.
    const touch = (): Promise<unknown> => own.execute('insert into t values (0)');
    const writer: ItemWriter<number> = {
      guarantee: 'exactlyOnce',
      transactional: true,
      open: () => ({
        async write(items, { tx }) {
          await tx?.execute('insert into t values (1)');
          if (++writes === 1) throw coded('AGAIN');
          expect(items.length).toBeGreaterThan(0);
        },
      }),
    };
    const quiet = job('quiet').step('s', (s) =>
      s
        .read(async function* () {
          for (const n of numbers(4)) {
            await touch();
            yield n;
          }
        })
        .process(async (n) => {
          await touch();
          return n;
        })
        .chunk(2)
        .retry('AGAIN', { baseDelayMs: 0 })
        .listen({
          onRetry: async () => void (await touch()),
          beforeChunk: async () => void (await touch()),
          afterChunk: async () => void (await touch()),
        })
        .write(writer),
    );
    expect((await finish(operator, quiet)).status).toBe('COMPLETED');
    expect(await own.query('select n, count(*) as c from t group by n order by n')).toEqual([
      { n: 0, c: 4 + 4 + 1 + 3 + 2 },
      { n: 1, c: 2 },
    ]);
  });

  it('ST-42: retries and rollbacks of a step that failed are in its final row', async () => {
    const operator = await freshOperator({ clock: new NotingClock() });
    const writer = new MemoryWriter<number>();
    writer.failing = () => coded('E');
    const failing = job('failing').step('s', (s) => s.read([1, 2]).retry('E', { maxAttempts: 3 }).write(writer));
    const { id } = await finish(operator, failing);
    const stored = stepOf(await operator.repository.execution(id));
    expect(stored.counts).toMatchObject({ read: 0, write: 0, commit: 0, rollback: 3, retry: 2 });
  });

  it('ST-29: a stop does not wait for a read that may never end', async () => {
    const operator = await freshOperator();
    const rows: number[] = [];
    const waiting = job('waiting').step('s', (s) =>
      s
        .read(async function* () {
          yield 1;
          yield 2;
          setImmediate(() => handle.stop());
          await new Promise(() => undefined);
        })
        .chunk(1)
        .write((items) => void rows.push(...items)),
    );
    const handle = await operator.launch(waiting, { id: 1 });
    const execution = await handle.finished();
    expect(stepOf(execution)).toMatchObject({ status: 'STOPPED', counts: { read: 2, write: 2 } });
    expect(rows).toEqual([1, 2]);
  });

  it('ST-29: a stop finishes the chunk, starts none more, and a restart goes on', async () => {
    const operator = await freshOperator();
    const rows: number[] = [];
    const stopped = job('stopped').step('s', (s) =>
      s
        .read(numbers(10))
        .process(async (n) => {
          if (n === 3 && rows.length < 3) await handle.stop();
          return n;
        })
        .chunk(2)
        .write((items) => void rows.push(...items)),
    );
    const handle = await operator.launch(stopped, { id: 1 });
    const first = await handle.finished();
    expect(first.status).toBe('STOPPED');
    expect(stepOf(first)).toMatchObject({ status: 'STOPPED', counts: { read: 4, write: 4, commit: 2 } });
    const again = await finish(operator, stopped);
    expect(stepOf(again)).toMatchObject({ status: 'COMPLETED', counts: { read: 6, write: 6, commit: 3 } });
    expect(rows).toEqual(numbers(10));
  });
});
