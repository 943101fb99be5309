import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, type RDD, StorageLevel } from '../../src/index.ts';

interface Sale {
  readonly id: number;
  readonly city: string;
  readonly amount: number | null;
  readonly at: Date;
}

const cities = ['Rome', 'Oslo', 'Bern'];
/** In no order of `id`. */
const sales: Sale[] = Array.from({ length: 6000 }, (_, index) => {
  const id = (index * 3571) % 6000;
  return { id, city: cities[id % 3]!, amount: id % 5 === 0 ? null : id / 4, at: new Date(1_700_000_000_000 + id) };
});
const byId = (a: Sale, b: Sale): number => a.id - b.id;

const folder = mkdtempSync(join(tmpdir(), 'millrace-parquet-write-'));
let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, memory: '64mb' });
});
afterAll(async () => {
  await sc.stop();
  rmSync(folder, { recursive: true, force: true });
});

function partFiles(path: string): string[] {
  return readdirSync(path)
    .filter((name) => name.startsWith('part-'))
    .sort();
}

describe('saveAsParquet', () => {
  it('sorts the rows of each partition, so that readers skip row groups', async () => {
    const path = join(folder, 'sorted');
    await sc.parallelize(sales, 2).saveAsParquet(path, { sortBy: 'id', rowGroupSize: 500 });
    const parts = await sc.parquet<Sale>(path).glom().collect();
    for (const rows of parts) expect(rows).toEqual(rows.toSorted(byId));
    expect((await sc.parquet<Sale>(path).collect()).toSorted(byId)).toEqual(sales.toSorted(byId));
    const few = sc.parquet<Sale>(path).filter(({ id }) => id < 100);
    expect(few.explain()).toContain('reads 2 of 12 row groups');
    expect(await few.count()).toBe(100);
  });

  it('sorts by several columns, each in its direction, null first', async () => {
    const path = join(folder, 'sorted-by-two');
    await sc.parallelize(sales, 1).saveAsParquet(path, { sortBy: ['city', { column: 'amount', descending: true }] });
    const expected = sales.toSorted((a, b) => a.city.localeCompare(b.city) || (b.amount ?? -1) - (a.amount ?? -1));
    const read = await sc.parquet<Sale>(path).collect();
    expect(read.map(({ city, amount }) => [city, amount])).toEqual(expected.map(({ city, amount }) => [city, amount]));
  });

  it.each<[string, (rows: RDD<Sale>) => RDD<Sale>]>([
    ['made by a function', (rows) => rows.map((row) => ({ ...row }))],
    ['parallelized', (rows) => rows],
    ['cached in memory', (rows) => rows.map((row) => ({ ...row })).cache()],
    ['cached on disk', (rows) => rows.map((row) => ({ ...row })).persist(StorageLevel.DISK_ONLY)],
    ['dealt out anew', (rows) => rows.repartition(5)],
    ['of a union', (rows) => rows.union(rows.filter(({ id }) => id % 2 === 0).cache())],
    ['of fewer partitions', (rows) => rows.cache().coalesce(2)],
    [
      'with columns that some lack',
      (rows) => rows.map((row) => (row.id % 4 === 0 ? { ...row, note: 'n' } : row)).cache(),
    ],
    ['with lists in some', (rows) => rows.map((row) => ({ ...row, tags: row.id % 2 ? [row.city] : null })).cache()],
  ])('writes rows %s as they are', async (_, from) => {
    const rows = from(sc.parallelize(sales, 3));
    const path = join(folder, 'origins');
    for (const options of [
      { maxFileSize: 20_000 },
      {
        schema: {
          id: 'int32',
          city: 'string',
          amount: 'float64',
          at: 'timestamp(us)',
          note: 'string',
          tags: 'list<string>',
        },
      },
    ]) {
      await rows.saveAsParquet(path, { mode: 'overwrite', rowGroupSize: 700, ...options });
      const present = (row: Sale): object =>
        Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
      expect((await sc.parquet<Sale>(path).collect()).map(present)).toEqual((await rows.collect()).map(present));
    }
  });

  it('refuses to sort by a column that no row has, and options that do not exist', async () => {
    const rows = sc.parallelize(sales, 1);
    const path = join(folder, 'refused');
    await expect(rows.saveAsParquet(path, { sortBy: 'day' })).rejects.toThrow(
      /sortBy names "day".*id, city, amount, at/,
    );
    await expect(rows.saveAsParquet(path, { sortedBy: 'id' } as never)).rejects.toThrow(/"sortedBy" is no option/);
    await expect(rows.saveAsParquet(path, { maxFileSize: 'large' })).rejects.toThrow(/maxFileSize must be/);
    await expect(rows.saveAsParquet(path, { rowGroupSize: 0 })).rejects.toThrow(/rowGroupSize must be/);
    await expect(rows.saveAsParquet(path, { compression: 'lzo' as never })).rejects.toThrow(
      /compression must be one of/,
    );
    await expect(rows.saveAsParquet(path, { bloomFilters: ['day'] })).rejects.toThrow(/bloomFilters: "day"/);
    expect(readdirSync(folder)).not.toContain('refused');
  });

  it('goes on in another file when one is as large as maxFileSize', async () => {
    const path = join(folder, 'small-files');
    const rows = Array.from({ length: 40_000 }, (_, id) => ({ id, text: `text ${(id * 7919) % 100_003} ${id}` }));
    const options = { maxFileSize: '100kb', rowGroupSize: 2000, compression: 'none' } as const;
    const output = await sc.parallelize(rows, 2).saveAsParquet(path, options);
    const files = partFiles(path);
    expect(files.length).toBe(output.files);
    expect(files.length).toBeGreaterThan(8);
    for (const file of files) expect(statSync(join(path, file)).size).toBeLessThan(130_000);
    expect(await sc.parquet(path).collect()).toEqual(rows);
  });

  it('writes partition directories, each in files of its own, and replaces only those it writes', async () => {
    const path = join(folder, 'by-city');
    const saved = Array.from({ length: 5 }, (_, copy) =>
      sales.map((sale) => ({ ...sale, id: sale.id + copy * 6000 })),
    ).flat();
    const options = { partitionBy: ['city'], sortBy: 'id', maxFileSize: '10kb', rowGroupSize: 200 };
    await sc.parallelize(saved, 2).saveAsParquet(path, options);
    expect(partFiles(join(path, 'city=Rome')).length).toBeGreaterThan(4);
    expect((await sc.parquet<Sale>(path).collect()).toSorted(byId)).toEqual(saved.toSorted(byId));
    const rome = { id: -1, city: 'Rome', amount: 1.5, at: new Date(0) };
    await sc.parallelize([rome], 1).saveAsParquet(path, { partitionBy: ['city'], mode: 'overwritePartitions' });
    const expected = [rome, ...saved.filter(({ city }) => city !== 'Rome')];
    expect((await sc.parquet<Sale>(path).collect()).toSorted(byId)).toEqual(expected.toSorted(byId));
  });

  it('knows its modes', async () => {
    const path = join(folder, 'modes');
    const one = sc.parallelize([{ id: 1 }], 1);
    await one.saveAsParquet(path);
    await expect(one.saveAsParquet(path)).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    await one.saveAsParquet(path, { mode: 'append' });
    expect(await sc.parquet(path).count()).toBe(2);
    await one.saveAsParquet(path, { mode: 'overwrite' });
    expect(await sc.parquet(path).count()).toBe(1);
  });

  it('writes bloom filters that leave row groups out', async () => {
    const path = join(folder, 'bloom');
    const rows = Array.from({ length: 8000 }, (_, id) => ({ id, key: `k${(id * 7919) % 8000}` }));
    await sc.parallelize(rows, 1).saveAsParquet(path, { bloomFilters: ['key'], rowGroupSize: 1000, dictionary: false });
    const found = sc.parquet<(typeof rows)[number]>(path).filter(({ key }) => key === 'k77');
    expect(found.explain()).toContain('reads 1 of 8 row groups');
    expect(await found.collect()).toEqual(rows.filter(({ key }) => key === 'k77'));
  });
});
