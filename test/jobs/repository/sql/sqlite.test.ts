import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataSource } from '../../../../src/jobs/repository/sql/data-source.ts';
import { openDatabase } from '../../../../src/jobs/repository/sql/open-database.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('dataSource on SQLite', () => {
  for (const kind of ['file', 'memory'] as const) {
    const url = (): string => (kind === 'memory' ? 'sqlite::memory:' : `sqlite:${join(directory, 'a.db')}`);

    it(`returns the values that were bound, whatever their type (${kind})`, async () => {
      const db = dataSource(url());
      await db.execute('create table t (k integer, v, txt text)');
      const values = [1, 1.5, -0, 2 ** 53 + 2, 2n ** 62n, 7n, 'ä😀', '', null, undefined, true, false, Infinity];
      for (const [k, v] of values.entries()) await db.execute('insert into t values (?, ?, ?)', [k, v, v]);
      await db.execute('insert into t values (?, ?, ?)', [90, new Date(5), new Date(5)]);
      await db.execute('insert into t values (?, ?, ?)', [91, Buffer.from([1, 2]), null]);
      await db.execute('insert into t values (?, ?, ?)', [92, { a: [1] }, null]);
      const rows = await db.query<{ v: unknown; txt: unknown }>('select v, txt from t order by k');
      expect(rows.map(({ v }) => v)).toEqual([
        ...[1, 1.5, -0, 2 ** 53 + 2, 2n ** 62n, 7, 'ä😀', '', null, null, 1, 0, Infinity],
        ...['1970-01-01T00:00:00.005Z', Buffer.from([1, 2]), '{"a":[1]}'],
      ]);
      expect(rows[0]?.txt).toBe('1');
      await db.close();
    });

    it(`rolls a transaction back when its function throws and refuses its session afterwards (${kind})`, async () => {
      const db = dataSource(url());
      await db.execute('create table t (v)');
      let kept: { execute(sql: string): Promise<unknown> } | undefined;
      await expect(
        db.transaction(async (tx) => {
          kept = tx;
          await tx.execute('insert into t values (1)');
          expect(await tx.query('select count(*) as n from t')).toEqual([{ n: 1 }]);
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      await expect(kept?.execute('insert into t values (2)')).rejects.toMatchObject({ code: 'MR_OPTION_INVALID' });
      expect(await db.query('select * from t')).toEqual([]);
      await db.close();
    });

    it(`lets transactions of one data source take turns (${kind})`, async () => {
      const db = dataSource(url());
      await db.execute('create table t (v integer)');
      await db.execute('insert into t values (0)');
      await Promise.all(
        Array.from({ length: 20 }, () =>
          db.transaction(async (tx) => {
            const [row] = await tx.query<{ v: number }>('select v from t');
            await new Promise((resolve) => setImmediate(resolve));
            await tx.execute('update t set v = ?', [(row?.v ?? 0) + 1]);
          }),
        ),
      );
      expect(await db.query('select v from t')).toEqual([{ v: 20 }]);
      await db.close();
    });
  }

  it('counts the rows that statements change, returning ones too', async () => {
    const db = dataSource('sqlite::memory:');
    await db.execute('create table t (v)');
    expect(await db.execute('insert into t values (1), (2), (3)')).toEqual({ changes: 3 });
    expect(await db.query('insert into t values (4) returning v')).toEqual([{ v: 4 }]);
    expect(await db.execute('update t set v = v + 1 returning v')).toEqual({ changes: 4 });
    expect(await db.execute('delete from t where v > 3')).toEqual({ changes: 2 });
    await db.close();
  });

  it('refuses wrong parameter counts, several statements and values SQLite cannot store', async () => {
    const db = dataSource('sqlite::memory:');
    await db.execute('create table t (v)');
    await expect(db.query('select ?, ?', [1])).rejects.toThrow('2 placeholders and got 1');
    await expect(db.query("select '?' as a, ? as b -- ?", [1])).resolves.toEqual([{ a: '?', b: 1 }]);
    await expect(db.execute('insert into t values (1); insert into t values (2)')).rejects.toThrow('More than one');
    await expect(db.execute("insert into t values ('a;b');")).resolves.toEqual({ changes: 1 });
    for (const value of [2n ** 63n, () => 1, Symbol('s'), new Date(Number.NaN)]) {
      await expect(db.execute('insert into t values (?)', [value])).rejects.toMatchObject({ code: 'MR_SCHEMA' });
    }
    await db.close();
  });

  it('reads what is committed while another transaction of the same file is open', async () => {
    const db = dataSource(`sqlite:${join(directory, 'a.db')}`);
    await db.execute('create table t (v)');
    await db.transaction(async (tx) => {
      await tx.execute('insert into t values (1)');
      expect(await db.query('select count(*) as n from t')).toEqual([{ n: 0 }]);
    });
    expect(await db.query('with x as (select * from t) select count(*) as n from x')).toEqual([{ n: 1 }]);
    await db.close();
  });

  it('waits for a lock held by another data source of the process across an await, without stopping the thread', async () => {
    const url = `sqlite:${join(directory, 'a.db')}`;
    const [a, b] = [dataSource(url), dataSource(url)];
    await a.execute('create table t (v)');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = a.transaction(async (tx) => {
      await tx.execute('insert into t values (1)');
      await held;
    });
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
      if (ticks === 5) release();
    }, 2);
    await b.execute('insert into t values (2)');
    clearInterval(timer);
    await first;
    expect(ticks).toBeGreaterThanOrEqual(5);
    expect(await b.query('select count(*) as n from t')).toEqual([{ n: 2 }]);
    await a.close();
    await b.close();
  });

  it('waits for its turn as long as it may, also when that is longer than a timer can be set', async () => {
    const db = openDatabase(`sqlite:${join(directory, 'a.db')}`, { busyTimeoutMs: 1e12 });
    await db.run('create table t (v)');
    const first = await db.begin();
    await first.run('insert into t values (1)');
    const second = db.run('insert into t values (2)');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await first.commit();
    await second;
    expect((await db.run('select count(*) as n from t')).rows).toEqual([{ n: 2 }]);
    await db.close();
  });

  it('waits for a lock held by another process, and gives up with SQLITE_BUSY after the time it was given', async () => {
    const path = join(directory, 'a.db');
    const db = openDatabase(`sqlite:${path}`, { busyTimeoutMs: 50 });
    await db.run('create table t (v)');
    const script = join(directory, 'hold.cjs');
    writeFileSync(
      script,
      `const D = require(${JSON.stringify(join(process.cwd(), 'node_modules/libsql'))});
       const db = new D(process.argv[2]); db.exec('begin immediate'); process.stdout.write('held');
       process.stdin.on('data', () => { db.exec('commit'); process.exit(0); });`,
    );
    const child = spawn(process.execPath, [script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await expect(db.run('insert into t values (1)')).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
      const patient = openDatabase(`sqlite:${path}`);
      const waiting = patient.run('insert into t values (2)');
      child.stdin.write('go');
      await expect(waiting).resolves.toMatchObject({ changes: 1 });
      await patient.close();
    } finally {
      child.kill();
    }
    await db.close();
  });

  it('goes through a cursor while others write', async () => {
    const db = openDatabase(`sqlite:${join(directory, 'a.db')}`);
    await db.run('create table t (v integer)');
    for (let v = 0; v < 10; v++) await db.run('insert into t values (?)', [v]);
    const sizes: number[] = [];
    for await (const rows of db.cursor('select v from t where v >= ?', [1], 4)) {
      sizes.push(rows.length);
      await db.run('insert into t values (?)', [100]);
    }
    expect(sizes).toEqual([4, 4, 1]);
    for await (const rows of db.cursor('select v from t', [], 2)) {
      expect(rows).toHaveLength(2);
      break;
    }
    await db.close();
  });

  it('names the file that cannot be opened, and the schemes there are', async () => {
    const db = dataSource(`sqlite:${join(directory, 'none', 'a.db')}`);
    await expect(db.query('select 1')).rejects.toMatchObject({ code: 'MR_REPOSITORY_UNREACHABLE' });
    await db.close();
    writeFileSync(join(directory, 'b.db'), 'this is no database, but long enough to have a header of one'.repeat(20));
    const other = dataSource(`sqlite:${join(directory, 'b.db')}`);
    await expect(other.query('select 1')).rejects.toThrow(/b\.db/);
    await other.close();
    expect(() => dataSource('oracle://scott:tiger@db/x')).toThrow(/unknown scheme "oracle"/);
    expect(() => dataSource('oracle://scott:tiger@db/x')).not.toThrow(/tiger/);
    await expect(dataSource('sqlite::memory:').close()).resolves.toBeUndefined();
  });

  it('knows two ways to one file as one database', () => {
    const identity = (url: string): string => openDatabase(url).identity;
    expect(identity(`sqlite:${directory}/x/../a.db`)).toBe(identity(`sqlite://${directory}/a.db`));
    expect(identity('sqlite::memory:')).not.toBe(identity('sqlite::memory:'));
    expect(identity('postgres://me:secret@h/db')).toBe(identity('postgresql://me:other@h:5432/db'));
    expect(identity('mysql://me:secret@h/db')).toBe('mysql://me@h:3306/db');
  });
});
