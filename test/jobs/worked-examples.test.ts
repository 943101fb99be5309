import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  csvReader,
  FILTER,
  type JobExecution,
  JobOperator,
  type JobParameters,
  job,
  jsonLinesReader,
  jsonLinesWriter,
  listReader,
  listWriter,
  RetryableError,
  SkippableError,
  type StepBuilder,
  sqlReader,
  tableWriter,
} from '../../src/jobs/index.ts';

/** The rows of the table of worked examples, number by number; `examples/jobs` shows them as scripts. */
describe('worked examples of jobs', () => {
  let folder: string;
  let operator: JobOperator;
  const waits: number[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-jobs-'));
    waits.length = 0;
    operator = await JobOperator.create({
      repository: 'sqlite::memory:',
      signals: false,
      clock: {
        now: () => Date.now(),
        sleep: async (ms) => {
          waits.push(ms);
        },
      },
    });
  });
  afterEach(async () => {
    await operator.close();
    await rm(folder, { recursive: true });
  });

  const stepOf = ({ steps }: JobExecution, name: string) => {
    const found = steps.find((step) => step.name === name);
    if (found === undefined) throw new Error(`no step ${name}`);
    return found;
  };
  const statuses = ({ steps }: JobExecution) => Object.fromEntries(steps.map(({ name, status }) => [name, status]));

  it('SampleJob: launched twice with noop each step runs once and the exit code is NOOP; forced they run twice', async () => {
    const ran: string[] = [];
    const sample = job<{ day: string }>('SampleJob')
      .step('one', (s) => s.task(() => void ran.push('one')))
      .step('two', (s) => s.task(() => void ran.push('two')));
    const first = await operator.run(sample, { day: 'x' });
    const second = await operator.run(sample, { day: 'x' }, { onComplete: 'noop' });
    expect(ran).toEqual(['one', 'two']);
    expect(second).toMatchObject({ status: 'COMPLETED', exitCode: 'NOOP', instanceId: first.instanceId });
    expect(second.steps.map(({ reusedFrom }) => reusedFrom)).toEqual(first.steps.map(({ id }) => id));
    await operator.run(sample, { day: 'x' }, { force: true });
    expect(ran).toEqual(['one', 'two', 'one', 'two']);
  });

  it('FailingJob: keeps its message; relaunched the completed step is reused in the same instance', async () => {
    let isMended = false;
    let prepared = 0;
    const failing = job<{ day: string }>('FailingJob')
      .step('prepare', (s) => s.task(() => ++prepared))
      .step('fail', (s) =>
        s.task(() => {
          if (!isMended) throw new Error('Intentional failure');
        }),
      );
    const failed = await (await operator.launch(failing, { day: 'x' })).finished();
    expect(failed).toMatchObject({ status: 'FAILED', failure: { message: 'Intentional failure', step: 'fail' } });
    isMended = true;
    const mended = await operator.run(failing, { day: 'x' });
    expect(mended.instanceId).toBe(failed.instanceId);
    expect(stepOf(mended, 'prepare')).toMatchObject({ status: 'COMPLETED', reusedFrom: stepOf(failed, 'prepare').id });
    expect(prepared).toBe(1);
  });

  it('RetryJob: 3 attempts stored, waits of 1 s and 1 s', async () => {
    const retrying = job('RetryJob').step('call', (s) =>
      s
        .task((c) => {
          if (c.attempt < 3) throw new RetryableError(`attempt ${c.attempt}`);
          return c.attempt;
        })
        .retry([], { maxAttempts: 4, baseDelayMs: 1000, factor: 1, jitter: 'none' }),
    );
    const step = stepOf(await operator.run(retrying), 'call');
    expect(step.attempts.map(({ attempt, status, waitMs }) => [attempt, status, waitMs])).toEqual([
      [1, 'failed', 1000],
      [2, 'failed', 1000],
      [3, 'success', 0],
    ]);
    expect(waits).toEqual([1000, 1000]);
    expect(step.result).toBe(3);
  });

  it('ParameterizedJob: DateTime, Integer and Float, and the key of ST-10', async () => {
    const parameterized = job<{ start_date: string; batch_size: number; threshold: number }>('ParameterizedJob').step(
      'take',
      (s) => s.task((c) => c.parameters.start_date),
    );
    const { instanceId, steps } = await operator.run(parameterized, {
      start_date: '2024-01-01',
      batch_size: 100,
      threshold: 0.95,
    });
    const { key, parameters } = await operator.repository.instance(instanceId);
    expect(key).toBe('ffe7a587ceeef8cfe9f01284afa5bf9d533ca79e89ed6605406b8036b9f2cf8c');
    expect(Object.fromEntries(parameters.map(({ name, type }) => [name, type]))).toEqual({
      start_date: 'DateTime',
      batch_size: 'Integer',
      threshold: 'Float',
    });
    expect(steps[0]?.result).toBe('2024-01-01');
  });

  it('ChunkJob: read 50, write 25, filter 25, commit 5', async () => {
    const squares: number[] = [];
    const chunked = job('ChunkJob').step('square', (s) =>
      s
        .read(listReader(Array.from({ length: 50 }, (_, n) => n)))
        .process((n) => n * n)
        .process((square) => (square % 2 === 1 ? FILTER : square))
        .chunk(10)
        .write(listWriter(squares)),
    );
    const { counts } = stepOf(await operator.run(chunked), 'square');
    expect(counts).toMatchObject({ read: 50, write: 25, filter: 25, commit: 5, rollback: 0, skip: 0 });
    expect(squares).toEqual(Array.from({ length: 25 }, (_, n) => (2 * n) ** 2));
  });

  const importCustomers = async (limit: number) => {
    const path = join(folder, 'customers.csv');
    const rows = Array.from({ length: 1000 }, (_, i) => {
      const email = i % 20 === 0 ? '  ' : i % 125 === 1 ? 'nobody' : `c${i}@example.com`;
      return `${i},Customer ${i},${email}`;
    });
    rows.splice(150, 0, '1,two');
    rows.splice(350, 0, '1,two,three,four');
    await writeFile(path, `id,name,email\n${rows.join('\n')}\n`);
    await operator.dataSource.execute('create table customers (id integer primary key, name text, email text)');
    const customers = job('Customers').step('import', (s) =>
      s
        .read(csvReader(path))
        .process(({ id, name, email = '' }) => {
          if (email.trim() === '') return FILTER;
          if (!email.includes('@')) throw new SkippableError(`customer ${id}: no @ in ${email}`);
          return { id: Number(id), name, email };
        })
        .chunk(100)
        .skip('MR_PARSE', { limit })
        .write(tableWriter('customers')),
    );
    const execution = await (await operator.launch(customers)).finished();
    const [stored] = await operator.dataSource.query<{ n: number }>('select count(*) as n from customers');
    const skipped = await operator.repository.skippedItems({ executionId: execution.id });
    return { execution, counts: stepOf(execution, 'import').counts, rows: stored?.n, skipped };
  };

  it('Customers: read 1000, filter 50, process skips 8, read skips 2, write 942, commit 10', async () => {
    const { execution, counts, rows, skipped } = await importCustomers(10);
    expect(execution.status).toBe('COMPLETED');
    expect(counts).toMatchObject({ read: 1000, filter: 50, processSkip: 8, readSkip: 2, skip: 10, write: 942 });
    expect(counts.commit).toBe(10);
    expect(rows).toBe(942);
    expect(skipped.map(({ phase, index }) => [phase, index])).toEqual([
      ['process', 1],
      ['process', 126],
      ['read', 150],
      ['process', 252],
      ['read', 350],
      ['process', 378],
      ['process', 503],
      ['process', 628],
      ['process', 753],
      ['process', 878],
    ]);
  });

  it('Customers: with a skip limit of 9 FAILED after 8 commits', async () => {
    const { execution, counts, rows } = await importCustomers(9);
    expect(execution).toMatchObject({ status: 'FAILED', failure: { code: 'MR_SKIP_LIMIT_EXCEEDED', step: 'import' } });
    expect(counts).toMatchObject({ commit: 8, skip: 9 });
    expect(rows).toBe(counts.write);
  });

  interface Measured {
    readonly id: number;
    readonly category: string;
    readonly amount: number;
    readonly isClean?: boolean;
  }
  const measured = (count: number) =>
    Array.from({ length: count }, (_, i): Measured => {
      return { id: i, category: `c${i % 5}`, amount: i * 15.5 - (i % 10 === 0 ? 100 : 0) };
    });
  const cleaned = (record: Measured): Measured => ({ ...record, amount: Math.max(0, record.amount), isClean: true });
  const addUp = (sums: Map<string, number>) => (items: readonly Measured[]) => {
    for (const { category, amount } of items) sums.set(category, (sums.get(category) ?? 0) + amount);
  };

  it('Cleansing: 1000 and 1000 written and five sums; over raw records 0 written, 1000 filtered', async () => {
    const path = join(folder, 'clean.ndjson');
    const sums = new Map<string, number>();
    const cleansing = job<{ isRaw: boolean }>('Cleansing')
      .step('cleanse', (s) =>
        s
          .read(measured(1000))
          .process(cleaned)
          .write(jsonLinesWriter(path, { mode: 'overwrite' })),
      )
      .step('aggregate', (s) =>
        s
          .read((c) => (c.parameters.isRaw ? listReader(measured(1000)) : jsonLinesReader<Measured>(path)))
          .filter((record) => record.isClean === true)
          .write(addUp(sums)),
      );
    const execution = await operator.run(cleansing, { isRaw: false });
    expect(execution.steps.map(({ counts }) => counts.write)).toEqual([1000, 1000]);
    expect([...sums.values()]).toEqual([1532350, 1545350, 1548450, 1551550, 1554650]);
    const raw = stepOf(await operator.run(cleansing, { isRaw: true }), 'aggregate').counts;
    expect(raw).toMatchObject({ write: 0, filter: 1000, read: 1000 });
  });

  it('Cleansing and aggregation as two nested jobs over 200: 200 and 200', async () => {
    const table = 'create table clean (id integer primary key, category text, amount real, isClean integer)';
    const cleanse = job<{ count: number }>('cleanse')
      .step('create', (s) => s.task(async (c) => void (await c.dataSource.execute(table))))
      .step('cleanse', (s) =>
        s
          .read((c) => measured(c.parameters.count))
          .process((record) => ({ ...cleaned(record), isClean: 1 }))
          .write(tableWriter('clean')),
      );
    const sums = new Map<string, number>();
    const aggregate = job<{ count: number }>('aggregate').step('aggregate', (s) =>
      s.read(sqlReader<Measured>({ query: 'select * from clean', key: 'id' })).write(addUp(sums)),
    );
    const both = job<{ count: number }>('both')
      .step('first', (s) => s.job(cleanse, ({ parameters }) => ({ count: parameters.count })))
      .step('second', (s) => s.job(aggregate, ({ parameters }) => ({ count: parameters.count })));
    const execution = await operator.run(both, { count: 200 });
    const written = await Promise.all(
      execution.steps.map(async ({ result }) => {
        const { executionId } = result as { executionId: string };
        return (await operator.repository.execution(executionId)).steps.at(-1)?.counts.write;
      }),
    );
    expect(written).toEqual([200, 200]);
    expect(sums.size).toBe(5);
  });

  it('ETL: 1000 written, sums 5244750 and 1048950', async () => {
    await operator.dataSource.execute(
      'create table sales (id integer primary key, category text, amount real, per_letter real)',
    );
    const etl = job('ETL').step('load', (s) =>
      s
        .read(Array.from({ length: 1000 }, (_, i) => ({ id: i, category: `cat_${i % 10}`, amount: i * 10.5 })))
        .process((sale) => ({ ...sale, category: sale.category.toUpperCase() }))
        .process((sale) => ({ ...sale, per_letter: sale.amount / sale.category.length }))
        .write(tableWriter('sales')),
    );
    expect(stepOf(await operator.run(etl), 'load').counts.write).toBe(1000);
    expect(
      await operator.dataSource.query(
        "select sum(amount) as amount, sum(per_letter) as per_letter from sales where category like 'CAT#_%' escape '#'",
      ),
    ).toEqual([{ amount: 5244750, per_letter: 1048950 }]);
  });

  it('Daily pipeline: 10000 extracted, 9500 distinct rows loaded; "Too few records: 99" stops before the load', async () => {
    let rows = 10_000;
    let looks = 0;
    await operator.dataSource.execute('create table loaded (id integer primary key, amount real)');
    const staging = join(folder, 'staging.ndjson');
    const pipeline = job('daily-pipeline')
      .step('wait', (s) =>
        s
          .task(() => {
            if (++looks < 3) throw new RetryableError('the file is not there yet');
          })
          .retry([]),
      )
      .step('extract', (s) =>
        s
          .read(() => Array.from({ length: rows }, (_, i) => ({ id: i % 9500, amount: i })))
          .chunk(1000)
          .write(jsonLinesWriter(staging, { mode: 'overwrite' })),
      )
      .step('validate', (s) =>
        s.task((c) => {
          const { write } = c.result('extract');
          if (write < 100) throw new Error(`Too few records: ${write}`);
        }),
      )
      .step('transform', (s) => s.task(() => 1.2))
      .step('load', (s) =>
        s
          .read(jsonLinesReader<Measured>(staging))
          .process((row, c) => ({
            id: row.id,
            amount: row.amount * c.result('transform'),
          }))
          .chunk(1000)
          .write(tableWriter('loaded', { mode: 'upsert', key: ['id'] })),
      )
      .step('clean up', (s) => s.task(() => rm(staging)), { when: 'allDone' });
    const execution = await operator.run(pipeline);
    expect(stepOf(execution, 'extract').counts.write).toBe(10_000);
    expect(await operator.dataSource.query('select count(*) as n from loaded')).toEqual([{ n: 9500 }]);

    rows = 99;
    const failed = await (await operator.launch(pipeline)).finished();
    expect(failed).toMatchObject({ status: 'FAILED', failure: { message: 'Too few records: 99', step: 'validate' } });
    expect(statuses(failed)).toMatchObject({ transform: 'SKIPPED', load: 'SKIPPED', 'clean up': 'COMPLETED' });
    expect(await operator.dataSource.query('select count(*) as n from loaded')).toEqual([{ n: 9500 }]);
  });

  it('Warehouse: one extract fails: FAILED, COMPLETED, SKIPPED, SKIPPED, and the reason names the extract', async () => {
    const warehouse = job('warehouse', { parallel: true })
      .step('extract_customers', (s) =>
        s.task(() => {
          throw new Error('no connection');
        }),
      )
      .step('extract_orders', (s) => s.task(() => 1))
      .step('join_data', (s) => s.task(() => 1), { after: ['extract_customers', 'extract_orders'] })
      .step('load_warehouse', (s) => s.task(() => 1), { after: ['join_data'] });
    const execution = await (await operator.launch(warehouse)).finished();
    expect(execution.status).toBe('FAILED');
    expect(execution.steps.map(({ status }) => status)).toEqual(['FAILED', 'COMPLETED', 'SKIPPED', 'SKIPPED']);
    for (const { skipReason } of execution.steps.slice(2))
      expect(skipReason).toEqual({ kind: 'upstreamFailed', step: 'extract_customers' });
  });

  it('A, B to D; C, D to E; E to F; F to G; A fails: B, C COMPLETED; D, E, F, G SKIPPED', async () => {
    const work =
      (isFailing = false) =>
      (s: StepBuilder<JobParameters, object>) =>
        s.task(() => {
          if (isFailing) throw new Error('A fails');
        });
    const graph = job('graph').steps({
      A: { step: work(true) },
      B: { step: work() },
      C: { step: work() },
      D: { step: work(), after: ['A', 'B'] },
      E: { step: work(), after: ['C', 'D'] },
      F: { step: work(), after: ['E'] },
      G: { step: work(), after: ['F'] },
    });
    const execution = await (await operator.launch(graph)).finished();
    expect(statuses(execution)).toEqual({
      A: 'FAILED',
      B: 'COMPLETED',
      C: 'COMPLETED',
      D: 'SKIPPED',
      E: 'SKIPPED',
      F: 'SKIPPED',
      G: 'SKIPPED',
    });
  });
});
