import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type DataSource,
  dataSource,
  type ItemWriter,
  JobOperator,
  type JobOperatorOptions,
  job,
  sqlReader,
  tableWriter,
  transactionalWriter,
} from '../../src/jobs/index.ts';
import { end, named, type StoreUnderTest, step } from '../conformance/jobs/harness.ts';
import { launchRaceConformance } from '../conformance/jobs/launch-race.ts';
import { jobConformance } from '../conformance/jobs/suites.ts';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { freshDatabases } from './support/fresh-databases.ts';
import { urlOf } from './support/server-url.ts';

const servers = [
  {
    name: 'postgres',
    setting: 'MILLRACE_POSTGRES_URL',
    own: 'select pg_backend_pid() as id',
    kill: (id: number) => `select pg_terminate_backend(${id})`,
    lent: "select count(*) as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
  },
  {
    name: 'mysql',
    setting: 'MILLRACE_MYSQL_URL',
    own: 'select connection_id() as id',
    kill: (id: number) => `kill ${id}`,
    lent: 'select count(*) as n from information_schema.innodb_trx t join information_schema.processlist p on p.id = t.trx_mysql_thread_id where p.db = database()',
  },
] as const;

describe.each(servers)('jobs on $name', ({ setting, own, kill, lent }) => {
  const store: StoreUnderTest = { url: () => urlOf(setting), isShared: true };
  jobConformance(store);
  launchRaceConformance(store, 6, 200);

  describe('a chunk step', () => {
    let db: DataSource;
    let proxy: CuttingProxy;
    let operator: JobOperator;
    const table = 'rows_written';
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
    const options: JobOperatorOptions = { signals: false, clock };
    // A database of its own: what other tests lend or drop is not seen here.
    const databases = freshDatabases(urlOf(setting));
    let home: URL;
    beforeAll(async () => {
      home = new URL(await databases.make());
      db = dataSource(home.href);
      await db.execute(`create table ${table} (id integer not null)`);
      proxy = await CuttingProxy.start(Number(home.port));
    });
    beforeEach(async () => {
      const url = new URL(home);
      url.port = String(proxy.port);
      operator = await JobOperator.create({ repository: url.href, ...options });
      await db.execute(`delete from ${table}`);
    });
    afterEach(() => operator.close());
    afterAll(async () => {
      await db.close();
      await proxy.stop();
      await databases.dropAll();
    });
    const ids = async () => (await db.query<{ id: number }>(`select id from ${table} order by id`)).map(({ id }) => id);
    const numbers = (count: number) => Array.from({ length: count }, (_, id) => id);
    const rows = numbers(50).map((id) => ({ id }));
    const load = (writer: ItemWriter<{ id: number }>) =>
      job(named('load')).step('load', (s) => s.read(rows).chunk(10).write(writer));

    it('ST-33: tries a chunk again whose connection the server ends in its midst', async () => {
      let isKilled = false;
      const writer = transactionalWriter<{ id: number }>(async (items, tx) => {
        for (const { id } of items) await tx.execute(`insert into ${table} values (?)`, [id]);
        if (isKilled || items[0]?.id !== 20) return;
        isKilled = true;
        const [row] = await tx.query<{ id: number }>(own);
        await db.query(kill(Number(row?.id)));
        await tx.query('select 1');
        await tx.query('select 1');
      });
      const execution = await end(operator, load(writer));
      expect(execution).toMatchObject({ status: 'COMPLETED' });
      expect(step(execution, 'load').counts).toMatchObject({ read: 50, write: 50, commit: 5, rollback: 1, retry: 1 });
      expect(await ids()).toEqual(numbers(50));
    });

    it.each(['beforeServer', 'afterServer'] as const)(
      'ST-31: writes no row twice when the connection is lost with the commit, %s',
      async (when) => {
        const cutsBefore = proxy.cuts;
        const writer = tableWriter<{ id: number }>(table);
        const cutting = load({
          ...writer,
          guarantee: 'exactlyOnce',
          transactional: true,
          open: async (start) => {
            const sink = await writer.open(start);
            return {
              write: async (items, chunk) => {
                await sink.write(items, chunk);
                if (items[0]?.id === 20 && proxy.cuts === cutsBefore) proxy.cutAt('commit', when);
              },
            };
          },
        });
        const execution = await end(operator, cutting);
        expect(execution).toMatchObject({ status: 'COMPLETED' });
        expect(proxy.cuts).toBe(cutsBefore + 1);
        expect(await ids()).toEqual(numbers(50));
        const { counts } = step(execution, 'load');
        expect(counts).toMatchObject({ read: 50, write: 50, commit: 5 });
        expect(counts.rollback).toBe(when === 'beforeServer' ? 1 : 0);
      },
    );

    it('ST-50: writes no row twice into another database that is lost with its commit', async () => {
      const elsewhere = new URL(home);
      elsewhere.port = String(proxy.port);
      const other = dataSource(elsewhere.href);
      const sqlite = await JobOperator.create({ repository: 'sqlite::memory:', ...options });
      try {
        const cutsBefore = proxy.cuts;
        const cutting = job('cut').step('load', (s) =>
          s
            .read(rows)
            .process((row) => {
              if (row.id === 25 && proxy.cuts === cutsBefore) proxy.cutAt('commit', 'afterServer');
              return row;
            })
            .chunk(10)
            .retry(['ECONNRESET', 'PROTOCOL_CONNECTION_LOST', 'Error'], { baseDelayMs: 1 })
            .write(tableWriter(table, { dataSource: other })),
        );
        const execution = await end(sqlite, cutting);
        expect(execution).toMatchObject({ status: 'COMPLETED' });
        expect(proxy.cuts).toBe(cutsBefore + 1);
        expect(step(execution, 'load')).toMatchObject({ guarantee: 'exactlyOnce', counts: { write: 50, commit: 5 } });
        expect(await ids()).toEqual(numbers(50));
      } finally {
        await sqlite.close();
        await other.close();
      }
    });

    it('ST-206: leaves no transaction open behind a step that fails', async () => {
      const failing = load(
        transactionalWriter(async (items, tx) => {
          await tx.execute(`insert into ${table} values (?)`, [items[0]?.id]);
          if (items[0]?.id === 20) throw new Error('no more');
        }),
      );
      const cursor = job(named('cursor')).step(
        'read',
        (s) =>
          s
            .read(sqlReader<{ id: number }>({ query: `select id from ${table} order by id` }))
            .process(() => {
              throw new Error('no more');
            })
            .chunk(1)
            .write(tableWriter(table)),
        { restart: 'fromStart' },
      );
      expect((await end(operator, failing)).failure).toMatchObject({ message: 'no more' });
      expect((await end(operator, cursor)).failure).toMatchObject({ message: 'no more' });
      // The heartbeat may be at the database just now.
      await expect.poll(() => db.query(lent), { timeout: 20_000 }).toEqual([{ n: 0 }]);
    });
  });
});
