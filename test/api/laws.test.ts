import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, type RDD, StorageLevel } from '../../src/index.ts';

const contexts: MillraceContext[] = [];
beforeAll(async () => {
  for (const workers of [1, 3]) contexts.push(await MillraceContext.create({ workers }));
});
afterAll(async () => {
  for (const sc of contexts) await sc.stop();
});

type Row = [string, number];
/** One step of a program, in millrace and over arrays. */
interface Step {
  readonly name: string;
  readonly rdd: (rdd: RDD<Row>) => RDD<Row>;
  readonly plain: (rows: readonly Row[]) => Row[];
}

const merged = (rows: readonly Row[]): Row[] => {
  const sums = new Map<string, number>();
  for (const [key, value] of rows) sums.set(key, (sums.get(key) ?? 0) + value);
  return [...sums];
};
const order = (a: Row, b: Row): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]);

const steps: readonly Step[] = [
  {
    name: 'map',
    rdd: (rdd) => rdd.map(([key, value]): Row => [key, value + 1]),
    plain: (rows) => rows.map(([key, value]) => [key, value + 1]),
  },
  {
    name: 'filter',
    rdd: (rdd) => rdd.filter(([, value]) => value % 3 !== 0),
    plain: (rows) => rows.filter(([, value]) => value % 3 !== 0),
  },
  {
    name: 'flatMap',
    rdd: (rdd) =>
      rdd.flatMap(([key, value]): Row[] => [
        [key, value],
        [`${key}x`, value],
      ]),
    plain: (rows) =>
      rows.flatMap(([key, value]): Row[] => [
        [key, value],
        [`${key}x`, value],
      ]),
  },
  {
    name: 'mapValues',
    rdd: (rdd) => rdd.mapValues((value) => value * 2),
    plain: (rows) => rows.map(([key, value]) => [key, value * 2]),
  },
  { name: 'reduceByKey', rdd: (rdd) => rdd.reduceByKey((a, b) => a + b), plain: merged },
  { name: 'reduceByKey into 5', rdd: (rdd) => rdd.reduceByKey((a, b) => a + b, 5), plain: merged },
  { name: 'foldByKey', rdd: (rdd) => rdd.foldByKey(0, (a, b) => a + b), plain: merged },
  {
    name: 'aggregateByKey',
    rdd: (rdd) =>
      rdd.aggregateByKey(
        0,
        (a, b) => a + b,
        (a, b) => a + b,
        2,
      ),
    plain: merged,
  },
  {
    name: 'groupByKey',
    rdd: (rdd) => rdd.groupByKey().mapValues((values) => values.reduce((a, b) => a + b)),
    plain: merged,
  },
  {
    name: 'distinct',
    rdd: (rdd) => rdd.distinct(),
    plain: (rows) => [...new Map(rows.map((row) => [row.join(), row])).values()],
  },
  { name: 'repartition', rdd: (rdd) => rdd.repartition(3), plain: (rows) => [...rows] },
  { name: 'coalesce', rdd: (rdd) => rdd.coalesce(2), plain: (rows) => [...rows] },
  { name: 'sortByKey', rdd: (rdd) => rdd.sortByKey(), plain: (rows) => [...rows] },
  { name: 'cache', rdd: (rdd) => rdd.map((row) => row).cache(), plain: (rows) => [...rows] },
  {
    name: 'persist on disk',
    rdd: (rdd) => rdd.map((row) => row).persist(StorageLevel.DISK_ONLY),
    plain: (rows) => [...rows],
  },
  { name: 'union with itself', rdd: (rdd) => rdd.union(rdd), plain: (rows) => [...rows, ...rows] },
  { name: 'partitionBy', rdd: (rdd) => rdd.partitionBy(3), plain: (rows) => [...rows] },
  {
    name: 'partitionBy a function',
    rdd: (rdd) => rdd.partitionBy(2, (key) => key.length % 2),
    plain: (rows) => [...rows],
  },
  {
    name: 'combineByKey',
    rdd: (rdd) =>
      rdd
        .combineByKey(
          (value) => [value],
          (list, value) => [...list, value],
          (a, b) => [...a, ...b],
        )
        .mapValues((list) => list.reduce((a, b) => a + b)),
    plain: merged,
  },
  { name: 'sort downwards', rdd: (rdd) => rdd.sortByKey(false, 2), plain: (rows) => [...rows] },
  {
    name: 'a range of keys',
    rdd: (rdd) => rdd.sortByKey(true, 3).filterByRange('a', 'bx'),
    plain: (rows) => rows.filter(([key]) => key >= 'a' && key <= 'bx'),
  },
  {
    name: 'sorted partitions',
    rdd: (rdd) => rdd.repartitionAndSortWithinPartitions(3),
    plain: (rows) => [...rows],
  },
  { name: 'sample of all', rdd: (rdd) => rdd.sample(false, 1, 7), plain: (rows) => [...rows] },
  {
    name: 'the pieces of a split',
    rdd: (rdd) => rdd.randomSplit([2, 1], 5).reduce((a, b) => a.union(b)),
    plain: (rows) => [...rows],
  },
  {
    name: 'zip with its values',
    rdd: (rdd) => rdd.keys().zip(rdd.values()),
    plain: (rows) => [...rows],
  },
  { name: 'zipWithIndex', rdd: (rdd) => rdd.zipWithIndex().keys(), plain: (rows) => [...rows] },
  {
    name: 'subtract and subtractByKey',
    rdd: (rdd) => rdd.subtract(rdd.filter(([, value]) => value > 3)).subtractByKey(rdd.filter(([key]) => key === 'b')),
    plain: (rows) => rows.filter(([key, value]) => value <= 3 && key !== 'b'),
  },
  {
    name: 'intersection',
    rdd: (rdd) => rdd.intersection(rdd.filter(([, value]) => value < 5)),
    plain: (rows) => [...new Map(rows.filter(([, value]) => value < 5).map((row) => [row.join(), row])).values()],
  },
  {
    name: 'cogroup with itself',
    rdd: (rdd) => rdd.cogroup(rdd, 2).flatMapValues(([values, same]) => [...values, same.length]),
    plain: (rows) => [
      ...rows,
      ...[...new Set(rows.map(([key]) => key))].map((at): Row => [at, rows.filter(([key]) => key === at).length]),
    ],
  },
  {
    name: 'cartesian with one row',
    rdd: (rdd) => rdd.cartesian(rdd.coalesce(1).glom()).keys(),
    plain: (rows) => [...rows],
  },
  { name: 'localCheckpoint', rdd: (rdd) => rdd.map((row) => row).localCheckpoint(), plain: (rows) => [...rows] },
  {
    name: 'join with its sums',
    rdd: (rdd) => rdd.join(rdd.reduceByKey((a, b) => a + b)).mapValues(([value, sum]) => value + sum),
    plain: (rows) => {
      const sums = new Map(merged(rows));
      return rows.map(([key, value]) => [key, value + (sums.get(key) ?? 0)]);
    },
  },
];
const data = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', '', 'ü', '😀'), fc.integer({ min: -9, max: 9 })), {
  maxLength: 25,
});

