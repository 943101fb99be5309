import { describe, expect, it } from 'vitest';
import { FILTER, type ItemWriter, job, listReader, SkippableError } from '../../../src/jobs/index.ts';
import { finish, freshOperator, MemoryWriter, numbers, scriptReader, stepOf } from './chunk-support.ts';
import { none } from './harness.ts';

describe('the chunk step', () => {
  it.each([
    [0, 10, 0],
    [1, 10, 1],
    [10, 10, 1],
    [20, 10, 2],
    [25, 10, 3],
    [3, 1, 3],
  ])('ST-31: %i items in chunks of %i make %i commits', async (count, size, commits) => {
    const operator = await freshOperator();
    const rows: number[] = [];
    const copy = job('copy').step('s', (s) =>
      s
        .read(numbers(count))
        .chunk(size)
        .write((items) => void rows.push(...items)),
    );
    const { status, steps } = await finish(operator, copy);
    expect(status).toBe('COMPLETED');
    expect(steps[0]?.counts).toEqual({ ...none, read: count, write: count, commit: commits });
    expect(rows).toEqual(numbers(count));
  });

  it('ST-31: the default chunk is 100 items, and they are fetched at once', async () => {
    const operator = await freshOperator();
    const reader = scriptReader(numbers(150));
    const sizes: number[] = [];
    const copy = job('copy').step('s', (s) => s.read(reader).write((items) => void sizes.push(items.length)));
    await finish(operator, copy);
    expect(sizes).toEqual([100, 50]);
    expect(reader.reads).toEqual(['open 0', '100/100', '50/100', '0/100', 'close']);
  });

  it('ST-30: reads at most fetchSize items a call, also when a chunk is not a multiple of it', async () => {
    const operator = await freshOperator();
    const reader = scriptReader(numbers(10));
    const ranges: (readonly number[])[] = [];
    const copy = job('copy').step('s', (s) =>
      s
        .read(reader)
        .chunk(4, { fetchSize: 3 })
        .write((items) => void ranges.push(items)),
    );
    const { steps } = await finish(operator, copy);
    expect(ranges).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(reader.reads.slice(1, -1)).toEqual(['3/3', '3/3', '3/3', '1/3', '0/3']);
    expect(steps[0]?.counts.commit).toBe(3);
  });

  it('ST-30: a writer is not called for zero outputs, and the chunk is committed', async () => {
    const operator = await freshOperator();
    const calls: (readonly number[])[] = [];
    const even = job('even').step('s', (s) =>
      s
        .read([1, 3, 2, 4, 5, 7])
        .process((n) => (n % 2 === 0 ? n : FILTER))
        .chunk(2)
        .write((items) => void calls.push(items)),
    );
    const { steps } = await finish(operator, even);
    expect(calls).toEqual([[2, 4]]);
    expect(steps[0]?.counts).toEqual({ ...none, read: 6, filter: 4, write: 2, commit: 3 });
  });

  it('ST-44: 50 numbers squared, odd squares filtered, chunk 10', async () => {
    const operator = await freshOperator();
    const squares = job('squares').step('s', (s) =>
      s
        .read(Array.from({ length: 50 }, (_, index) => index + 1))
        .process((n) => n * n)
        .filter((n) => n % 2 === 0)
        .chunk(10)
        .write(() => undefined),
    );
    const { steps } = await finish(operator, squares);
    expect(steps[0]?.counts).toEqual({ ...none, read: 50, write: 25, filter: 25, commit: 5 });
    expect(steps[0]?.result).toEqual(steps[0]?.counts);
  });

  it('ST-30: gives the writer the first index of its range and the key that goes with it', async () => {
    const operator = await freshOperator();
    const writes: { firstIndex: number; key: string; isOpen: boolean; tx: unknown }[] = [];
    const copy = job('copy').step('s', (s) =>
      s
        .read(numbers(5))
        .process((n) => (n === 2 ? FILTER : n))
        .chunk(2)
        .write(
          (_, { firstIndex, key, signal, tx }) => void writes.push({ firstIndex, key, isOpen: !signal.aborted, tx }),
        ),
    );
    const { instanceId } = await finish(operator, copy);
    const keys = writes.map(({ key }) => key.replace(instanceId, 'I'));
    expect(writes.map(({ firstIndex }) => firstIndex)).toEqual([0, 2, 4]);
    expect(keys.map((key) => key.replace(/^I\/\d+\//, ''))).toEqual(['s/0/0-2', 's/0/2-2', 's/0/4-1']);
    expect(writes.every(({ isOpen, tx }) => isOpen && tx === undefined)).toBe(true);
  });

  it('ST-30: what is in the database of the repository is committed with the chunk or not at all', async () => {
    const operator = await freshOperator();
    const { dataSource } = operator;
    await dataSource.execute('create table t (n integer)');
    const seen: unknown[] = [];
    const writer: ItemWriter<number> = {
      guarantee: 'exactlyOnce',
      transactional: true,
      open: () => ({
        async write(items, { tx }) {
          for (const n of items) await tx?.execute('insert into t values (?)', [n]);
          seen.push(await tx?.query('select count(*) as n from t'));
          if (items.includes(3)) throw new Error('third');
        },
      }),
    };
    const copy = job('copy').step('s', (s) => s.read(numbers(6)).chunk(2).write(writer));
    const execution = await finish(operator, copy);
    expect(execution.status).toBe('FAILED');
    expect(execution.failure).toMatchObject({ message: 'third', step: 's' });
    expect(await dataSource.query('select n from t order by n')).toEqual([{ n: 0 }, { n: 1 }]);
    expect(stepOf(execution).counts).toEqual({ ...none, read: 2, write: 2, commit: 1, rollback: 1 });
    expect(seen).toEqual([[{ n: 2 }], [{ n: 4 }]]);
  });

  it('ST-32: asks the reader once an item and the processor once an item, and keeps outputs for scans', async () => {
    const operator = await freshOperator();
    const processed: number[] = [];
    const reader = scriptReader(numbers(10));
    const writer = new MemoryWriter<number>();
    writer.failing = (items) => (items.includes(3) ? new SkippableError('three') : undefined);
    const copy = job('copy').step('s', (s) =>
      s
        .read(reader)
        .process((n) => {
          processed.push(n);
          return n;
        })
        .chunk(10)
        .write(writer),
    );
    const { steps } = await finish(operator, copy);
    expect(processed).toEqual(numbers(10));
    expect(reader.reads).toEqual(['open 0', '10/10', '0/10', 'close']);
    expect(steps[0]?.counts.writeSkip).toBe(1);
  });

  it.each([1, 4])(
    'ST-32: undefined fails the step with MR_PROCESSOR_RETURNED_UNDEFINED, at concurrency %i',
    async (many) => {
      const operator = await freshOperator();
      const forgetful = job('forgetful').step('s', (s) =>
        s
          .read(numbers(5))
          .process((n) => (n === 3 ? undefined : n))
          .concurrency(many)
          .skip('MR_PROCESSOR_RETURNED_UNDEFINED')
          .skipPolicy(() => true)
          .write(() => undefined),
      );
      const { status, steps } = await finish(operator, forgetful);
      expect(status).toBe('FAILED');
      expect(steps[0]?.failure).toMatchObject({ code: 'MR_PROCESSOR_RETURNED_UNDEFINED' });
      expect(steps[0]?.failure?.message).toMatch(/"forgetful".*"s".*index 3/);
      expect(steps[0]?.counts).toEqual(none);
    },
  );

  it('ST-32: null is a value, from readers and processors', async () => {
    const operator = await freshOperator();
    const rows: unknown[] = [];
    const nulls = job('nulls').step('s', (s) =>
      s
        .read([1, null, 3])
        .process((n) => (n === 3 ? null : n))
        .write((items) => void rows.push(...items)),
    );
    const { steps } = await finish(operator, nulls);
    expect(rows).toEqual([1, null, null]);
    expect(steps[0]?.counts).toMatchObject({ read: 3, write: 3, filter: 0 });
  });

  it('ST-37: any concurrency gives the same rows, order and counts', async () => {
    for (const concurrency of [1, 2, 7, 100]) {
      const operator = await freshOperator();
      const rows: number[] = [];
      let running = 0;
      let most = 0;
      const skipped: number[] = [];
      const mixed = job('mixed').step('s', (s) =>
        s
          .read(numbers(60))
          .process(async (n) => {
            running += 1;
            most = Math.max(most, running);
            for (let turn = 0; turn < (n * 7) % 5; turn++) await null;
            running -= 1;
            if (n % 10 === 4) throw new SkippableError(`no ${n}`);
            return n % 3 === 0 ? FILTER : n * 2;
          })
          .chunk(9)
          .concurrency(concurrency)
          .listen({ onSkip: ({ index }) => void skipped.push(index) })
          .write((items) => void rows.push(...items)),
      );
      const { steps } = await finish(operator, mixed);
      const good = numbers(60).filter((n) => n % 10 !== 4 && n % 3 !== 0);
      expect(rows).toEqual(good.map((n) => n * 2));
      expect(skipped).toEqual([4, 14, 24, 34, 44, 54]);
      expect(steps[0]?.counts).toEqual({
        ...none,
        read: 60,
        write: 36,
        filter: 18,
        processSkip: 6,
        skip: 6,
        commit: 7,
      });
      expect(most).toBeLessThanOrEqual(concurrency);
      expect(most > 1).toBe(concurrency > 1);
    }
  });

  it('ST-39: calls listeners in order, onSkip inside its chunk', async () => {
    const operator = await freshOperator();
    const log: string[] = [];
    const listened = job('listened').step('s', (s) =>
      s
        .read(numbers(5))
        .process((n) => {
          log.push(`process ${n}`);
          if (n === 1) throw new SkippableError('one');
          return n;
        })
        .chunk(3)
        .listen({
          beforeStep: (c) => void log.push(`beforeStep ${c.stepName}`),
          beforeChunk: ({ firstIndex, size }) => void log.push(`beforeChunk ${firstIndex} of ${size}`),
          onSkip: ({ phase, index, item, error }) => void log.push(`onSkip ${phase} ${index} ${item} ${error.message}`),
          afterChunk: ({ firstIndex, counts }) => void log.push(`afterChunk ${firstIndex} ${counts.read}`),
          afterStep: ({ status, counts }) => void log.push(`afterStep ${status} ${counts.skip}`),
        })
        .write((items) => void log.push(`write ${items}`)),
    );
    await finish(operator, listened);
    expect(log).toEqual([
      'beforeStep s',
      'beforeChunk 0 of 3',
      'process 0',
      'process 1',
      'process 2',
      'write 0,2',
      'onSkip process 1 1 one',
      'afterChunk 0 3',
      'beforeChunk 3 of 3',
      'process 3',
      'process 4',
      'write 3,4',
      'afterChunk 3 5',
      'afterStep COMPLETED 1',
    ]);
  });

  it.each(['beforeStep', 'beforeChunk', 'onSkip', 'afterChunk', 'afterStep', 'onRetry'] as const)(
    'ST-39: a throwing %s fails the step and drops no item',
    async (kind) => {
      const operator = await freshOperator();
      const rows = new MemoryWriter<number>();
      let isBroken = true;
      let fails = 0;
      const listened = job('listened').step('s', (s) =>
        s
          .read(numbers(6))
          .process((n) => {
            if (n === 3) throw new SkippableError('three');
            if (n === 4 && fails++ === 0) throw Object.assign(new Error('again'), { code: 'AGAIN' });
            return n;
          })
          .chunk(2)
          .skip('none', { limit: Number.POSITIVE_INFINITY })
          .retry('AGAIN', { baseDelayMs: 0 })
          .listen({
            [kind]: () => {
              if (isBroken) throw new Error(`${kind} broke`);
            },
          })
          .write(rows),
      );
      const failed = await finish(operator, listened);
      expect(failed.status).toBe('FAILED');
      expect(stepOf(failed).failure?.message).toBe(`${kind} broke`);
      isBroken = false;
      const again = await finish(operator, listened);
      expect(again.status).toBe('COMPLETED');
      const [skip, ...others] = await operator.repository.skippedItems({ instanceId: again.instanceId });
      expect(skip).toMatchObject({ index: 3, phase: 'process' });
      expect(others).toEqual([]);
      const { counts } = await operator.repository.instance(again.instanceId);
      expect(counts['s']).toMatchObject({ read: 6, write: 5, processSkip: 1, commit: 3 });
    },
  );

  it('ST-39: an afterStep that throws leaves no result, and the sink is not published twice', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<number>();
    const listened = job('listened').step('s', (s) =>
      s
        .read([1])
        .listen({ afterStep: () => Promise.reject(new Error('no')) })
        .write(writer),
    );
    const failed = await finish(operator, listened);
    expect(stepOf(failed)).toMatchObject({ status: 'FAILED', counts: { read: 1, write: 1 } });
    expect(stepOf(failed).result).toBeUndefined();
    expect(writer.calls).toEqual(['open', 'write [1]', 'publish', 'close']);
  });

  it('ST-40: emits chunkCommitted after afterChunk with the counts so far, chunkRolledBack and itemSkipped', async () => {
    const operator = await freshOperator();
    const log: string[] = [];
    for (const kind of ['chunkCommitted', 'chunkRolledBack', 'itemSkipped'] as const) {
      operator.on(kind, ({ firstIndex, index, counts, phase }) =>
        log.push(`${kind} ${firstIndex ?? index} ${counts?.write ?? phase ?? ''}`.trim()),
      );
    }
    const writer = new MemoryWriter<number>();
    writer.failing = (items) => (items.includes(2) ? new SkippableError('two') : undefined);
    const copy = job('copy').step('s', (s) =>
      s
        .read(numbers(4))
        .chunk(2)
        .listen({ afterChunk: ({ firstIndex }) => void log.push(`afterChunk ${firstIndex}`) })
        .write(writer),
    );
    await finish(operator, copy);
    expect(log).toEqual([
      'afterChunk 0',
      'chunkCommitted 0 2',
      'chunkRolledBack 2',
      'chunkRolledBack 2',
      'afterChunk 2',
      'chunkCommitted 2 2',
      'itemSkipped 2 write',
      'afterChunk 3',
      'chunkCommitted 3 3',
    ]);
  });

  it('ST-42: a listener and a probe that throw after the commit leave what is committed', async () => {
    for (const at of ['probe', 'listener'] as const) {
      let isBroken = true;
      const fail = (): void => {
        if (!isBroken) return;
        isBroken = false;
        throw new Error('after the commit');
      };
      const operator = await freshOperator({
        probe: (point) => (at === 'probe' && point === 'afterCommit' ? fail() : undefined),
      });
      const rows: number[] = [];
      const copy = job('copy').step('s', (s) =>
        s
          .read(numbers(4))
          .chunk(2)
          .listen({ afterChunk: () => (at === 'listener' ? fail() : undefined) })
          .write((items) => void rows.push(...items)),
      );
      const failed = await finish(operator, copy);
      expect(stepOf(failed)).toMatchObject({ status: 'FAILED', failure: { message: 'after the commit' } });
      expect(stepOf(failed).counts).toEqual({ ...none, read: 2, write: 2, commit: 1 });
      const again = await finish(operator, copy);
      expect(stepOf(again).counts).toEqual({ ...none, read: 2, write: 2, commit: 1 });
      expect(rows).toEqual(numbers(4));
    }
  });

  it('ST-43: each execution counts its own work and the instance the sum', async () => {
    const operator = await freshOperator();
    let stopsAt = 4;
    const rows: number[] = [];
    const copy = job('copy').step('s', (s) =>
      s
        .read(numbers(10))
        .process((n) => {
          if (n === stopsAt) throw new Error('stop');
          return n;
        })
        .chunk(2)
        .write((items) => void rows.push(...items)),
    );
    expect(stepOf(await finish(operator, copy)).counts).toMatchObject({ read: 4, write: 4, commit: 2 });
    stopsAt = 8;
    expect(stepOf(await finish(operator, copy)).counts).toMatchObject({ read: 4, write: 4, commit: 2 });
    stopsAt = -1;
    const done = await finish(operator, copy);
    expect(stepOf(done).counts).toMatchObject({ read: 2, write: 2, commit: 1 });
    expect((await operator.repository.instance(done.instanceId)).counts['s']).toMatchObject({
      read: 10,
      write: 10,
      commit: 5,
    });
    expect(rows).toEqual(numbers(10));
  });

  it('ST-201: processMany counts outputs, none of an item is a filter, and a range is cut between items', async () => {
    const operator = await freshOperator();
    const writer = new MemoryWriter<string>();
    writer.failing = (items) => (items.includes('2b') ? new SkippableError('2b') : undefined);
    const many = job('many').step('s', (s) =>
      s
        .read(numbers(5))
        .processMany((n) => ['a', 'b', 'c'].slice(0, n).map((letter) => `${n}${letter}`))
        .chunk(10)
        .write(writer),
    );
    const execution = await finish(operator, many);
    expect(writer.kept).toEqual(['1a', '3a', '3b', '3c', '4a', '4b', '4c']);
    expect(stepOf(execution).counts).toMatchObject({ read: 5, filter: 1, write: 7, writeSkip: 2, skip: 2 });
    const [skip, ...others] = await operator.repository.skippedItems({ executionId: execution.id });
    expect(skip).toMatchObject({ phase: 'write', index: 2, item: 2 });
    expect(others).toEqual([]);
  });

  it('ST-201: processMany takes any iterable and promises of one', async () => {
    const operator = await freshOperator();
    const rows: number[] = [];
    const many = job('many').step('s', (s) =>
      s
        .read([1, 2])
        .processMany(function* (n: number) {
          yield n;
          yield n * 10;
        })
        .processMany(async (n) => new Set([n, -n]))
        .write((items) => void rows.push(...items)),
    );
    await finish(operator, many);
    expect(rows).toEqual([1, -1, 10, -10, 2, -2, 20, -20]);
  });

  it('ST-203: validate fails with MR_VALIDATION, its issues in message and details, and may be skipped', async () => {
    const operator = await freshOperator();
    const positive = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          (value as number) > 0
            ? { value: value as number }
            : { issues: [{ message: 'must be positive', path: ['n'] }] },
      },
    };
    const strict = job('strict').step('s', (s) =>
      s
        .read([1, -1, 2])
        .validate(positive)
        .write(() => undefined),
    );
    await expect(operator.run(strict, { id: 1 })).rejects.toMatchObject({
      code: 'MR_JOB_NOT_COMPLETED',
      cause: {
        code: 'MR_VALIDATION',
        message: expect.stringContaining('must be positive'),
        details: { issues: [{ message: 'must be positive' }] },
      },
    });
    const lenient = job('lenient').step('s', (s) =>
      s
        .read([1, -1, 2])
        .validate(positive)
        .skip('MR_VALIDATION')
        .write(() => undefined),
    );
    expect(stepOf(await finish(operator, lenient)).counts).toMatchObject({ write: 2, processSkip: 1 });
  });

  it('ST-200: a restart goes on inside a batch, with another chunk size and another fetch size', async () => {
    for (const [size, fetchSize, nextSize, nextFetch] of [
      [3, 7, 5, 2],
      [2, 10, 10, 10],
      [4, 1, 3, 8],
    ] as const) {
      const operator = await freshOperator();
      let isBroken = true;
      const rows: number[] = [];
      const seen: number[] = [];
      const make = (chunk: number, fetch: number) =>
        job('sized').step('s', (s) =>
          s
            .read(listReader(numbers(20)))
            .process((n) => {
              seen.push(n);
              if (n === 9 && isBroken) throw new Error('nine');
              return n;
            })
            .chunk(chunk, { fetchSize: fetch })
            .write((items) => void rows.push(...items)),
        );
      expect((await finish(operator, make(size, fetchSize))).status).toBe('FAILED');
      const committed = rows.length;
      expect(committed).toBe(Math.floor(9 / size) * size);
      isBroken = false;
      seen.length = 0;
      expect((await finish(operator, make(nextSize, nextFetch))).status).toBe('COMPLETED');
      expect(rows).toEqual(numbers(20));
      expect(seen).toEqual(numbers(20).slice(committed));
    }
  });

  it('ST-204: an iterable that throws ends, whatever is listed, and the items before are in their chunk', async () => {
    const operator = await freshOperator();
    const rows: number[] = [];
    const broken = job('broken').step('s', (s) =>
      s
        .read(function* () {
          yield* [1, 2, 3];
          throw new SkippableError('source');
        })
        .chunk(2)
        .skipPolicy(() => true)
        .retry('MR_SKIPPABLE')
        .write((items) => void rows.push(...items)),
    );
    const { status, steps } = await finish(operator, broken);
    expect(status).toBe('FAILED');
    expect(steps[0]?.failure).toMatchObject({ code: 'MR_SKIPPABLE', message: 'source' });
    expect(rows).toEqual([1, 2]);
  });

  it('ST-204: a one-shot iterator passed bare is MR_JOB_DEFINITION; from a function it is read', async () => {
    const once = (): IterableIterator<number> => [1, 2][Symbol.iterator]();
    expect(() => job('bare').step('s', (s) => s.read(once()).write(() => undefined))).toThrow(
      expect.objectContaining({ code: 'MR_JOB_DEFINITION', message: expect.stringMatching(/bare.*"s".*function/) }),
    );
    const operator = await freshOperator();
    const given = job('given').step('s', (s) => s.read(once).write(() => undefined));
    expect(stepOf(await finish(operator, given)).counts.read).toBe(2);
  });

  it('ST-30: whatever can be awaited is, from streams, processors and filters', async () => {
    const operator = await freshOperator();
    // biome-ignore lint/suspicious/noThenProperty: just that is tested
    const later = <T>(value: T) => ({ then: (resolve: (value: T) => void) => resolve(value) }) as unknown as Promise<T>;
    const rows: number[] = [];
    let at = 0;
    const awaited = job('awaited').step('s', (s) =>
      s
        .read({ open: () => later({ read: () => later(at < 4 ? [at++] : []), position: () => at }) })
        .process((n) => later(n * 2))
        .filter((n) => later(n !== 4))
        .processMany((n) => later([n, -n]))
        .chunk(3)
        .write((items) => later(void rows.push(...items))),
    );
    const { counts } = stepOf(await finish(operator, awaited));
    expect(rows).toEqual([0, -0, 2, -2, 6, -6]);
    expect(counts).toMatchObject({ read: 4, filter: 1, write: 6, commit: 2 });
  });

  it('ST-30: a stream that gives more than it was asked for fails the step', async () => {
    const operator = await freshOperator();
    const greedy = job('greedy').step('s', (s) =>
      s
        .read({ open: () => ({ read: () => [1, 2, 3], position: () => 0 }) })
        .chunk(2)
        .write(() => undefined),
    );
    const { steps } = await finish(operator, greedy);
    expect(steps[0]?.failure?.message).toMatch(/at most 2.*3 items/);
  });

  it.each([undefined, Number.NaN, { at: new Date(0) }, 1n])(
    'ST-200: a position that is not JSON fails the step: %s',
    async (bad) => {
      const operator = await freshOperator();
      const made = job('positions').step('s', (s) =>
        s.read({ open: () => ({ read: () => [1], position: () => bad as never }) }).write(() => undefined),
      );
      const { steps } = await finish(operator, made);
      expect(steps[0]?.failure).toMatchObject({ code: 'MR_NOT_JSON', message: /step "s": the position of its reader/ });
      expect(steps[0]?.counts.read).toBe(0);
    },
  );
});
