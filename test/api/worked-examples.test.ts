import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2 });
});
afterAll(() => sc.stop());

const byKey = <K, V>(rows: readonly (readonly [K, V])[]): Map<K, V> => new Map(rows);

describe('the worked examples of the mini-Spark guide', () => {
  it('counts the words of five lines', async () => {
    const lines = ['hello world', 'hello spark', 'world of big data', 'spark processing', 'big data analytics'];
    const counts = sc
      .parallelize(lines, 3)
      .flatMap((line) => line.split(' '))
      .map((word) => [word, 1] as const)
      .reduceByKey((a, b) => a + b);
    expect(byKey(await counts.collect())).toEqual(
      byKey([
        ['hello', 2],
        ['world', 2],
        ['spark', 2],
        ['of', 1],
        ['big', 2],
        ['data', 2],
        ['processing', 1],
        ['analytics', 1],
      ]),
    );
  });

  it('counts log lines by level', async () => {
    const lines = [
      '2024-01-01 10:00:00 INFO Application started',
      '2024-01-01 10:00:01 ERROR Database connection failed',
      '2024-01-01 10:00:02 INFO Retrying connection',
      '2024-01-01 10:00:03 ERROR Database connection failed',
      '2024-01-01 10:00:04 WARN High memory usage',
      '2024-01-01 10:00:05 INFO Application stopped',
    ];
    const parsed = sc.parallelize(lines, 2).map((line) => {
      const [date, time, level, ...words] = line.split(' ');
      return { at: `${date} ${time}`, level: level as string, message: words.join(' ') };
    });
    const levels = await parsed
      .map(({ level }) => [level, 1] as const)
      .reduceByKey((a, b) => a + b)
      .collectAsMap();
    expect(levels).toEqual(
      new Map([
        ['INFO', 3],
        ['ERROR', 2],
        ['WARN', 1],
      ]),
    );
    const errors = parsed.filter(({ level }) => level === 'ERROR').map(({ message }) => message);
    expect(await errors.countByValue()).toEqual(new Map([['Database connection failed', 2]]));
  });

  it('adds up six sales by category and by day', async () => {
    const sales = sc.parallelize(
      [
        { day: '2024-01-01', category: 'electronics', amount: 1000 },
        { day: '2024-01-01', category: 'clothing', amount: 500 },
        { day: '2024-01-02', category: 'electronics', amount: 1200 },
        { day: '2024-01-02', category: 'books', amount: 300 },
        { day: '2024-01-03', category: 'electronics', amount: 800 },
        { day: '2024-01-03', category: 'clothing', amount: 600 },
      ],
      3,
    );
    const byCategory = sales.map(({ category, amount }): [string, number] => [category, amount]);
    expect(
      await byCategory
        .reduceByKey((a, b) => a + b)
        .sortBy(([, total]) => total, false)
        .collect(),
    ).toEqual([
      ['electronics', 3000],
      ['clothing', 1100],
      ['books', 300],
    ]);
    const byDay = sales.map(({ day, amount }): [string, number] => [day, amount]);
    expect(
      await byDay
        .reduceByKey((a, b) => a + b)
        .sortByKey()
        .collect(),
    ).toEqual([
      ['2024-01-01', 1500],
      ['2024-01-02', 1500],
      ['2024-01-03', 1400],
    ]);
  });

  it('joins users and orders', async () => {
    const users = sc.parallelize<[number, string]>(
      [
        [1, 'Alice'],
        [2, 'Bob'],
        [3, 'Charlie'],
      ],
      2,
    );
    const orders = sc.parallelize<[number, number]>(
      [
        [1, 100],
        [2, 200],
        [1, 150],
        [3, 75],
      ],
      2,
    );
    const joined = await users
      .join(orders)
      .values()
      .groupByKey()
      .mapValues((amounts) => amounts.toSorted((a, b) => a - b))
      .collectAsMap();
    expect(joined).toEqual(
      new Map([
        ['Alice', [100, 150]],
        ['Bob', [200]],
        ['Charlie', [75]],
      ]),
    );
  });

  it('caches the even numbers and computes them once', async () => {
    const computed = sc.accumulator(0);
    const even = sc
      .parallelize(
        Array.from({ length: 10_000 }, (_, i) => i),
        4,
      )
      .filter((n) => {
        computed.add(1);
        return n % 2 === 0;
      })
      .cache();
    expect(await even.sum()).toBe(24_995_000);
    expect(await even.count()).toBe(5000);
    expect(computed.value).toBe(10_000);
  });

  it('chains filter, map and filter, and prints the lineage', async () => {
    const rdd = sc
      .parallelize(
        Array.from({ length: 100 }, (_, i) => i),
        4,
      )
      .filter((n) => n > 50)
      .map((n) => n * 2)
      .filter((n) => n < 150);
    expect(await rdd.count()).toBe(24);
    expect(await rdd.take(5)).toEqual([102, 104, 106, 108, 110]);
    await expect(rdd.toDebugString().replaceAll(/\[\d+\]/g, '[id]')).toMatchFileSnapshot(
      'golden/filter-map-filter.lineage',
    );
  });
});
