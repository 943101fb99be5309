import { randomUUID } from 'node:crypto';
import { Kysely } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinsTransaction, type MarkedChunk, type MarkedSink } from '../../src/jobs/items/sink-seams.ts';
import { sqlReader } from '../../src/jobs/items/sql-reader.ts';
import { tableWriter } from '../../src/jobs/items/table-writer.ts';
import { dataSource, type SqlDataSource } from '../../src/jobs/repository/sql/data-source.ts';
import { kyselyDialect } from '../../src/jobs/repository/sql/kysely-dialect.ts';
import { openDatabase } from '../../src/jobs/repository/sql/open-database.ts';
import { isTransientSqlError } from '../../src/jobs/repository/sql/transient-error.ts';
import { readAll, stepContext } from '../jobs/items/step-context.ts';
import { urlOf } from './support/server-url.ts';

const servers = [
  { name: 'postgres', setting: 'MILLRACE_POSTGRES_URL', blob: 'bytea', time: 'timestamptz(3)' },
  { name: 'mysql', setting: 'MILLRACE_MYSQL_URL', blob: 'blob', time: 'datetime(3)' },
] as const;

describe.each(servers)('$name', ({ name, setting, blob, time }) => {
  let db: SqlDataSource;
  const table = `t${randomUUID().slice(0, 8)}`;
  const signal = new AbortController().signal;
  beforeAll(async () => {
    db = dataSource(urlOf(setting));
    await db.execute(
      `create table ${table} (id integer primary key, big bigint, txt text, num double precision, flag boolean, day ${time}, bin ${blob})`,
    );
  });
  afterAll(async () => {
    await db.execute(`drop table ${table}`);
    await db.execute('drop table if exists millrace_sink_marker');
    await db.close();
  });

  it('returns the values that were bound', async () => {
    const day = new Date('2026-01-30T23:59:59.123Z');
    await db.execute(`delete from ${table}`);
    expect(
      await db.execute(`insert into ${table} values (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?)`, [
        ...[1, 2n ** 62n, "ä😀 ? o'clock \\", 1.5, true, day, Buffer.from([0, 255])],
        ...[2, 7, undefined, null, false, null, null],
      ]),
    ).toEqual({ changes: 2 });
    const rows = await db.query<Record<string, unknown>>(`select * from ${table} order by id`);
    expect(rows[0]).toMatchObject({
      id: 1,
      big: 2n ** 62n,
      txt: "ä😀 ? o'clock \\",
      num: 1.5,
      day,
      bin: Buffer.from([0, 255]),
    });
    expect(Boolean(rows[0]?.['flag'])).toBe(true);
    expect(rows[1]).toMatchObject({ id: 2, big: 7, txt: null, num: null, day: null });
    expect(await db.query(`select count(*) as n from ${table} where day = ?`, [day])).toEqual([{ n: 1 }]);
    expect(await db.execute(`update ${table} set num = num where id = ?`, [1])).toEqual({ changes: 1 });
  });

  it('rolls back what fails, and refuses a session after its transaction', async () => {
    await db.execute(`delete from ${table}`);
    let kept: { execute(sql: string): Promise<unknown> } | undefined;
    await expect(
      db.transaction(async (tx) => {
        kept = tx;
        await tx.execute(`insert into ${table} (id) values (?)`, [1]);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await expect(kept?.execute(`insert into ${table} (id) values (2)`)).rejects.toMatchObject({
      code: 'MR_OPTION_INVALID',
    });
    expect(await db.query(`select * from ${table}`)).toEqual([]);
  });

  it('does not call a transaction committed when a statement in it failed and nobody looked', async () => {
    await db.execute(`delete from ${table}`);
    await db.execute(`insert into ${table} (id) values (1)`);
    const swallowing = db.transaction(async (tx) => {
      await tx.execute(`insert into ${table} (id) values (2)`);
      await tx.execute(`insert into ${table} (id) values (1)`).catch(() => undefined);
    });
    // MySQL undoes the failed statement alone, Postgres the transaction.
    if (name === 'postgres') await expect(swallowing).rejects.toThrow(/rolled the transaction back/);
    else await swallowing;
    expect(await db.query(`select id from ${table} order by id`)).toEqual(
      name === 'postgres' ? [{ id: 1 }] : [{ id: 1 }, { id: 2 }],
    );
  });

  it('tells a deadlock from other errors and takes no statement after it', async () => {
    await db.execute(`delete from ${table}`);
    await db.execute(`insert into ${table} (id, num) values (1, 0), (2, 0)`);
    const update = `update ${table} set num = num + 1 where id = ?`;
    let arrived = 0;
    let go = (): void => undefined;
    const both = new Promise<void>((resolve) => {
      go = resolve;
    });
    const run = (first: number, second: number): Promise<void> =>
      db.transaction(async (tx) => {
        await tx.execute(update, [first]);
        arrived += 1;
        if (arrived === 2) go();
        await both;
        try {
          await tx.execute(update, [second]);
        } catch (error) {
          await expect(tx.execute(`insert into ${table} (id) values (99)`)).rejects.toThrow();
          throw error;
        }
      });
    const results = await Promise.allSettled([run(1, 2), run(2, 1)]);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    expect(failures).toHaveLength(1);
    expect(isTransientSqlError(failures[0])).toBe(true);
    expect(await db.query(`select id from ${table} where id = 99`)).toEqual([]);
    expect(isTransientSqlError(await db.query('selec').catch((error: unknown) => error))).toBe(false);
  });

  it('survives connections that the server ends', async () => {
    const kill = name === 'postgres' ? 'select pg_terminate_backend(?)' : 'kill ?';
    const own = name === 'postgres' ? 'select pg_backend_pid() as id' : 'select connection_id() as id';
    const other = dataSource(urlOf(setting));
    const failing = other.transaction(async (tx) => {
      const [row] = await tx.query<{ id: number }>(own);
      await db.query(kill.replace('?', String(row?.id)));
      await tx.query('select 1');
      await new Promise((resolve) => setTimeout(resolve, 50));
      await tx.query('select 1');
    });
    expect(isTransientSqlError(await failing.catch((error: unknown) => error))).toBe(true);
    expect(await other.query('select 1 as one')).toEqual([{ one: 1 }]);
    await other.close();
  });

  it('survives a connection that the server ends in the middle of a statement', async () => {
    const own = name === 'postgres' ? 'select pg_backend_pid() as id' : 'select connection_id() as id';
    const other = dataSource(urlOf(setting));
    const [row] = await other.query<{ id: number }>(own);
    const sleeping = other
      .query(name === 'postgres' ? 'select pg_sleep(30)' : 'select sleep(30)')
      .catch((e: unknown) => e);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await db.query(name === 'postgres' ? `select pg_terminate_backend(${row?.id})` : `kill ${row?.id}`);
    expect(isTransientSqlError(await sleeping)).toBe(true);
    expect(await other.query('select 1 as one')).toEqual([{ one: 1 }]);
    await other.close();
  });

  it('says which server cannot be reached, without its password', async () => {
    const wrong = dataSource(urlOf(setting).replace('millracesecret', 'wr0ngpassw0rd'));
    const error = await wrong.query('select 1').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
    expect(String(error)).not.toContain('wr0ngpassw0rd');
    await wrong.close();
    const nowhere = dataSource(urlOf(setting).replace(/:\d+\/millrace$/, ':1/millrace'));
    await expect(nowhere.query('select 1')).rejects.toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
    await nowhere.close();
  });

  it('goes through a cursor in batches, to the end or not', async () => {
    await db.execute(`delete from ${table}`);
    await db.execute(`insert into ${table} (id) values ${Array.from({ length: 10 }, (_, id) => `(${id})`).join(', ')}`);
    const sizes: number[] = [];
    for await (const rows of db.cursor(`select id from ${table} where id >= ? order by id`, [1], 4))
      sizes.push(rows.length);
    expect(sizes).toEqual([4, 4, 1]);
    for await (const rows of db.cursor(`select id from ${table}`, [], 2)) {
      expect(rows).toHaveLength(2);
      break;
    }
    await expect(db.query('select 1 as one')).resolves.toEqual([{ one: 1 }]);
    const reader = sqlReader<{ id: number }>({ query: `select id from ${table}`, dataSource: db, pageSize: 3 });
    expect((await readAll(reader, 2)).items).toHaveLength(10);
  });

  it('ST-200: pages by key, from everywhere', async () => {
    await db.execute(`delete from ${table}`);
    await db.execute(
      `insert into ${table} (id, txt, day) values ${Array.from({ length: 9 }, (_, id) => `(${id}, 'k${id % 3}', '2026-01-0${id + 1}')`).join(', ')}`,
    );
    for (const key of ['id', 'day', ['txt', 'id']] as const) {
      const reader = sqlReader<{ id: number }>({
        query: `select id, txt, day from ${table} where id < ?`,
        parameters: [8],
        key,
        pageSize: 3,
        dataSource: db,
      });
      const { items, positions } = await readAll(reader, 2);
      expect(items).toHaveLength(8);
      for (const { position, items: before } of positions) {
        expect((await readAll(reader, 2, position)).items).toEqual(items.slice(before));
      }
    }
    const twice = sqlReader({ query: `select txt from ${table}`, key: 'txt', pageSize: 3, dataSource: db });
    const stream = await twice.open(undefined, stepContext());
    await expect(Promise.resolve(stream.read(9))).rejects.toMatchObject({ code: 'MR_READER_KEY_NOT_UNIQUE' });
  });

  it('inserts, upserts and updates rows of a table', async () => {
    await db.execute(`delete from ${table}`);
    const run = async <O extends object>(
      writer: ReturnType<typeof tableWriter<O>>,
      items: readonly O[],
    ): Promise<void> => {
      const sink = await writer.open({ c: stepContext({ dataSource: db }) });
      await db.transaction(async (tx) => {
        await sink.write(items, { firstIndex: 0, key: 'k', signal, tx });
      });
    };
    interface Item {
      readonly id: number;
      readonly txt?: string;
      readonly num?: number;
    }
    await run(
      tableWriter<Item>(table),
      Array.from({ length: 1200 }, (_, id) => ({ id, num: id })),
    );
    await run(tableWriter<Item>(table, { mode: 'upsert', key: ['id'] }), [
      { id: 1, txt: 'a' },
      { id: 5000, txt: 'b' },
      { id: 1, txt: 'c' },
    ]);
    await run(tableWriter<Item>(table, { mode: 'upsert', key: ['id'], columns: ['id'] }), [{ id: 2 }, { id: 5001 }]);
    await run(tableWriter<Item>(table, { mode: 'update', key: ['id'] }), [{ id: 3, num: 3 }]);
    await expect(
      run(tableWriter<Item>(table, { mode: 'update', key: ['id'] }), [{ id: 9999, num: 1 }]),
    ).rejects.toMatchObject({ code: 'MR_NO_SUCH_ROW' });
    expect(await db.query(`select count(*) as n from ${table}`)).toEqual([{ n: 1202 }]);
    expect(await db.query(`select txt, num from ${table} where id in (1, 2, 3) order by id`)).toEqual([
      { txt: 'c', num: 1 },
      { txt: null, num: 2 },
      { txt: null, num: 3 },
    ]);
  });

  it('ST-50: keeps a marker beside the rows when it is not the repository', async () => {
    await db.execute(`delete from ${table}`);
    const repository = dataSource('sqlite::memory:');
    const writer = tableWriter<{ id: number }>(table, { dataSource: db });
    expect(joinsTransaction(writer, repository)).toBe(false);
    expect(joinsTransaction(writer, dataSource(urlOf(setting)))).toBe(true);
    const key = `${randomUUID()}/1/s/0`;
    const open = async (fence: number): Promise<MarkedSink<{ id: number }>> =>
      (await writer.open({ c: stepContext({ dataSource: repository }), key, fence } as never)) as MarkedSink<{
        id: number;
      }>;
    const range: MarkedChunk = {
      firstIndex: 0,
      key: `${key}/0-2`,
      signal,
      commit: { index: 2, record: { counts: 2 } },
    };
    const first = await open(1);
    await Promise.all([first.write([{ id: 1 }, { id: 2 }], range), first.write([{ id: 1 }, { id: 2 }], range)]);
    const second = await open(2);
    expect(await second.marker()).toMatchObject({ index: 2, record: { counts: 2 } });
    await expect(first.write([{ id: 3 }], { ...range, key: 'other' })).rejects.toMatchObject({ code: 'MR_LEASE_LOST' });
    await second.write([{ id: 1 }, { id: 2 }], range);
    expect(await db.query(`select id from ${table} order by id`)).toEqual([{ id: 1 }, { id: 2 }]);
    await repository.close();
  });

  it('carries kysely', async () => {
    const database = openDatabase(urlOf(setting));
    const kysely = new Kysely<Record<string, { id: number; num: number }>>({ dialect: kyselyDialect(database) });
    await db.execute(`delete from ${table}`);
    await kysely
      .transaction()
      .setIsolationLevel('read committed')
      .execute((tx) => tx.insertInto(table).values({ id: 1, num: 2 }).execute());
    expect(await kysely.selectFrom(table).select('num').execute()).toEqual([{ num: 2 }]);
    await kysely.destroy();
  });
});
