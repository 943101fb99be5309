import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

interface Sale {
  readonly id: number;
  readonly day: string;
  readonly amount: number | null;
  readonly note: string;
  readonly place: { readonly city: string } | null;
}

const sales: Sale[] = Array.from({ length: 10_000 }, (_, id) => ({
  id,
  day: `2026-01-${String(1 + Math.floor(id / 400)).padStart(2, '0')}`,
  amount: id % 10 === 0 ? null : id % 97,
  note: `note ${id} ${'.'.repeat(20)}`,
  place: id % 3 === 0 ? null : { city: id < 5000 ? 'Rome' : 'Oslo' },
}));

const folder = mkdtempSync(join(tmpdir(), 'millrace-pruning-'));
const path = join(folder, 'sales');
const byDay = join(folder, 'by-day');
let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2 });
  await sc.parallelize(sales, 1).saveAsParquet(path, { rowGroupSize: 1000, pageRows: 100 });
  await sc.parallelize(sales, 1).saveAsParquet(byDay, { partitionBy: ['day'] });
});
afterAll(async () => {
  await sc.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** `reads 2 of 10 row groups` and what follows, without the sizes. */
function reads(plan: string): string {
  const line = plan.split('\n').find((one) => one.includes('reads '));
  return (line ?? 'nothing').trim().replace(/, [\d.]+ MB of [\d.]+ MB/, '');
}

describe('a filter over Parquet files', () => {
  it('reads the row groups and columns that its function cannot do without', async () => {
    const since = '2026-01-24';
    const limit = 90;
    const found = sc.parquet<Sale>(path).filter((sale) => sale.day >= since && (sale.amount ?? 0) > limit);
    expect(reads(found.map(({ id }) => id).explain())).toBe(
      'reads 1 of 10 row groups; columns id, day, amount; where day >= "2026-01-24"',
    );
    const expected = sales.filter((sale) => sale.day >= since && (sale.amount ?? 0) > limit);
    expect(await found.collect()).toEqual(expected);
    expect(await found.map(({ id }) => id).collect()).toEqual(expected.map(({ id }) => id));
    expect(await found.count()).toBe(expected.length);
  });

  it('sees constants as they are when the action is called', async () => {
    let from = 9990;
    const found = sc.parquet<Sale>(path).filter((sale) => sale.id >= from);
    expect(await found.count()).toBe(10);
    from = 9999;
    expect(await found.count()).toBe(1);
  });

  it('keeps the tests of two uses of one source apart', async () => {
    const source = sc.parquet<Sale>(path);
    const ends = source.filter(({ id }) => id < 3).union(source.filter(({ id }) => id > 9997));
    expect((await ends.collect()).map(({ id }) => id)).toEqual([0, 1, 2, 9998, 9999]);
    expect(await source.count()).toBe(10_000);
  });

  it('goes on with the tests of a second filter, and stops where one does more than test', async () => {
    const seen = sc.accumulator(0);
    const counted = sc
      .parquet<Sale>(path)
      .filter(({ id }) => id >= 2000)
      .filter((sale) => {
        seen.add(1);
        return sale.id < 3000;
      })
      .filter(({ day }) => day > '2027');
    expect(reads(counted.explain())).toBe(
      'reads 8 of 10 row groups; columns id, day, amount, note, place; where id >= 2000',
    );
    expect(await counted.count()).toBe(0);
    expect(seen.value).toBe(8000);
  });

  it('reads all columns where rows are handed on, and none to count them', async () => {
    const source = sc.parquet<Sale>(path);
    expect(reads(source.filter(({ id }) => id > 9998).explain())).toContain('columns id, day, amount, note, place');
    expect(await source.filter(({ id }) => id > 9998).collect()).toEqual(sales.slice(9999));
    expect(await source.count()).toBe(10_000);
    expect(
      await source
        .map((sale) => Object.keys(sale).length)
        .distinct()
        .collect(),
    ).toEqual([5]);
  });

  it('is the same over a cached RDD, with an async function, and with nested fields', async () => {
    const cached = sc.parquet<Sale>(path).cache();
    expect(await cached.filter(({ id }) => id < 5).count()).toBe(5);
    expect(await cached.filter(({ id }) => id >= 5).count()).toBe(9995);
    expect(
      await sc
        .parquet<Sale>(path)
        .filter((async ({ id }: Sale) => id < 5) as never)
        .count(),
    ).toBe(5);
    const oslo = sc.parquet<Sale>(path).filter((sale) => sale.place?.city === 'Oslo');
    expect(reads(oslo.explain())).toContain('reads 5 of 10 row groups');
    expect(await oslo.count()).toBe(sales.filter(({ place }) => place?.city === 'Oslo').length);
  });

  it('tests the values of partition directories as well', async () => {
    const found = sc.parquet<Sale>(byDay).filter(({ day, id }) => day === '2026-01-03' && id > 1000);
    expect(reads(found.explain())).toMatch(/^reads 1 of 25 row groups/);
    expect((await found.collect()).map(({ id }) => id)).toEqual(
      Array.from({ length: 199 }, (_, index) => 1001 + index),
    );
  });

  it('shows what the option filter leaves out', () => {
    const plan = sc.parquet(path, { columns: ['note'], filter: [{ column: 'id', op: '<', value: 100 }] }).explain();
    expect(reads(plan)).toBe('reads 1 of 10 row groups; columns note; where id < 100');
  });
});
