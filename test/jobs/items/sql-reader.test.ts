import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataSource } from '../../../src/jobs/definition/data-source.ts';
import { sqlReader } from '../../../src/jobs/items/sql-reader.ts';
import { dataSource } from '../../../src/jobs/repository/sql/data-source.ts';
import { readAll, stepContext } from './step-context.ts';

let directory: string;
let db: DataSource;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-sql-'));
  db = dataSource(`sqlite:${join(directory, 'a.db')}`);
  await db.execute('create table sale (id integer, day text, amount real)');
});
afterEach(async () => {
  await db.close();
  rmSync(directory, { recursive: true, force: true });
});

const insert = async (given: readonly (readonly [unknown, unknown, unknown])[]): Promise<void> => {
  await db.execute('delete from sale');
  for (const row of given) await db.execute('insert into sale values (?, ?, ?)', row);
};

describe('sqlReader', () => {
  it('ST-200: pages behind the last key; any page size, fetch size and restart give the same rows', async () => {
    const keys = fc.uniqueArray(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.constantFrom('a', 'b', 'c')), {
      maxLength: 12,
      selector: String,
    });
    await fc.assert(
      fc.asyncProperty(
        keys,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        async (given, pageSize, size) => {
          await insert(given.map(([id, day]) => [id, day, 1]));
          const expected = given.toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : 1)).filter(([id]) => id > -5);
          const reader = sqlReader<{ id: number; day: string }>({
            query: 'select id, day from sale where id > ? -- not the first;',
            parameters: [-5],
            key: ['id', 'day'],
            pageSize,
          });
          const c = stepContext({ dataSource: db });
          const { items, positions } = await readAll(reader, size, undefined, c);
          expect(items.map(({ id, day }) => [id, day])).toEqual(expected);
          for (const { position, items: before } of positions) {
            expect((await readAll(reader, size, position, c)).items).toEqual(items.slice(before));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('goes on behind keys that JSON cannot hold as they are', async () => {
    const day = (n: number): bigint => 2n ** 62n + BigInt(n);
    await insert([1, 2, 3].map((n) => [day(n), 'x', 1]));
    const reader = sqlReader({ query: 'select id from sale', key: 'id', pageSize: 1, dataSource: db });
    const { items, positions } = await readAll(reader, 1);
    expect(items).toEqual([1, 2, 3].map((n) => ({ id: day(n) })));
    expect((await readAll(reader, 1, positions[2]?.position)).items).toEqual([{ id: day(3) }]);
  });

  it('is MR_READER_KEY_NOT_UNIQUE for equal keys, in a page, across pages, and for keys that are NULL', async () => {
    await insert([
      [1, 'a', 1],
      [2, 'b', 1],
      [2, 'c', 1],
      [3, 'd', 1],
    ]);
    for (const pageSize of [1, 2, 3, 10]) {
      const reader = sqlReader({ query: 'select * from sale', key: 'id', pageSize, dataSource: db });
      const stream = await reader.open(undefined, stepContext());
      const reading = (async () => {
        for (let n = 0; n < 9; n++) await stream.read(1);
      })();
      await expect(reading).rejects.toMatchObject({
        code: 'MR_READER_KEY_NOT_UNIQUE',
        message: expect.stringContaining('[2]'),
      });
    }
    await insert([[null, 'a', 1]]);
    const reader = sqlReader({ query: 'select * from sale', key: 'id', dataSource: db });
    await expect(reader.open(undefined, stepContext())).rejects.toMatchObject({ code: 'MR_READER_KEY_NOT_UNIQUE' });
  });

  it('reads over a cursor without a key, from the beginning only, while others write', async () => {
    await insert(Array.from({ length: 25 }, (_, id) => [id, 'x', 1]));
    const reader = sqlReader<{ id: number }>({
      query: 'select id from sale where id >= ?',
      parameters: [5],
      pageSize: 4,
    });
    expect(reader.restartable).toBe(false);
    const stream = await reader.open(undefined, stepContext({ dataSource: db }));
    const ids: number[] = [];
    for (let batch = await stream.read(3); batch.length > 0; batch = await stream.read(3)) {
      expect(batch.length).toBeLessThanOrEqual(3);
      ids.push(...batch.map(({ id }) => id));
      await db.execute('insert into sale values (100, ?, 1)', ['later']);
    }
    expect(ids).toEqual(Array.from({ length: 20 }, (_, n) => n + 5));
    await stream.close?.();
  });

  it('names a key that is no column, and options that make no sense', async () => {
    await insert([[1, 'a', 1]]);
    const reader = sqlReader({ query: 'select id as "ID" from sale', key: 'id', dataSource: db });
    const stream = await reader.open(undefined, stepContext());
    await expect(stream.read(1)).rejects.toThrow(/no column "id".*ID/);
    expect(() => sqlReader({ query: 'select 1', pageSize: 0 })).toThrow(/pageSize/);
    expect(() => sqlReader({ query: 'select 1', key: [] })).toThrow(/key/);
  });
});
