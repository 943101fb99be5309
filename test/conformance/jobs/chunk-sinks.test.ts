import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type AnyJob,
  csvReader,
  csvWriter,
  dataSource,
  httpWriter,
  type ItemWriter,
  job,
  jsonLinesWriter,
  jsonWriter,
  listWriter,
  sqlReader,
  tableWriter,
  textWriter,
  transactionalWriter,
} from '../../../src/jobs/index.ts';
import { finish, freshFolder, freshOperator, NotingClock, numbers, stepOf } from './chunk-support.ts';

/** A job that fails at an item until it is told not to. */
function failingAt<O>(at: number, writer: ItemWriter<O>, make: (n: number) => O, options: object = {}) {
  const switches = { isBroken: true };
  const broken: AnyJob = job('broken').step(
    's',
    (s) =>
      s
        .read(numbers(10))
        .process((n) => {
          if (n === at && switches.isBroken) throw new Error(`at ${n}`);
          return make(n) as object;
        })
        .chunk(2)
        .write(writer as ItemWriter<object>),
    options,
  );
  return { broken, switches };
}

const text = (path: string): ItemWriter<string> => textWriter(path);

describe('guarantees', () => {
  it('ST-50: each sink shows its guarantee in the step execution', async () => {
    const folder = freshFolder();
    const operator = await freshOperator();
    const other = dataSource(`sqlite:${join(folder, 'other.db')}`);
    await other.execute('create table t (n integer)');
    await operator.dataSource.execute('create table t (n integer)');
    const rows = [{ n: 1 }];
    const writers: [string, ItemWriter<{ n: number }> | ((items: readonly unknown[]) => void), string][] = [
      ['table', tableWriter('t'), 'exactlyOnce'],
      ['transactional', transactionalWriter(() => undefined), 'exactlyOnce'],
      ['other', tableWriter('t', { dataSource: other }), 'exactlyOnce'],
      ['file', jsonLinesWriter(join(folder, 'out')), 'exactlyOnce'],
      ['list', listWriter<{ n: number }>([]), 'atLeastOnce'],
      ['function', () => undefined, 'atLeastOnce'],
      ['own', { guarantee: 'idempotent', open: () => ({ write: () => undefined }) }, 'idempotent'],
    ];
    for (const [name, writer, guarantee] of writers) {
      const one = job(name).step('s', (s) => s.read(rows).write(writer as ItemWriter<{ n: number }>));
      expect([name, stepOf(await finish(operator, one)).guarantee]).toEqual([name, guarantee]);
    }
    expect(httpWriter({ url: 'http://127.0.0.1:1/' }).guarantee).toBe('atLeastOnce');
    await other.close();
  });

  it('ST-50: partitions have the guarantee too', async () => {
    const operator = await freshOperator();
    const parts = job('parts').step('s', (s) =>
      s
        .partitions(2)
        .read(() => [1, 2])
        .write(() => undefined),
    );
    // An array that a function gives can be cut.
    const { partitions, guarantee } = stepOf(await finish(operator, parts));
    expect([guarantee, ...partitions.map((part) => part.guarantee)]).toEqual([
      'atLeastOnce',
      'atLeastOnce',
      'atLeastOnce',
    ]);
  });

  it('ST-53: requireIdempotent refuses sinks that may write twice, when the job is defined', () => {
    const strict = (writer: ItemWriter<number> | (() => void)) => (): AnyJob =>
      job('strict', { requireIdempotent: true }).step('s', (s) => s.read([1]).write(writer));
    expect(strict(() => undefined)).toThrow(expect.objectContaining({ code: 'MR_JOB_DEFINITION' }));
    expect(strict(() => undefined)).toThrow(/"strict".*"s"/);
    expect(strict(listWriter<number>([]))).toThrow(expect.objectContaining({ code: 'MR_JOB_DEFINITION' }));
    expect(strict(httpWriter({ url: 'http://127.0.0.1:1/' }))).toThrow(/requireIdempotent/);
    expect(strict(transactionalWriter(() => undefined))).not.toThrow();
    expect(strict({ guarantee: 'idempotent', open: () => ({ write: () => undefined }) })).not.toThrow();
  });

  it('ST-53: a restart that is not behind an orphan is not in doubt', async () => {
    const operator = await freshOperator();
    const rows: unknown[] = [];
    const { broken, switches } = failingAt(5, listWriter<unknown>(rows), (n) => ({ n }));
    await finish(operator, broken);
    switches.isBroken = false;
    expect(stepOf(await finish(operator, broken)).inDoubt).toBeUndefined();
    expect(rows).toEqual(numbers(10).map((n) => ({ n })));
  });
});