describe('any program', () => {
  it('gives the rows of the same program on arrays, for any partitions and workers', async () => {
    await fc.assert(
      fc.asyncProperty(
        data,
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.constantFrom(...steps), { maxLength: 5 }),
        fc.constantFrom(0, 1),
        async (rows, partitions, program, which) => {
          const sc = contexts[which]!;
          const rdd = program.reduce((at, step) => step.rdd(at), sc.parallelize(rows as Row[], partitions));
          const plain = program.reduce((at, step) => step.plain(at), rows as Row[]);
          const collected = await rdd.collect();
          expect(collected.toSorted(order)).toEqual(plain.toSorted(order));
          expect(await rdd.count()).toBe(plain.length);
          expect((await rdd.take(3)).length).toBe(Math.min(3, plain.length));
          expect(await rdd.collect()).toEqual(collected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps the order of rows through narrow operators and collect', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer()), fc.integer({ min: 1, max: 8 }), async (rows, partitions) => {
        const rdd = contexts[1]!
          .parallelize(rows, partitions)
          .map((n) => n + 1)
          .filter((n) => n % 2 === 0);
        const plain = rows.map((n) => n + 1).filter((n) => n % 2 === 0);
        expect(await rdd.collect()).toEqual(plain);
        expect(await rdd.take(4)).toEqual(plain.slice(0, 4));
        expect((await rdd.glom().collect()).flat()).toEqual(plain);
        const iterated: number[] = [];
        for await (const row of rdd.toLocalIterator()) iterated.push(row);
        expect(iterated).toEqual(plain);
      }),
      { numRuns: 30 },
    );
  });

  it('sorts stably, as one array would be sorted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat())),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (rows, partitions, ascending) => {
          const sorted = await contexts[1]!
            .parallelize(rows, partitions)
            .sortBy(([key]) => key, ascending, 3)
            .collect();
          expect(sorted).toEqual(rows.toSorted((a, b) => (ascending ? a[0] - b[0] : b[0] - a[0])));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the edges', () => {
  const sc = (): MillraceContext => contexts[1]!;

  it('have values for an RDD without rows', async () => {
    const empties: RDD<number>[] = [
      sc().emptyRDD<number>(),
      sc().parallelize<number>([], 3),
      sc()
        .range(5)
        .filter(() => false),
    ];
    for (const empty of empties) {
      expect(await empty.collect()).toEqual([]);
      expect(await empty.count()).toBe(0);
      expect(await empty.isEmpty()).toBe(true);
      expect(await empty.fold(7, (a, b) => a + b)).toBe(7 * (1 + empty.getNumPartitions()));
      expect(await empty.sum()).toBe(0);
      expect(
        await empty
          .map((n) => [n, n] as const)
          .reduceByKey((a, b) => a + b)
          .collect(),
      ).toEqual([]);
      expect(await empty.sortBy((n) => n).collect()).toEqual([]);
      await expect(empty.first()).rejects.toMatchObject({ code: 'MR_EMPTY' });
      await expect(empty.reduce((a, b) => a + b)).rejects.toMatchObject({ code: 'MR_EMPTY' });
      await expect(empty.max()).rejects.toThrow('max: the RDD has no rows.');
    }
  });

  it('compare keys by value', async () => {
    const keys = [
      1,
      '1',
      1n,
      null,
      undefined,
      Number.NaN,
      Number.NaN,
      -0,
      0,
      true,
      [1, 'a'],
      [1, 'a'],
      { b: 1, a: 2 },
      { a: 2, b: 1 },
      new Date(5),
      new Date(5),
      '😀',
      '\ud800',
    ];
    const counts = await sc()
      .parallelize(keys, 4)
      .map((key) => [key, 1] as const)
      .reduceByKey((a, b) => a + b, 3)
      .collect();
    expect(counts.length).toBe(13);
    expect(new Set(counts.filter(([, n]) => n === 2).map(([key]) => JSON.stringify(key)))).toEqual(
      new Set(['null', '0', '[1,"a"]', '{"b":1,"a":2}', '"1970-01-01T00:00:00.005Z"']),
    );
  });

  it('bring every value through a shuffle and the cache as it was', async () => {
    const values = [
      2n ** 53n + 1n,
      -0,
      Number.NaN,
      undefined,
      null,
      '\ud800',
      'a\u0000b',
      new Array(3),
      { a: undefined },
      new Map([[1, new Set([2])]]),
      /x/giu,
      new Date(Number.NaN),
      new Uint8Array([1, 2]),
      { nested: [{ deep: [null, undefined] }] },
    ];
    const rdd = sc()
      .parallelize(values, 3)
      .map((value, ..._rest) => [1, value] as const);
    expect(await rdd.partitionBy(2).values().collect()).toEqual(values);
    for (const level of [StorageLevel.MEMORY_ONLY, StorageLevel.DISK_ONLY]) {
      const kept = rdd.values().persist(level);
      expect(await kept.collect()).toEqual(values);
      expect(await kept.collect()).toEqual(values);
      kept.unpersist();
    }
  });

  it('take one huge key, 500 partitions and 1000 chained maps', async () => {
    const skewed = sc()
      .range(0, 100_000, 1, 8)
      .map((n) => ['k', n] as const);
    expect(await skewed.reduceByKey((a, b) => a + b).collect()).toEqual([['k', 4_999_950_000]]);
    expect((await skewed.groupByKey().collect())[0]?.[1].length).toBe(100_000);
    expect(
      await sc()
        .range(0, 1000, 1, 500)
        .map((n) => [n % 7, 1] as const)
        .reduceByKey((a, b) => a + b, 500)
        .count(),
    ).toBe(7);
    let united = sc().range(2);
    for (let i = 2; i < 2000; i++) united = united.union(sc().range(i, i + 1, 1, 1));
    expect(await united.collect()).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(united.toDebugString()).toContain('union');
    let chained = sc().range(10);
    for (let i = 0; i < 1000; i++) chained = chained.map((n) => n + 1);
    expect(await chained.collect()).toEqual([1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009]);
  });

  it('ask a function for no more rows than take needs, also one that gives rows without end', async () => {
    const asked = sc().accumulator(0);
    const endless = sc()
      .range(0, 1, 1, 1)
      .flatMap(function* () {
        for (let n = 0; ; n++) {
          asked.add(1);
          yield n;
        }
      });
    const even = endless.map((n) => n * 2).filter((n) => n % 3 === 0);
    expect(await even.take(3)).toEqual([0, 6, 12]);
    expect(asked.value).toBe(7);
    expect(await sc().range(0, 1, 1, 1).union(endless).take(3)).toEqual([0, 0, 1]);
    asked.reset();
    const counted = sc()
      .range(0, 1000, 1, 1)
      .map((n) => {
        asked.add(1);
        return n;
      });
    expect(await counted.take(3)).toEqual([0, 1, 2]);
    expect(asked.value).toBe(3);
  });

  it('scan as few partitions as take needs', async () => {
    const ran = sc().accumulator(0);
    const rdd = sc()
      .range(0, 100, 1, 50)
      .mapPartitions((rows) => {
        ran.add(1);
        return rows;
      });
    expect(await rdd.take(2)).toEqual([0, 1]);
    expect(ran.value).toBe(1);
  });

  it('reuse the output of a shuffle in a later action', async () => {
    const mapped = sc().accumulator(0);
    const counts = sc()
      .range(0, 100, 1, 4)
      .map((n) => {
        mapped.add(1);
        return [n % 3, 1] as const;
      })
      .reduceByKey((a, b) => a + b);
    await counts.count();
    await counts.collect();
    await counts.mapValues((n) => n + 1).collect();
    expect(mapped.value).toBe(100);
  });

  it('do not shuffle what is partitioned already', () => {
    const pairs = sc()
      .range(0, 10, 1, 4)
      .map((n) => [n, n] as const)
      .partitionBy(3);
    const stages = (rdd: RDD<unknown>): number =>
      rdd
        .explain()
        .split('\n')
        .filter((line) => line.startsWith('stage')).length;
    expect(stages(pairs)).toBe(2);
    expect(
      stages(
        pairs
          .mapValues((n) => n + 1)
          .reduceByKey((a, b) => a + b)
          .filter(() => true)
          .groupByKey(),
      ),
    ).toBe(2);
    expect(stages(pairs.join(pairs.mapValues((n) => n)))).toBe(2);
    expect(stages(pairs.map((pair) => pair).reduceByKey((a, b) => a + b))).toBe(3);
  });
});
