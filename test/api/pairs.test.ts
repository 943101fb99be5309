import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HashPartitioner,
  MillraceContext,
  RangePartitioner,
  type RDD,
  RoundRobinPartitioner,
} from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

const pairs = (rows: [string, number][], partitions = 3): RDD<[string, number]> => sc.parallelize(rows, partitions);
const byKey = <K extends string | number, V>(rows: [K, V][]): [K, V][] =>
  rows.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

describe('operations by key', () => {
  it('subtractByKey keeps the doubles of the left side and its partitions', async () => {
    const left = pairs([
      ['a', 1],
      ['b', 2],
      ['b', 3],
      ['c', 4],
    ]);
    const rest = left.subtractByKey(
      sc.parallelize<[string, string]>(
        [
          ['a', 'x'],
          ['z', 'y'],
        ],
        7,
      ),
    );
    expect(byKey(await rest.collect())).toEqual([
      ['b', 2],
      ['b', 3],
      ['c', 4],
    ]);
    expect(rest.getNumPartitions()).toBe(3);
    expect(rest.partitioner).toEqual(new HashPartitioner(3));
  });

  it('reduceByKeyLocally gives a Map', async () => {
    const sums = await pairs([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]).reduceByKeyLocally((a, b) => a + b);
    expect(byKey([...sums])).toEqual([
      ['a', 4],
      ['b', 2],
    ]);
    expect(await sc.emptyRDD<[string, number]>().reduceByKeyLocally((a, b) => a + b)).toEqual(new Map());
  });

  it('foldByKey and aggregateByKey start each key of a partition from a zero of its own', async () => {
    const rdd = pairs(
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ],
      1,
    );
    expect(byKey(await rdd.foldByKey(10, (a, b) => a + b).collect())).toEqual([
      ['a', 14],
      ['b', 12],
    ]);
    const lists = rdd.aggregateByKey(
      [] as number[],
      (list, n) => {
        list.push(n);
        return list;
      },
      (a, b) => a.concat(b),
    );
    expect(byKey(await lists.collect())).toEqual([
      ['a', [1, 3]],
      ['b', [2]],
    ]);
  });

  it('cogroup and groupWith take up to four RDDs', async () => {
    const [a, b] = [pairs([['x', 1]]), pairs([['y', 2]])];
    const words = sc.parallelize<[string, string]>([['x', 'w']]);
    expect(byKey(await a.cogroup(b, words, a, 2).collect())).toEqual([
      ['x', [[1], [], ['w'], [1]]],
      ['y', [[], [2], [], []]],
    ]);
    expect(byKey(await a.groupWith(b, words).collect())).toEqual([
      ['x', [[1], [], ['w']]],
      ['y', [[], [2], []]],
    ]);
  });

  it('repartitionAndSortWithinPartitions sorts each partition by key, in either direction', async () => {
    const rdd = sc.range(0, 40, 1, 4).map((n) => [(n * 7) % 20, n] as const);
    for (const ascending of [true, false]) {
      const parts = await rdd
        .repartitionAndSortWithinPartitions(new HashPartitioner(3), ascending)
        .keys()
        .glom()
        .collect();
      expect(parts.length).toBe(3);
      for (const part of parts) expect(part).toEqual(part.toSorted((a, b) => (ascending ? a - b : b - a)));
      expect(parts.flat().length).toBe(40);
    }
  });

  it('sorts within the partitions that a function names, as in PySpark', async () => {
    const rdd = sc.parallelize<[number, number]>([
      [0, 5],
      [3, 8],
      [2, 6],
      [0, 8],
      [3, 8],
      [1, 3],
    ]);
    const rising = rdd.repartitionAndSortWithinPartitions(2, (n) => n % 2);
    expect(await rising.glom().collect()).toEqual([
      [
        [0, 5],
        [0, 8],
        [2, 6],
      ],
      [
        [1, 3],
        [3, 8],
        [3, 8],
      ],
    ]);
    const falling = rdd.repartitionAndSortWithinPartitions(2, (n) => n % 2, false);
    expect(await falling.keys().glom().collect()).toEqual([
      [2, 0, 0],
      [3, 3, 1],
    ]);
  });

  it('keeps the partitioner over whole partitions where it is told to, also by true alone', () => {
    const placed = sc
      .range(4)
      .map((n) => [n, n] as const)
      .partitionBy(3);
    expect(placed.mapPartitions((rows) => rows, true).partitioner?.numPartitions).toBe(3);
    expect(placed.mapPartitionsWithIndex((_index, rows) => rows, true).partitioner?.numPartitions).toBe(3);
    expect(placed.mapPartitions((rows) => rows, false).partitioner).toBeUndefined();
  });

  it('filterByRange includes both ends, and computes only the partitions that can have such keys', async () => {
    const ran = sc.accumulator(0);
    const rdd = sc.range(0, 100, 1, 4).map((n) => [n, n * 2] as const);
    expect(await rdd.filterByRange(3, 5).collect()).toEqual([
      [3, 6],
      [4, 8],
      [5, 10],
    ]);
    expect(await rdd.filterByRange(5, 3).collect()).toEqual([]);
    for (const ascending of [true, false]) {
      const sorted = rdd.partitionBy(new RangePartitioner([24, 49, 74], ascending)).mapPartitions(
        (rows) => {
          ran.add(1);
          return rows;
        },
        { preservesPartitioning: true },
      );
      ran.reset();
      const found = (await sorted.filterByRange(20, 30).collect()).map(([key]) => key).toSorted((a, b) => a - b);
      expect(found).toEqual(Array.from({ length: 11 }, (_, i) => 20 + i));
      expect(ran.value).toBe(2);
    }
    const sorted = rdd.sortByKey(true, 4);
    expect(sorted.filterByRange(20, 30).getNumPartitions()).toBe(4);
    await sorted.count();
    const some = sorted.filterByRange(20, 30);
    expect(some.getNumPartitions()).toBeLessThan(4);
    expect(await some.keys().collect()).toEqual(Array.from({ length: 11 }, (_, i) => 20 + i));
  });

  it('lookup computes one partition where the partitioner is known, also one made of a function', async () => {
    const ran = sc.accumulator(0);
    const rdd = sc.range(0, 20, 1, 4).map((n) => [n % 5, n] as const);
    const placed = [
      rdd.partitionBy(4),
      rdd.partitionBy(4, (key) => key % 4),
      rdd.partitionBy(new RangePartitioner([1, 2, 3])),
    ];
    for (const parts of placed) {
      const counted = parts.mapPartitions(
        (rows) => {
          ran.add(1);
          return rows;
        },
        { preservesPartitioning: true },
      );
      ran.reset();
      expect((await counted.lookup(2)).toSorted((a, b) => a - b)).toEqual([2, 7, 12, 17]);
      expect(ran.value).toBe(1);
      expect(await counted.lookup(77 as never)).toEqual([]);
    }
    expect(await rdd.lookup(2)).toEqual([2, 7, 12, 17]);
  });

  it('partitionBy asks a function, and refuses what it gives when that is no partition', async () => {
    const rdd = sc.range(0, 6, 1, 2).map((n) => [n, n] as const);
    expect(
      await rdd
        .partitionBy(3, (key) => 2 - (key % 3))
        .keys()
        .glom()
        .collect(),
    ).toEqual([
      [2, 5],
      [1, 4],
      [0, 3],
    ]);
    await expect(rdd.partitionBy(3, (key) => key).collect()).rejects.toThrow('an integer from 0 to 2, got 3');
  });

  it('a union of RDDs with the same partitioner keeps it, and others stand side by side', async () => {
    const a = sc
      .range(0, 6, 1, 2)
      .map((n) => [n, 'a'] as [number, string])
      .partitionBy(3);
    const b = sc
      .range(0, 6, 1, 2)
      .map((n) => [n, 'b'] as [number, string])
      .partitionBy(3);
    expect(a.union(b).getNumPartitions()).toBe(3);
    expect(a.union(b).partitioner).toEqual(new HashPartitioner(3));
    expect(byKey(await a.union(b).groupByKey().collect())).toEqual(
      Array.from({ length: 6 }, (_, n) => [n, ['a', 'b']]),
    );
    expect(a.union(b.map((row) => row)).getNumPartitions()).toBe(6);
    expect(a.union(b.map((row) => row)).partitioner).toBeUndefined();
  });
});