describe('tables', () => {
  it.each([
    [undefined, 1],
    ['normal', 1],
    ['full', 2],
  ] as const)('ST-52: SQLite runs WAL with synchronous %s', async (synchronous, level) => {
    const repository = `sqlite:${join(freshFolder(), 'jobs.db')}`;
    const operator = await freshOperator({ repository, ...(synchronous === undefined ? {} : { synchronous }) });
    expect(await operator.dataSource.query('pragma journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await operator.dataSource.query('pragma synchronous')).toEqual([{ synchronous: level }]);
  });

  it('ST-50: a table of the repository holds what is committed, also through a data source of the same URL', async () => {
    for (const isGiven of [false, true]) {
      const url = `sqlite:${join(freshFolder(), 'jobs.db')}`;
      const operator = await freshOperator({ repository: url });
      const same = dataSource(url);
      await same.execute('create table t (n integer)');
      const writer = tableWriter<{ n: number }>('t', isGiven ? { dataSource: same } : {});
      const { broken, switches } = failingAt(5, writer, (n) => ({ n }));
      const failed = await finish(operator, broken);
      expect(stepOf(failed).counts.write).toBe(4);
      expect(await same.query('select count(*) as n from t')).toEqual([{ n: 4 }]);
      expect(await same.query("select name from sqlite_master where name = 'millrace_sink_marker'")).toEqual([]);
      switches.isBroken = false;
      await finish(operator, broken);
      expect(await same.query('select n from t order by n')).toEqual(numbers(10).map((n) => ({ n })));
      await same.close();
    }
  });

  it('ST-50: another database keeps one marker row a step and partition', async () => {
    const other = dataSource(`sqlite:${join(freshFolder(), 'other.db')}`);
    await other.execute('create table t (n integer)');
    const operator = await freshOperator();
    const parts = job('parts').step('s', (s) =>
      s
        .partitions(() => [0, 10, 20])
        .read(({ partition }) => numbers(5).map((n) => ({ n: n + partition.value })))
        .chunk(2)
        .write(tableWriter('t', { dataSource: other })),
    );
    const { instanceId } = await finish(operator, parts);
    const markers = await other.query<{ sink_key: string; item_index: number }>(
      'select sink_key, item_index from millrace_sink_marker order by sink_key',
    );
    expect(markers.map(({ item_index }) => item_index)).toEqual([5, 5, 5]);
    expect(markers.every(({ sink_key }) => sink_key.startsWith(`${instanceId}/`))).toBe(true);
    expect(await other.query('select count(*) as n from t')).toEqual([{ n: 15 }]);
    await other.close();
  });

  it('ST-50: a retry that finds the marker does not write again, and a restart adopts one that is ahead', async () => {
    for (const isRetried of [true, false]) {
      const other = dataSource(`sqlite:${join(freshFolder(), 'other.db')}`);
      await other.execute('create table t (n integer)');
      let failures = 1;
      const operator = await freshOperator({
        probe: (point, { firstIndex }) => {
          // The sink has committed, the repository has not.
          if (point === 'beforeCommit' && firstIndex === 0 && failures-- > 0) {
            throw Object.assign(new Error('lost'), isRetried ? { code: 'LOST' } : {});
          }
        },
      });
      const told: number[] = [];
      const copy = job('copy').step('s', (s) =>
        s
          .read(numbers(5).map((n) => ({ n })))
          .process((item) => {
            if (item.n === 1) throw Object.assign(new Error('one'), { code: 'ONE' });
            return item;
          })
          .chunk(3)
          .skip('ONE')
          .retry('LOST', { baseDelayMs: 0 })
          .listen({ onSkip: ({ index }) => void told.push(index) })
          .write(tableWriter('t', { dataSource: other })),
      );
      let execution = await finish(operator, copy);
      expect(execution.status).toBe(isRetried ? 'COMPLETED' : 'FAILED');
      if (!isRetried) {
        expect(stepOf(execution).counts).toMatchObject({ read: 0, write: 0, commit: 0, rollback: 1 });
        execution = await finish(operator, copy);
      }
      expect(execution.status).toBe('COMPLETED');
      const { counts } = await operator.repository.instance(execution.instanceId);
      expect(counts['s']).toMatchObject({ read: 5, write: 4, processSkip: 1, commit: 2, rollback: 1 });
      expect(await other.query('select n from t order by n')).toEqual([0, 2, 3, 4].map((n) => ({ n })));
      const skipped = await operator.repository.skippedItems({ instanceId: execution.instanceId });
      expect(skipped.map(({ index }) => index)).toEqual([1]);
      expect(new Set(told)).toEqual(new Set([1]));
      await other.close();
    }
  });

  it('ST-50: force writes another database anew, under another marker', async () => {
    const other = dataSource(`sqlite:${join(freshFolder(), 'other.db')}`);
    await other.execute('create table t (n integer)');
    const operator = await freshOperator();
    const copy = job('copy').step('s', (s) => s.read([{ n: 1 }]).write(tableWriter('t', { dataSource: other })));
    await operator.run(copy, { id: 1 });
    await operator.run(copy, { id: 1 }, { force: true });
    expect(await other.query('select count(*) as n from t')).toEqual([{ n: 2 }]);
    await other.close();
  });

  it('ST-50: a lower fence cannot write to another database', async () => {
    const folder = freshFolder();
    const other = dataSource(`sqlite:${join(folder, 'other.db')}`);
    await other.execute('create table t (n integer)');
    const operator = await freshOperator({ repository: `sqlite:${join(folder, 'jobs.db')}` });
    const copy = job('copy').step('s', (s) =>
      s
        .read(numbers(4).map((n) => ({ n })))
        .process(async (item) => {
          // Another owner takes the sink over between two chunks.
          if (item.n === 2) await other.execute('update millrace_sink_marker set fence = fence + 1');
          return item;
        })
        .chunk(2)
        .write(tableWriter('t', { dataSource: other })),
    );
    const handle = await operator.launch(copy, { id: 1 });
    await handle.finished();
    expect(await other.query('select n from t order by n')).toEqual([{ n: 0 }, { n: 1 }]);
    await other.close();
  });
});

describe('files', () => {
  it('ST-207: nothing is visible at the target before the step publishes, and nothing but the target afterwards', async () => {
    const folder = freshFolder();
    const target = join(folder, 'out.txt');
    const operator = await freshOperator({
      probe: (point) => {
        if (point === 'beforePublish') expect(existsSync(target)).toBe(false);
        if (point === 'afterPublish') expect(existsSync(target)).toBe(true);
      },
    });
    const { broken, switches } = failingAt(5, text(target), (n) => `line ${n}`);
    await finish(operator, broken);
    expect(existsSync(target)).toBe(false);
    switches.isBroken = false;
    await finish(operator, broken);
    expect(readdirSync(folder)).toEqual(['out.txt']);
    expect(readFileSync(target, 'utf8')).toBe(
      numbers(10)
        .map((n) => `line ${n}\n`)
        .join(''),
    );
  });

  it('ST-207: a target that exists is refused with MR_OUTPUT_EXISTS before anything is read', async () => {
    const folder = freshFolder();
    const target = join(folder, 'out.txt');
    writeFileSync(target, 'old\n');
    const operator = await freshOperator();
    let reads = 0;
    const make = (mode?: 'overwrite' | 'append'): AnyJob =>
      job(`to-${mode}`).step('s', (s) =>
        s
          .read(() => {
            reads += 1;
            return ['new'];
          })
          .write(textWriter(target, mode === undefined ? {} : { mode })),
      );
    const refused = stepOf(await finish(operator, make()));
    expect(refused.failure).toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    expect(refused.failure?.message).toContain(target);
    expect(readFileSync(target, 'utf8')).toBe('old\n');
    await operator.run(make('append'), { id: 1 });
    expect(readFileSync(target, 'utf8')).toBe('old\nnew\n');
    await operator.run(make('overwrite'), { id: 1 });
    expect(readFileSync(target, 'utf8')).toBe('new\n');
    expect(readdirSync(folder)).toEqual(['out.txt']);
    expect(reads).toBeGreaterThan(0);
  });

  it('ST-207: force finds the target of the run before and is refused, unless it may overwrite', async () => {
    const target = join(freshFolder(), 'out.txt');
    const operator = await freshOperator();
    const make = (mode?: 'overwrite'): AnyJob =>
      job('again').step('s', (s) => s.read(['x']).write(textWriter(target, mode === undefined ? {} : { mode })));
    await operator.run(make(), { id: 1 });
    await expect(operator.run(make(), { id: 1 }, { force: true })).rejects.toMatchObject({
      cause: { code: 'MR_OUTPUT_EXISTS' },
    });
    await operator.run(make('overwrite'), { id: 1 }, { force: true });
  });

  it.each([0, 4])(
    'ST-207: our own publish of %i items is recognised, not repeated, when the step did not get to its end',
    async (count) => {
      for (const restart of ['fromCheckpoint', 'fromStart'] as const) {
        for (const partitions of [0, 2]) {
          let isBroken = true;
          const operator = await freshOperator({
            probe: (point, { partition }) => {
              if (point !== 'afterPublish' || !isBroken || partition !== undefined) return;
              isBroken = false;
              throw new Error('killed');
            },
          });
          const folder = freshFolder();
          const target = join(folder, 'out.json');
          const file = job('file').step(
            's',
            (s) =>
              partitions === 0
                ? s.read(numbers(count)).chunk(2).write(jsonWriter(target))
                : s
                    .partitions(() => numbers(partitions))
                    .read(() => numbers(count))
                    .chunk(2)
                    .write(jsonWriter(target)),
            { restart },
          );
          expect((await finish(operator, file)).status).toBe('FAILED');
          const again = await finish(operator, file);
          expect([restart, partitions, again.failure?.message, again.status]).toEqual([
            restart,
            partitions,
            undefined,
            'COMPLETED',
          ]);
          const parts =
            partitions === 0 ? [target] : numbers(partitions).map((part) => join(target, `part-0000${part}`));
          for (const part of parts) expect(JSON.parse(readFileSync(part, 'utf8'))).toEqual(numbers(count));
          expect(readdirSync(folder)).toEqual(['out.json']);
        }
      }
    },
  );

  it('ST-207: a step that is run again though it was COMPLETED finds its output in the way', async () => {
    const target = join(freshFolder(), 'out.txt');
    const operator = await freshOperator();
    let isBroken = true;
    const always = job('always')
      .step('s', (s) => s.read(['x']).write(textWriter(target)), { alwaysRun: true })
      .step('fails', (s) =>
        s.task(() => {
          if (isBroken) throw new Error('broken');
        }),
      );
    await finish(operator, always);
    isBroken = false;
    const again = await finish(operator, always);
    expect(stepOf(again).failure).toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
  });

  it('ST-50: a staging file that is shorter than the checkpoint is MR_OUTPUT_TAMPERED, so is one that is gone', async () => {
    for (const tamper of ['shorten', 'remove'] as const) {
      const folder = freshFolder();
      const operator = await freshOperator();
      const { broken, switches } = failingAt(5, text(join(folder, 'out.txt')), (n) => `line ${n}`);
      await finish(operator, broken);
      const [staging = ''] = readdirSync(folder);
      expect(staging).toMatch(/^\./);
      if (tamper === 'shorten') truncateSync(join(folder, staging), 3);
      else (await import('node:fs')).rmSync(join(folder, staging));
      switches.isBroken = false;
      const again = stepOf(await finish(operator, broken));
      expect(again.failure).toMatchObject({ code: 'MR_OUTPUT_TAMPERED' });
      expect(existsSync(join(folder, 'out.txt'))).toBe(false);
    }
  });

  it('ST-50: what a failed chunk wrote behind the committed length is cut off', async () => {
    const folder = freshFolder();
    let isBroken = true;
    const operator = await freshOperator({
      probe: (point, { firstIndex }) => {
        if (point === 'beforeCommit' && firstIndex === 4 && isBroken) throw new Error('late');
      },
    });
    const target = join(folder, 'out.csv');
    const file = job('file').step('s', (s) =>
      s
        .read(numbers(6).map((n) => ({ n })))
        .chunk(2)
        .write(csvWriter(target)),
    );
    await finish(operator, file);
    isBroken = false;
    await finish(operator, file);
    expect(readFileSync(target, 'utf8')).toBe('n\n0\n1\n2\n3\n4\n5\n');
  });

  it('ST-110: partitions write part-00000… into the directory, published together', async () => {
    const folder = freshFolder();
    const target = join(folder, 'out');
    const seen: string[][] = [];
    const operator = await freshOperator({
      probe: (point, { partition }) => {
        if (point === 'afterPublish' && partition !== undefined)
          seen.push(existsSync(target) ? readdirSync(target) : []);
      },
    });
    const parts = job('parts').step('s', (s) =>
      s
        .partitions(() => ['a', 'b', 'c'])
        .read(({ partition }) => [partition.value])
        .write(textWriter(target)),
    );
    await operator.run(parts);
    expect(seen).toEqual([[], [], []]);
    expect(readdirSync(folder)).toEqual(['out']);
    expect(readdirSync(target).sort()).toEqual(['part-00000', 'part-00001', 'part-00002']);
    expect(readFileSync(join(target, 'part-00001'), 'utf8')).toBe('b\n');
  });

  it('ST-207: an empty input publishes an empty file, with header and footer', async () => {
    const folder = freshFolder();
    const operator = await freshOperator();
    const empty = job('empty').step('s', (s) =>
      s.read([] as { n: number }[]).write(jsonWriter(join(folder, 'out.json'))),
    );
    const { counts } = stepOf(await finish(operator, empty));
    expect(counts.commit).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'))).toEqual([]);
  });

  it('ST-54: an input file that changed is MR_INPUT_CHANGED on a restart', async () => {
    const folder = freshFolder();
    const input = join(folder, 'in.csv');
    writeFileSync(input, `n\n${numbers(10).join('\n')}\n`);
    const operator = await freshOperator();
    let isBroken = true;
    const copy = job('copy').step('s', (s) =>
      s
        .read(csvReader(input))
        .process((row) => {
          if (row['n'] === '5' && isBroken) throw new Error('five');
          return row;
        })
        .chunk(2)
        .write(() => undefined),
    );
    await finish(operator, copy);
    isBroken = false;
    writeFileSync(input, `n\n${numbers(11).join('\n')}\n`);
    const changed = stepOf(await finish(operator, copy));
    expect(changed.failure).toMatchObject({ code: 'MR_INPUT_CHANGED' });
    expect(changed.failure?.message).toContain(input);
    expect((await (await operator.launch(copy, { id: 1 }, { force: true })).finished()).status).toBe('COMPLETED');
  });

  it('ST-54: a reader that cannot go on needs fromStart, at the definition or at the step', async () => {
    const operator = await freshOperator();
    const cursor = sqlReader<{ n: number }>({ query: 'select 1 as n' });
    expect(cursor.restartable).toBe(false);
    expect(() => job('bare').step('s', (s) => s.read(cursor).write(() => undefined))).toThrow(
      expect.objectContaining({ code: 'MR_JOB_DEFINITION' }),
    );
    const late = job('late').step('s', (s) => s.read(() => cursor).write(() => undefined));
    expect(stepOf(await finish(operator, late)).failure).toMatchObject({ code: 'MR_JOB_DEFINITION' });
    const told = job('told').step('s', (s) => s.read(cursor).write(() => undefined), { restart: 'fromStart' });
    expect(stepOf(await finish(operator, told)).counts.read).toBe(1);
  });

  it('ST-50: listWriter takes back what a failed attempt wrote, also of partitions that share the list', async () => {
    const operator = await freshOperator({ maxConcurrentSteps: 4 });
    const list: number[] = [];
    const failed = new Set<number>();
    const inner = listWriter(list);
    const shared = job('shared').step('s', (s) =>
      s
        .partitions(() => [0, 100, 200])
        .read(({ partition }) => numbers(6).map((n) => n + partition.value))
        .chunk(2)
        .retry('AGAIN', { baseDelayMs: 0 })
        .write({
          ...inner,
          open: async (start) => {
            const sink = await inner.open(start);
            return {
              rollback: (chunk) => sink.rollback?.(chunk),
              async write(items, chunk) {
                await sink.write(items, chunk);
                await new Promise((resolve) => setImmediate(resolve));
                const [first = 0] = items;
                if (failed.has(first)) return;
                failed.add(first);
                throw Object.assign(new Error('again'), { code: 'AGAIN' });
              },
            };
          },
        }),
    );
    const { counts } = stepOf(await finish(operator, shared));
    expect(counts).toMatchObject({ write: 18, rollback: 9, retry: 9, commit: 9 });
    expect(list.toSorted((a, b) => a - b)).toEqual([0, 100, 200].flatMap((from) => numbers(6).map((n) => n + from)));
  });

  it('ST-206: streams and sinks are closed whatever happens', async () => {
    for (const fault of ['none', 'open', 'read', 'process', 'write', 'publish', 'close'] as const) {
      const clock = new NotingClock();
      const operator = await freshOperator({ clock });
      const closed: string[] = [];
      const at = (point: string): void => {
        if (point === fault) throw new Error(point);
      };
      const closing = job('closing').step('s', (s) =>
        s
          .read({
            open: () => {
              at('open');
              let left = 1;
              return {
                read: () => {
                  at('read');
                  return left-- > 0 ? [1] : [];
                },
                position: () => 0,
                close: () => {
                  closed.push('stream');
                  at('close');
                },
              };
            },
          })
          .process((n) => {
            at('process');
            return n;
          })
          .write({
            guarantee: 'idempotent',
            open: () => ({
              write: () => at('write'),
              publish: () => at('publish'),
              close: () => void closed.push('sink'),
            }),
          }),
      );
      const { status } = await finish(operator, closing);
      expect([fault, status]).toEqual([fault, fault === 'none' || fault === 'close' ? 'COMPLETED' : 'FAILED']);
      expect([fault, ...closed]).toEqual(fault === 'open' ? [fault, 'sink'] : [fault, 'stream', 'sink']);
    }
  });

  it('names file and step when a folder cannot be written', async () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'in the way'));
    const operator = await freshOperator();
    const blocked = job('blocked').step('s', (s) => s.read(['x']).write(textWriter(join(folder, 'in the way'))));
    expect(stepOf(await finish(operator, blocked)).failure).toMatchObject({
      code: 'MR_OUTPUT_EXISTS',
      message: expect.stringContaining('in the way'),
    });
  });
});
