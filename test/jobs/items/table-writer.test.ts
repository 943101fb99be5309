import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataSource, SqlSession } from '../../../src/jobs/definition/data-source.ts';
import type { ItemSink } from '../../../src/jobs/definition/item-writer.ts';
import { joinsTransaction, type MarkedChunk, type MarkedSink } from '../../../src/jobs/items/sink-seams.ts';
import { tableWriter } from '../../../src/jobs/items/table-writer.ts';
import { transactionalWriter } from '../../../src/jobs/items/transactional-writer.ts';
import { dataSource } from '../../../src/jobs/repository/sql/data-source.ts';
import { stepContext } from './step-context.ts';

let directory: string;
let db: DataSource;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-table-'));
  db = dataSource(`sqlite:${join(directory, 'repository.db')}`);
  await db.execute('create table sale (id integer primary key, "a ""b" text, amount real)');
});
afterEach(async () => {
  await db.close();
  rmSync(directory, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const chunk = (tx?: SqlSession) => ({ firstIndex: 0, key: 'i/1/s/0/0-1', signal, ...(tx ? { tx } : {}) });
const write = async <O extends object>(
  writer: ReturnType<typeof tableWriter<O>>,
  items: readonly O[],
): Promise<void> => {
  const sink = await writer.open({ c: stepContext({ dataSource: db }) });
  await db.transaction(async (tx) => {
    await sink.write(items, chunk(tx));
  });
};
const rows = (): Promise<object[]> => db.query<object>('select * from sale order by id');

describe('tableWriter', () => {
  it('inserts all columns that the items have; what is undefined is NULL', async () => {
    const writer = tableWriter<{ id: number; 'a "b'?: string; amount?: number | undefined }>('sale');
    await write(writer, [
      { id: 1, amount: 2.5 },
      { id: 2, 'a "b': "o'clock" },
      { id: 3, amount: undefined },
    ]);
    expect(await rows()).toEqual([
      { id: 1, 'a "b': null, amount: 2.5 },
      { id: 2, 'a "b': "o'clock", amount: null },
      { id: 3, 'a "b': null, amount: null },
    ]);
    await write(tableWriter('sale', { columns: ['id'] }), [{ id: 4, amount: 9 }]);
    expect((await rows())[3]).toEqual({ id: 4, 'a "b': null, amount: null });
  });

  it('writes more rows than a statement has room for', async () => {
    await write(
      tableWriter('sale'),
      Array.from({ length: 40_000 }, (_, id) => ({ id, amount: id / 2 })),
    );
    expect(await db.query('select count(*) as n, sum(amount) as total from sale')).toEqual([
      { n: 40_000, total: 399_990_000 },
    ]);
  });

  it('upserts by key, the last item of a key staying', async () => {
    const writer = tableWriter<{ id: number; amount: number }>('sale', { mode: 'upsert', key: ['id'] });
    const item = fc.record({ id: fc.integer({ min: 0, max: 5 }), amount: fc.integer({ min: 0, max: 99 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(item, { minLength: 1, maxLength: 6 }), { maxLength: 4 }), async (chunks) => {
        await db.execute('delete from sale');
        for (const items of chunks) await write(writer, items);
        const expected = new Map(chunks.flat().map(({ id, amount }) => [id, amount]));
        expect(
          new Map((await rows()).map((row) => [(row as { id: number }).id, (row as { amount: number }).amount])),
        ).toEqual(expected);
      }),
      { numRuns: 30 },
    );
    await write(tableWriter<{ id: number }>('sale', { mode: 'upsert', key: ['id'] }), [{ id: 1 }, { id: 1 }]);
  });

  it('updates by key, and says MR_NO_SUCH_ROW with the key of an item that has no row', async () => {
    await write(tableWriter('sale'), [
      { id: 1, amount: 1 },
      { id: 2, amount: 2 },
    ]);
    const writer = tableWriter<{ id: number; amount: number }>('sale', { mode: 'update', key: ['id'] });
    await write(writer, [{ id: 2, amount: 7 }]);
    expect((await rows())[1]).toMatchObject({ amount: 7 });
    await expect(
      write(writer, [
        { id: 1, amount: 5 },
        { id: 9, amount: 9 },
      ]),
    ).rejects.toMatchObject({
      code: 'MR_NO_SUCH_ROW',
      message: expect.stringContaining('id = 9'),
      details: { table: 'sale', key: { id: 9 } },
    });
    expect((await rows())[0]).toMatchObject({ amount: 1 });
  });

  it("lets the driver's errors pass as they are", async () => {
    await write(tableWriter('sale'), [{ id: 1 }]);
    await expect(write(tableWriter('sale'), [{ id: 1 }])).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    });
    await expect(write(tableWriter('none'), [{ id: 1 }])).rejects.toThrow(/no such table/);
  });

  it('fails when it is made with what cannot work, naming table and mend', () => {
    expect(() => tableWriter('sale', { mode: 'upsert' })).toThrow(/"sale": mode 'upsert' needs key/);
    expect(() => tableWriter('sale', { mode: 'update', key: ['id'], columns: ['amount'] })).toThrow(/"id"/);
    expect(() => tableWriter('sale', { mode: 'merge' as never })).toThrow(/"merge"/);
  });

  it('ST-50: joins the chunk transaction in the database of the repository, however its URL is written', () => {
    const same = dataSource(`sqlite://${directory}/./repository.db`);
    const other = dataSource(`sqlite:${directory}/other.db`);
    expect(joinsTransaction(tableWriter('sale'), db)).toBe(true);
    expect(joinsTransaction(tableWriter('sale', { dataSource: same }), db)).toBe(true);
    expect(joinsTransaction(tableWriter('sale', { dataSource: other }), db)).toBe(false);
    expect(
      joinsTransaction(
        transactionalWriter(() => undefined),
        db,
      ),
    ).toBe(true);
    expect(tableWriter('sale', { dataSource: other }).guarantee).toBe('exactlyOnce');
  });
});

describe('ST-50: a table in another database', () => {
  let other: DataSource;
  beforeEach(async () => {
    other = dataSource(`sqlite:${join(directory, 'other.db')}`);
    await other.execute('create table sale (id integer primary key)');
  });
  afterEach(async () => {
    await other.close();
  });

  interface Run {
    readonly fence: number;
    readonly key?: string;
    readonly isFromStart?: boolean;
  }
  const open = async ({ key = 'i/1/s/0', ...start }: Run): Promise<MarkedSink<{ id: number }>> => {
    const writer = tableWriter<{ id: number }>('sale', { dataSource: other });
    const c = stepContext({ dataSource: db });
    return (await writer.open({ c, key, ...start } as never)) as ItemSink<{ id: number }> as MarkedSink<{ id: number }>;
  };
  const range = (first: number, count: number, record: string): MarkedChunk => ({
    firstIndex: first,
    key: `i/1/s/0/${first}-${count}`,
    signal,
    commit: { index: first + count, record },
  });
  const ids = async (): Promise<number[]> =>
    (await other.query<{ id: number }>('select id from sale order by id')).map(({ id }) => id);

  it('writes rows and marker together; a retry and a resume find what was done', async () => {
    const sink = await open({ fence: 1 });
    expect(await sink.marker()).toBeUndefined();
    await sink.write([{ id: 1 }, { id: 2 }], range(0, 2, 'first'));
    await sink.write([{ id: 1 }, { id: 2 }], range(0, 2, 'first'));
    expect(await ids()).toEqual([1, 2]);
    const resumed = await open({ fence: 2 });
    expect(await resumed.marker()).toMatchObject({ index: 2, record: 'first' });
    await resumed.write([{ id: 1 }, { id: 2 }], range(0, 2, 'first'));
    await resumed.write([{ id: 3 }], range(2, 1, 'second'));
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it('writes neither when the rows fail', async () => {
    const sink = await open({ fence: 1 });
    await expect(sink.write([{ id: 1 }, { id: 1 }], range(0, 2, 'x'))).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    });
    expect(await ids()).toEqual([]);
    expect(await (await open({ fence: 1 })).marker()).toBeUndefined();
  });

  it('refuses an owner with a lower fence, from the moment that the next one opens', async () => {
    const frozen = await open({ fence: 1 });
    const next = await open({ fence: 2 });
    await expect(frozen.write([{ id: 1 }], range(0, 1, 'x'))).rejects.toMatchObject({ code: 'MR_LEASE_LOST' });
    await expect(open({ fence: 1 })).rejects.toMatchObject({ code: 'MR_LEASE_LOST' });
    await next.write([{ id: 1 }], range(0, 1, 'x'));
    expect(await ids()).toEqual([1]);
  });

  it('keeps a marker a step, partition and generation, and forgets it when the step begins anew', async () => {
    await (await open({ fence: 1 })).write([{ id: 1 }], range(0, 1, 'x'));
    expect(await (await open({ fence: 1, key: 'i/2/s/0' })).marker()).toBeUndefined();
    expect(await (await open({ fence: 2, isFromStart: true })).marker()).toBeUndefined();
    await (await open({ fence: 2 })).write([{ id: 2 }], range(0, 1, 'y'));
    expect(await ids()).toEqual([1, 2]);
  });
});

describe('transactionalWriter', () => {
  it('runs inside the chunk transaction', async () => {
    const writer = transactionalWriter<{ id: number }>(async (items, tx, { key }) => {
      for (const { id } of items) await tx.execute('insert into sale (id, "a ""b") values (?, ?)', [id, key]);
    });
    expect(writer).toMatchObject({ guarantee: 'exactlyOnce', transactional: true });
    const sink = await writer.open({ c: stepContext({ dataSource: db }) });
    await expect(
      db.transaction(async (tx) => {
        await sink.write([{ id: 1 }], chunk(tx));
        throw new Error('the commit failed');
      }),
    ).rejects.toThrow('the commit failed');
    expect(await rows()).toEqual([]);
  });
});