describe('a partitioner', () => {
  it('must be one, and bring equal keys together', () => {
    const rdd = pairs([['a', 1]]);
    for (const wrong of [[2], {}, 0, 1.5, -1, '3', null] as never[])
      expect(() => rdd.groupByKey(wrong)).toThrow(
        /^groupByKey: (needs a number of partitions|the number of partitions must)/,
      );
    expect(() => rdd.reduceByKey((a, b) => a + b, new RoundRobinPartitioner(2))).toThrow('bring equal keys together');
    expect(rdd.partitionBy(new RoundRobinPartitioner(2)).getNumPartitions()).toBe(2);
    expect(() => new HashPartitioner(0)).toThrow('numPartitions must be an integer of at least 1');
  });
});

describe('what can be asked of an RDD', () => {
  it('is its number, name, partitioner and what it depends on', async () => {
    const numbers = sc.range(0, 10, 1, 2);
    const keyed = numbers.map((n) => [n % 3, n] as [number, number]);
    const grouped = keyed.groupByKey(4);
    expect(grouped.id).toBeGreaterThan(keyed.id);
    expect(grouped.name).toBeUndefined();
    expect(grouped.setName('by rest')).toBe(grouped);
    expect(grouped.name).toBe('by rest');
    expect(grouped.partitioner).toEqual(new HashPartitioner(4));
    expect(grouped.mapValues((list) => list.length).partitioner).toEqual(new HashPartitioner(4));
    expect(grouped.filter(() => true).partitioner).toEqual(new HashPartitioner(4));
    expect(grouped.map((row) => row).partitioner).toBeUndefined();
    expect(numbers.repartition(3).partitioner).toBeUndefined();
    expect(keyed.sortByKey(false, 3).partitioner).toMatchObject({ kind: 'range', numPartitions: 3, ascending: false });
    expect(numbers.dependencies).toEqual([]);
    const [dependency] = grouped.dependencies;
    expect(dependency).toMatchObject({ kind: 'shuffle', partitioner: { numPartitions: 4 } });
    expect(dependency?.rdd.id).toBe(keyed.id);
    expect(await dependency?.rdd.collect()).toEqual(await keyed.collect());
    expect(keyed.union(keyed).dependencies.map(({ kind }) => kind)).toEqual(['narrow', 'narrow']);
  });
});
