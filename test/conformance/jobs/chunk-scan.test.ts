import { describe, expect, it } from 'vitest';
import { type AnyJob, FILTER, type JobOperator, job, SkippableError, tableWriter } from '../../../src/jobs/index.ts';
import { heldMs, holdTimers } from '../../support/held-timer.ts';
import { failsFor, finish, freshOperator, MemoryWriter, numbers, scriptReader, stepOf } from './chunk-support.ts';

const bad = (): Error => new SkippableError('bad row');

/** The counts of a step whose write fails for some of its items. */
async function scanned(count: number, failing: readonly number[], size = count) {
  const operator = await freshOperator();
  const writer = new MemoryWriter<number>();
  writer.failing = failsFor(failing, bad);
  const scan = job('scan').step('s', (s) =>
    s.read(numbers(count)).chunk(size).skip('none', { limit: 1000 }).write(writer),
  );
  const execution = await finish(operator, scan);
  const skipped = await operator.repository.skippedItems({ executionId: execution.id });
  return { execution, writer, skipped, counts: stepOf(execution).counts };
}

describe('a failed chunk', () => {
  it.each([
    [10, [3], 9, 1, 5, 5],
    [8, [2, 5], 6, 2, 6, 7],
    [100, [37], 99, 1, 7, 7],
    [100, [99], 99, 1, 8, 8],
    [100, numbers(100), 0, 100, 100, 199],
  ])('ST-34: of %i items failing for %j', async (count, failing, write, writeSkip, commit, rollback) => {
    const { execution, counts, writer, skipped } = await scanned(count, failing);
    expect(execution.status).toBe('COMPLETED');
    expect(counts).toEqual({
      read: count,
      filter: 0,
      write,
      readSkip: 0,
      processSkip: 0,
      writeSkip,
      skip: writeSkip,
      commit,
      rollback,
      retry: 0,
    });
    expect(writer.kept).toEqual(numbers(count).filter((n) => !failing.includes(n)));
    expect(skipped.map(({ index }) => index)).toEqual(failing);
    expect(skipped.every(({ phase, item, index }) => phase === 'write' && item === index)).toBe(true);
  });

  it.each([0, 1, 499, 500, 777, 999])('ST-34: one of 1000 takes 20 to 22 transactions together: %i', async (at) => {
    const { counts } = await scanned(1000, [at]);
    expect(counts).toMatchObject({ write: 999, writeSkip: 1 });
    expect(counts.commit + counts.rollback).toBeGreaterThanOrEqual(20);
    expect(counts.commit + counts.rollback).toBeLessThanOrEqual(22);
  });

  it('ST-34: scans by bisection, left half first, the smaller half left', async () => {
    const { writer } = await scanned(7, [4]);
    expect(writer.calls.filter((call) => call.startsWith('write'))).toEqual([
      'write [0,1,2,3,4,5,6]',
      'write [0,1,2]',
      'write [3,4,5,6]',
      'write [3,4]',
      'write [3]',
      'write [4]',
      'write [5,6]',
    ]);
  });

  it('ST-34: a range takes the filtered and skipped items before its outputs, the last one those after', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<number>();
    writer.failing = failsFor([4], bad);
    const commits: [number, number, number][] = [];
    const scan = job('scan').step('s', (s) =>
      s
        .read(numbers(9))
        .process((n) => {
          if (n === 1) throw new SkippableError('one');
          return n === 0 || n === 3 || n === 8 ? FILTER : n;
        })
        .chunk(9)
        .listen({
          afterChunk: ({ firstIndex, counts: { read, filter } }) => void commits.push([firstIndex, read, filter]),
        })
        .write(writer),
    );
    const { steps } = await finish(operator, scan);
    // Outputs 2 4 5 6 7: 2 4 | 5 6 7.
    expect(commits).toEqual([
      [0, 3, 1],
      [3, 5, 2],
      [5, 9, 3],
    ]);
    expect(steps[0]?.counts).toMatchObject({ read: 9, write: 4, filter: 3, processSkip: 1, writeSkip: 1, commit: 3 });
  });

  it('ST-34: one output that fails is recorded in a commit of its own, without a scan', async () => {
    const { counts, writer } = await scanned(3, [1], 1);
    expect(counts).toMatchObject({ write: 2, writeSkip: 1, commit: 3, rollback: 1 });
    expect(writer.calls.filter((call) => call.startsWith('write')).length).toBe(3);
  });

  it('ST-34: retries come before the scan; inside it a range of more than one is split at once', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<number>();
    writer.failing = failsFor([1], () => Object.assign(new Error('both'), { code: 'BOTH' }));
    const scan = job('scan').step('s', (s) =>
      s.read(numbers(4)).chunk(4).skip('BOTH').retry('BOTH', { maxAttempts: 3, baseDelayMs: 0 }).write(writer),
    );
    const { steps } = await finish(operator, scan);
    const writes = writer.calls.filter((call) => call.startsWith('write'));
    // Three tries of the chunk, one of [0,1], [0] succeeds, three tries of [1], then [2,3].
    expect(writes).toEqual([
      ...['write [0,1,2,3]', 'write [0,1,2,3]', 'write [0,1,2,3]'],
      ...['write [0,1]', 'write [0]', 'write [1]', 'write [1]', 'write [1]', 'write [2,3]'],
    ]);
    expect(steps[0]?.counts).toMatchObject({ write: 3, writeSkip: 1, retry: 4, rollback: 7, commit: 3 });
  });

  it('ST-34: an error in a scan that is not skippable fails the step; the ranges before it stay', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<number>();
    writer.failing = (items) => {
      if (items.length > 4) return bad();
      return items.includes(6) ? new Error('hard') : undefined;
    };
    const scan = job('scan').step('s', (s) => s.read(numbers(8)).chunk(8).write(writer));
    const { status, steps } = await finish(operator, scan);
    expect(status).toBe('FAILED');
    expect(steps[0]?.failure?.message).toBe('hard');
    expect(writer.kept).toEqual([0, 1, 2, 3]);
    expect(steps[0]?.counts).toMatchObject({ read: 4, write: 4, commit: 1, rollback: 2 });
  });

  it('ST-35: a restart inside a scan goes on behind what is resolved, with the same ranges', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<number>();
    const keys: string[] = [];
    let isBroken = true;
    writer.failing = failsFor([1], bad);
    const scan = job('scan').step('s', (s) =>
      s
        .read(numbers(10))
        .chunk(8)
        .listen({
          afterChunk: ({ counts }) => {
            if (counts.read === 2 && isBroken) throw new Error('killed');
          },
        })
        .write({
          guarantee: 'atLeastOnce',
          open: () => {
            const sink = writer.open();
            return {
              ...sink,
              write(items, { key }) {
                keys.push(key.replace(/.*\//, ''));
                return sink.write(items);
              },
            };
          },
        }),
    );
    const failed = await finish(operator, scan);
    expect(stepOf(failed).counts).toMatchObject({ read: 2, write: 1, writeSkip: 1, commit: 2, rollback: 4 });
    expect(keys.splice(0)).toEqual(['0-8', '0-4', '0-2', '0-1', '1-1']);
    isBroken = false;
    const done = await finish(operator, scan);
    expect(keys).toEqual(['2-2', '4-4', '8-2']);
    expect(stepOf(done).counts).toMatchObject({ read: 8, write: 8, skip: 0, commit: 3, rollback: 0 });
    expect(writer.kept).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('ST-33: a failed attempt is rolled back, and the retry is a new transaction after the wait', async () => {
    const operator = await freshOperator();
    await operator.dataSource.execute('create table t (n integer primary key)');
    let tries = 0;
    const log: string[] = [];
    const flaky = job('flaky').step('s', (s) =>
      s
        .read(numbers(4))
        .chunk(2)
        .retry('FLAKY', { baseDelayMs: 0 })
        .listen({ onRetry: ({ phase, attempt, error }) => void log.push(`${phase} ${attempt} ${error.message}`) })
        .write({
          guarantee: 'exactlyOnce',
          transactional: true,
          open: () => ({
            async write(items: readonly number[], { tx }) {
              for (const n of items) await tx?.execute('insert into t values (?)', [n]);
              if (++tries <= 2) throw Object.assign(new Error('flaky'), { code: 'FLAKY' });
            },
          }),
        }),
    );
    const { status, steps } = await finish(operator, flaky);
    expect(status).toBe('COMPLETED');
    expect(steps[0]?.counts).toMatchObject({ write: 4, commit: 2, rollback: 2, retry: 2 });
    expect(log).toEqual(['write 1 flaky', 'write 2 flaky']);
    expect(await operator.dataSource.query('select count(*) as n from t')).toEqual([{ n: 4 }]);
  });

  it.each(['SQLITE_BUSY', '40P01', '40001', 'ER_LOCK_DEADLOCK', 'ECONNRESET'])(
    'ST-33: %s of the chunk transaction is retried without being listed',
    async (code) => {
      const operator = await freshOperator();
      let tries = 0;
      const busy = job('busy').step('s', (s) =>
        s
          .read([1])
          .retry('unrelated', { baseDelayMs: 0 })
          .write({
            guarantee: 'exactlyOnce',
            transactional: true,
            open: () => ({
              write() {
                if (++tries < 3) throw Object.assign(new Error('busy'), { code });
              },
            }),
          }),
      );
      const { status, steps } = await finish(operator, busy);
      expect(status).toBe('COMPLETED');
      expect(steps[0]?.counts).toMatchObject({ retry: 2, rollback: 2, commit: 1 });
    },
  );

  it('ST-33: what fails around the write is retried or fatal, never scanned or skipped', async () => {
    let error: Error = bad();
    let times = 1;
    const operator = await freshOperator({
      probe: (point) => {
        if (point === 'beforeCommit' && times-- > 0) throw error;
      },
    });
    const rows = new MemoryWriter<number>();
    const job1 = job('around').step('s', (s) => s.read(numbers(4)).chunk(4).retry('R', { baseDelayMs: 0 }).write(rows));
    const failed = await finish(operator, job1);
    expect(stepOf(failed)).toMatchObject({
      status: 'FAILED',
      counts: { write: 0, writeSkip: 0, rollback: 1, commit: 0 },
    });
    expect(rows.calls).toEqual(['open', 'write [0,1,2,3]', 'rollback', 'close']);
    error = Object.assign(new Error('r'), { code: 'R' });
    times = 2;
    const done = await finish(operator, job1);
    expect(stepOf(done)).toMatchObject({ status: 'COMPLETED', counts: { write: 4, rollback: 2, retry: 2, commit: 1 } });
    expect(rows.kept).toEqual([0, 1, 2, 3]);
  });

  it('ST-34: scans in the database leave exactly the good rows', async () => {
    const operator = await freshOperator();
    await operator.dataSource.execute('create table t (n integer primary key check (n % 7 <> 3))');
    const scan = job('scan').step('s', (s) =>
      s
        .read(numbers(50).map((n) => ({ n })))
        .chunk(20)
        .skipPolicy((error) => /constraint/i.test(error.message))
        .write(tableWriter<{ n: number }>('t')),
    );
    const { steps } = await finish(operator, scan);
    const good = numbers(50).filter((n) => n % 7 !== 3);
    expect(await operator.dataSource.query('select n from t order by n')).toEqual(good.map((n) => ({ n })));
    expect(steps[0]?.counts).toMatchObject({ read: 50, write: good.length, writeSkip: 50 - good.length });
    expect(steps[0]?.guarantee).toBe('exactlyOnce');
  });

  it('ST-38: an attempt that takes too long is rolled back with MR_TRANSACTION_TIMEOUT, and tried again', async () => {
    const operator = await freshOperator();
    const timeOut = holdTimers();
    let tries = 0;
    const reasons: unknown[] = [];
    const slow = job('slow').step('s', (s) =>
      s
        .read([1, 2])
        .chunk(2, { transactionTimeoutMs: heldMs })
        .retry('none', { baseDelayMs: 0 })
        .write(async (_, { signal }) => {
          if (++tries > 1) return;
          timeOut();
          reasons.push((signal.reason as { code?: string }).code);
        }),
    );
    const { status, steps } = await finish(operator, slow);
    expect(status).toBe('COMPLETED');
    expect(reasons).toEqual(['MR_TRANSACTION_TIMEOUT']);
    expect(steps[0]?.counts).toMatchObject({ write: 2, commit: 1, rollback: 1, retry: 1 });
  });

  it('ST-38: fails with it once the tries are used up, and leaves the rows of the transaction out', async () => {
    const operator = await freshOperator();
    const timeOut = holdTimers();
    await operator.dataSource.execute('create table t (n integer)');
    const slow = job('slow').step('s', (s) =>
      s
        .read([1])
        .chunk(1, { transactionTimeoutMs: heldMs })
        .retry([], { baseDelayMs: 0, maxAttempts: 2 })
        .write({
          guarantee: 'exactlyOnce',
          transactional: true,
          open: () => ({
            async write(_, { tx }) {
              await tx?.execute('insert into t values (1)');
              timeOut();
            },
          }),
        }),
    );
    const { status, steps } = await finish(operator, slow);
    expect(status).toBe('FAILED');
    expect(steps[0]?.failure).toMatchObject({ code: 'MR_TRANSACTION_TIMEOUT' });
    expect(steps[0]?.counts).toMatchObject({ rollback: 2, retry: 1, commit: 0 });
    expect(await operator.dataSource.query('select * from t')).toEqual([]);
  });
});

describe('skips', () => {
  const skippingAt = (failing: readonly number[]) => (n: number) => {
    if (failing.includes(n)) throw new SkippableError(`bad ${n}`);
    return n;
  };
  const limited = (count: number, failing: readonly number[], limit: number, size = 2): AnyJob =>
    job('limited').step('s', (s) =>
      s
        .read(numbers(count))
        .process(skippingAt(failing))
        .chunk(size)
        .skip('none', { limit })
        .write(() => undefined),
    );

  it('ST-70: L skips pass, the next fails the step, rolls its chunk back and is not recorded', async () => {
    const operator = await freshOperator();
    const run = operator.run(limited(10, [0, 3, 5, 8], 2), { id: 1 });
    await expect(run).rejects.toMatchObject({
      code: 'MR_JOB_NOT_COMPLETED',
      cause: { code: 'MR_SKIP_LIMIT_EXCEEDED', cause: { message: 'bad 5' }, details: { skipped: [] } },
    });
    const [execution] = await operator.repository.executions();
    expect(execution).toBeDefined();
    if (execution === undefined) return;
    expect(stepOf(execution).counts).toMatchObject({
      read: 4,
      write: 2,
      processSkip: 2,
      skip: 2,
      commit: 2,
      rollback: 1,
    });
    const skipped = await operator.repository.skippedItems({ executionId: execution.id });
    expect(skipped.map(({ index }) => index)).toEqual([0, 3]);
  });

  it('ST-70: details.skipped holds the uncommitted skips of the chunk, the cause the one too many', async () => {
    const operator = await freshOperator();
    const seen: number[] = [];
    const big = job('big').step('s', (s) =>
      s
        .read(numbers(10))
        .process((n) => {
          seen.push(n);
          throw new SkippableError(`bad ${n}`);
        })
        .chunk(10)
        .skip('none', { limit: 3 })
        .write(() => undefined),
    );
    await expect(operator.run(big, { id: 1 })).rejects.toMatchObject({
      cause: {
        code: 'MR_SKIP_LIMIT_EXCEEDED',
        cause: { message: 'bad 3' },
        details: { skipped: [{ message: 'bad 0' }, { message: 'bad 1' }, { message: 'bad 2' }] },
      },
    });
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('ST-70: the default limit is 10; 0 and Infinity are allowed', async () => {
    for (const [limit, failing, status] of [
      [undefined, 10, 'COMPLETED'],
      [undefined, 11, 'FAILED'],
      [0, 0, 'COMPLETED'],
      [0, 1, 'FAILED'],
      [Number.POSITIVE_INFINITY, 40, 'COMPLETED'],
    ] as const) {
      const operator = await freshOperator();
      const options = limit === undefined ? {} : { limit };
      const one = job('one').step('s', (s) =>
        s
          .read(numbers(40))
          .process(skippingAt(numbers(failing)))
          .skip('none', options)
          .write(() => undefined),
      );
      expect((await finish(operator, one)).status).toBe(status);
    }
  });

  it('ST-70: inside a scan the ranges before the limit stay', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<number>();
    writer.failing = failsFor([1, 6], bad);
    const scan = job('scan').step('s', (s) => s.read(numbers(8)).chunk(8).skip('none', { limit: 1 }).write(writer));
    const { status, steps } = await finish(operator, scan);
    expect(status).toBe('FAILED');
    expect(steps[0]?.failure).toMatchObject({ code: 'MR_SKIP_LIMIT_EXCEEDED', cause: { message: 'bad row' } });
    expect(writer.kept).toEqual([0, 2, 3, 4, 5]);
    expect(steps[0]?.counts).toMatchObject({ read: 6, write: 5, writeSkip: 1, skip: 1 });
  });

  it('ST-70: two different limits of a step are MR_JOB_DEFINITION, the same twice is not', () => {
    const two = (a: number, b: number) => (): AnyJob =>
      job('two').step('s', (s) =>
        s
          .read([1])
          .skip('A', { limit: a })
          .skip('B', { limit: b })
          .write(() => undefined),
      );
    expect(two(1, 2)).toThrow(expect.objectContaining({ code: 'MR_JOB_DEFINITION' }));
    expect(two(2, 2)).not.toThrow();
  });

  it('ST-71: the limit bounds read, process and write skips together', async () => {
    for (const [limit, status] of [
      [3, 'COMPLETED'],
      [2, 'FAILED'],
    ] as const) {
      const operator = await freshOperator();
      const writer = new MemoryWriter<number>();
      writer.failing = failsFor([7], bad);
      const three = job('three').step('s', (s) =>
        s
          .read(scriptReader<number>([0, 1, new SkippableError('read'), 3, 4, 5, 6, 7, 8]))
          .process(skippingAt([4]))
          .chunk(3)
          .skip('none', { limit })
          .write(writer),
      );
      const execution = await finish(operator, three);
      expect(execution.status).toBe(status);
      if (status === 'FAILED') continue;
      expect(stepOf(execution).counts).toMatchObject({
        read: 8,
        write: 6,
        readSkip: 1,
        processSkip: 1,
        writeSkip: 1,
        skip: 3,
      });
      const skipped = await operator.repository.skippedItems({ executionId: execution.id });
      expect(skipped.map(({ phase, index }) => `${phase} ${index}`)).toEqual(['read 2', 'process 4', 'write 7']);
    }
  });

  it('ST-71: skips of earlier executions count, unless the scope is the execution', async () => {
    for (const [scope, status] of [
      ['instance', 'FAILED'],
      ['execution', 'COMPLETED'],
    ] as const) {
      const operator = await freshOperator();
      let isBroken = true;
      const resumed = job('resumed').step('s', (s) =>
        s
          .read(numbers(10))
          .process((n) => {
            if (n === 4 && isBroken) throw new Error('stop');
            return skippingAt([0, 2, 5, 7])(n);
          })
          .chunk(2)
          .skip('none', { limit: 3, scope })
          .write(() => undefined),
      );
      expect(stepOf(await finish(operator, resumed)).counts.skip).toBe(2);
      isBroken = false;
      const again = await finish(operator, resumed);
      expect(again.status).toBe(status);
      const { counts } = await operator.repository.instance(again.instanceId);
      expect(counts['s']?.skip).toBe(status === 'FAILED' ? 3 : 4);
    }
  });

  it.each(['instance', 'execution'] as const)('ST-71: partitions share a limit of scope %s', async (scope) => {
    for (const [limit, status] of [
      [8, 'COMPLETED'],
      [7, 'FAILED'],
    ] as const) {
      const operator = await freshOperator();
      const parts = job('parts').step('s', (s) =>
        s
          .partitions(() => [0, 1, 2, 3])
          .read(({ partition }) => [0, 1, 2].map((n) => partition.value * 10 + n))
          .process(async (n) => {
            await null;
            if (n % 10 < 2) throw new SkippableError(`bad ${n}`);
            return n;
          })
          .chunk(1)
          .skip('none', { limit, scope })
          .write(() => undefined),
      );
      const execution = await finish(operator, parts);
      expect(execution.status).toBe(status);
      expect(stepOf(execution).counts.skip).toBe(status === 'FAILED' ? 7 : 8);
      expect(await operator.repository.skippedItems({ executionId: execution.id })).toHaveLength(
        status === 'FAILED' ? 7 : 8,
      );
    }
  });

  it('ST-72: skipPolicy gets the skips so far and replaces the limit', async () => {
    const operator = await freshOperator();
    const asked: [string, number][] = [];
    const policy = job('policy').step('s', (s) =>
      s
        .read(numbers(30))
        .process((n) => {
          if (n % 2 === 0) throw new Error(`even ${n}`);
          return n;
        })
        .chunk(4)
        .skip('none', { limit: 1 })
        .skipPolicy((error, skipped) => {
          asked.push([error.message, skipped]);
          return skipped < 12;
        })
        .write(() => undefined),
    );
    const { status, steps } = await finish(operator, policy);
    expect(status).toBe('FAILED');
    expect(steps[0]?.failure?.message).toBe('even 24');
    expect(asked).toEqual(Array.from({ length: 13 }, (_, index) => [`even ${index * 2}`, index]));
    expect(steps[0]?.counts).toMatchObject({ read: 24, processSkip: 12 });
  });

  it('ST-73: each skip is one row with phase, index, item and error; long items are cut', async () => {
    const operator = await freshOperator();
    const long = 'ä'.repeat(6000);
    const items = ['ok', long, { deep: [1, { two: 2n }] }];
    const rows = job('rows').step('s', (s) =>
      s
        .read(items)
        .process((item) => {
          if (item === 'ok') return item;
          throw Object.assign(new SkippableError('no'), { cause: new Error('root') });
        })
        .write(() => undefined),
    );
    const { id, instanceId } = await finish(operator, rows);
    const skipped = await operator.repository.skippedItems({ executionId: id });
    expect(skipped).toEqual(await operator.repository.skippedItems({ instanceId, stepName: 's' }));
    expect(await operator.repository.skippedItems({ instanceId, stepName: 'other' })).toEqual([]);
    expect(skipped).toHaveLength(2);
    expect(skipped[0]).toMatchObject({ stepName: 's', phase: 'process', index: 1, truncated: true });
    const cut = skipped[0]?.item as string;
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(8192);
    expect(Buffer.byteLength(cut)).toBeGreaterThan(8188);
    expect(JSON.stringify(long).startsWith(cut)).toBe(true);
    expect(skipped[1]).toMatchObject({
      index: 2,
      truncated: false,
      item: { deep: [1, { two: '2' }] },
      error: { message: 'no', code: 'MR_SKIPPABLE', cause: { message: 'root' } },
    });
    expect(structuredClone(skipped)).toEqual(skipped);
  });

  it('ST-73: read-skips are counted in the index and have no item', async () => {
    const operator = await freshOperator();
    const script = scriptReader<string>([
      'a',
      new SkippableError('one'),
      new SkippableError('two'),
      'd',
      new SkippableError('last'),
    ]);
    const indexes: number[] = [];
    const reads = job('reads').step('s', (s) =>
      s
        .read(script)
        .chunk(2)
        .listen({ beforeChunk: ({ firstIndex }) => void indexes.push(firstIndex) })
        .write(() => undefined),
    );
    const execution = await finish(operator, reads);
    expect(stepOf(execution).counts).toMatchObject({ read: 2, readSkip: 3, write: 2, skip: 3, commit: 2 });
    const skipped = await operator.repository.skippedItems({ executionId: execution.id });
    expect(skipped.map(({ index, item, phase }) => [index, item, phase])).toEqual([
      [1, undefined, 'read'],
      [2, undefined, 'read'],
      [4, undefined, 'read'],
    ]);
    expect(indexes[1]).toBe(4);
  });

  it('ST-73: onSkip runs once an item, also when the attempt is tried again', async () => {
    let failures = 3;
    const operator = await freshOperator({
      probe: (point) => {
        if (point === 'beforeCommit' && failures-- > 0) throw Object.assign(new Error('again'), { code: 'AGAIN' });
      },
    });
    const told: number[] = [];
    const once = job('once').step('s', (s) =>
      s
        .read(numbers(6))
        .process(skippingAt([1, 4]))
        .chunk(3)
        .retry('AGAIN', { baseDelayMs: 0 })
        .listen({ onSkip: ({ index }) => void told.push(index) })
        .write(() => undefined),
    );
    expect((await finish(operator, once)).status).toBe('COMPLETED');
    expect(told).toEqual([1, 4]);
  });

  it('ST-74: maxAttempts 3 and an item that always fails: three calls, two retries, one skip', async () => {
    const operator = await freshOperator();
    const calls = new Map<number, number>();
    const attempts: number[] = [];
    const always = job('always').step('s', (s) =>
      s
        .read(numbers(10))
        .process((n, c) => {
          calls.set(n, (calls.get(n) ?? 0) + 1);
          if (n !== 7) return n;
          attempts.push(c.attempt);
          throw Object.assign(new Error('seven'), { code: 'SEVEN' });
        })
        .retry('SEVEN', { maxAttempts: 3, baseDelayMs: 0 })
        .skip('SEVEN')
        .write(() => undefined),
    );
    const { steps } = await finish(operator, always);
    expect([...calls.values()]).toEqual([1, 1, 1, 1, 1, 1, 1, 3, 1, 1]);
    expect(attempts).toEqual([1, 2, 3]);
    expect(steps[0]?.counts).toMatchObject({ processSkip: 1, retry: 2, write: 9, rollback: 0 });
  });

  it('keeps read = write + filter + skips in every row', async () => {
    const operator: JobOperator = await freshOperator();
    const writer = new MemoryWriter<number>();
    writer.failing = failsFor([3, 11, 17], bad);
    const seen: boolean[] = [];
    const mixed = job('mixed').step('s', (s) =>
      s
        .read(numbers(40))
        .process((n) => (n % 5 === 0 ? FILTER : skippingAt([6, 22])(n)))
        .chunk(7)
        .listen({
          afterChunk: ({ counts: { read, write, filter, processSkip, writeSkip, skip } }) =>
            void seen.push(read === write + filter + processSkip + writeSkip && skip === processSkip + writeSkip),
        })
        .write(writer),
    );
    await finish(operator, mixed);
    expect(seen.length).toBeGreaterThan(8);
    expect(seen.every(Boolean)).toBe(true);
  });
});
