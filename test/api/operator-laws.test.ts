import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, type RDD, StorageLevel } from '../../src/index.ts';
import { anyColumn } from '../data/columnar/arbitrary-values.ts';
import { canonicalText } from '../data/columnar/canonical-text.ts';
import { sameValue } from '../data/columnar/same-value.ts';

const contexts: MillraceContext[] = [];
beforeAll(async () => {
  for (const workers of [1, 3]) contexts.push(await MillraceContext.create({ workers, logLevel: 'off' }));
});
afterAll(async () => {
  for (const sc of contexts) await sc.stop();
});

/** Keys of every kind, few enough to meet. */
const keys: readonly unknown[] = [
  1,
  '1',
  1n,
  true,
  null,
  undefined,
  Number.NaN,
  0,
  -0,
  'ü',
  '\ud800',
  [1, 'a'],
  [1, ['a']],
  { a: 1, b: [2] },
  { b: [2], a: 1 },
  new Date(5),
  new Set([1]),
  2n ** 70n,
];
type Row = [key: unknown, value: number];
const rows = fc.array(fc.tuple(fc.constantFrom(...keys), fc.integer({ min: -3, max: 3 })), { maxLength: 18 });
const partitions = fc.integer({ min: 1, max: 5 });
const levels = [undefined, StorageLevel.MEMORY_ONLY, StorageLevel.MEMORY_AND_DISK, StorageLevel.DISK_ONLY];

/** What an operation gives, and how it is seen: in its order, or as a bag of rows (values of a key in any order where `loose`). */
interface Law {
  readonly name: string;
  readonly inOrder?: boolean;
  readonly rdd: (left: RDD<Row>, right: RDD<Row>) => RDD<unknown>;
  readonly plain: (left: readonly Row[], right: readonly Row[]) => unknown[];
}

const text = canonicalText;
const grouped = (of: readonly Row[]): [unknown, number[]][] => {
  const groups = new Map<string, [unknown, number[]]>();
  for (const [key, value] of of) {
    const group = groups.get(text(key)) ?? [key, []];
    groups.set(text(key), group);
    group[1].push(value);
  }
  return [...groups.values()];
};
const valuesOf = (of: readonly Row[], key: unknown): number[] =>
  of.filter(([other]) => text(other) === text(key)).map(([, value]) => value);
const distinct = <T>(of: readonly T[]): T[] => [...new Map(of.map((row) => [text(row), row])).values()];
const cogrouped = (left: readonly Row[], right: readonly Row[]): [unknown, [number[], number[]]][] =>
  distinct([...left, ...right].map(([key]) => key)).map((key) => [key, [valuesOf(left, key), valuesOf(right, key)]]);
const joined = (left: readonly Row[], right: readonly Row[], keepLeft: boolean, keepRight: boolean): unknown[] =>
  cogrouped(left, right).flatMap(([key, [a, b]]) =>
    (a.length === 0 && keepRight ? [null] : a).flatMap((x) =>
      (b.length === 0 && keepLeft ? [null] : b).map((y) => [key, [x, y]]),
    ),
  );
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const laws: readonly Law[] = [
  { name: 'union', inOrder: true, rdd: (a, b) => a.union(b), plain: (a, b) => [...a, ...b] },
  { name: 'distinct', rdd: (a) => a.distinct(), plain: (a) => distinct(a) },
  { name: 'distinct into 2', rdd: (a) => a.distinct(2), plain: (a) => distinct(a) },
  {
    name: 'intersection',
    rdd: (a, b) => a.intersection(b),
    plain: (a, b) => distinct(a).filter((row) => b.some((other) => text(other) === text(row))),
  },
  {
    name: 'subtract',
    rdd: (a, b) => a.subtract(b),
    plain: (a, b) => a.filter((row) => !b.some((other) => text(other) === text(row))),
  },
  {
    name: 'subtractByKey',
    rdd: (a, b) => a.subtractByKey(b),
    plain: (a, b) => a.filter(([key]) => valuesOf(b, key).length === 0),
  },
  {
    name: 'cartesian',
    rdd: (a, b) => a.cartesian(b),
    plain: (a, b) => a.flatMap((x) => b.map((y) => [x, y])),
  },
  { name: 'zipWithIndex', inOrder: true, rdd: (a) => a.zipWithIndex(), plain: (a) => a.map((row, i) => [row, i]) },
  {
    name: 'zip with a map of itself',
    inOrder: true,
    rdd: (a) => a.zip(a.map(([, value]) => value * 2)),
    plain: (a) => a.map((row) => [row, row[1] * 2]),
  },
  {
    name: 'zipWithUniqueId gives every row an id of its own',
    rdd: (a) =>
      a
        .zipWithUniqueId()
        .values()
        .distinct()
        .map(() => 1),
    plain: (a) => a.map(() => 1),
  },
  { name: 'cogroup', rdd: (a, b) => a.cogroup(b), plain: cogrouped },
  { name: 'cogroup into 2', rdd: (a, b) => a.cogroup(b, 2), plain: cogrouped },
  { name: 'join', rdd: (a, b) => a.join(b), plain: (a, b) => joined(a, b, false, false) },
  { name: 'leftOuterJoin', rdd: (a, b) => a.leftOuterJoin(b), plain: (a, b) => joined(a, b, true, false) },
  { name: 'rightOuterJoin', rdd: (a, b) => a.rightOuterJoin(b), plain: (a, b) => joined(a, b, false, true) },
  { name: 'fullOuterJoin', rdd: (a, b) => a.fullOuterJoin(b, 3), plain: (a, b) => joined(a, b, true, true) },
  { name: 'groupByKey', rdd: (a) => a.groupByKey(), plain: (a) => grouped(a) },
  {
    name: 'reduceByKey',
    rdd: (a) => a.reduceByKey((x, y) => x + y),
    plain: (a) => grouped(a).map(([key, values]) => [key, sum(values)]),
  },
  {
    name: 'foldByKey after partitionBy',
    rdd: (a) => a.partitionBy(3).foldByKey(1, (x, y) => x + y),
    plain: (a) => grouped(a).map(([key, values]) => [key, sum(values) + 1]),
  },
  {
    name: 'combineByKey after partitionBy',
    rdd: (a) =>
      a.partitionBy(2).combineByKey(
        (value) => [value],
        (list, value) => [...list, value],
        (x, y) => [...x, ...y],
      ),
    plain: (a) => grouped(a),
  },
  {
    name: 'combineByKey without combining before',
    rdd: (a) =>
      a.combineByKey(
        (value) => [value],
        (list, value) => [...list, value],
        (x, y) => [...x, ...y],
        2,
        { mapSideCombine: false },
      ),
    plain: (a) => grouped(a),
  },
  {
    name: 'aggregateByKey',
    rdd: (a) =>
      a.aggregateByKey(
        { n: 0 },
        (state, value) => {
          state.n += value;
          return state;
        },
        (x, y) => ({ n: x.n + y.n }),
      ),
    plain: (a) => grouped(a).map(([key, values]) => [key, { n: sum(values) }]),
  },
  {
    name: 'groupBy',
    rdd: (a) => a.groupBy(([, value]) => value % 2 === 0),
    plain: (a) =>
      distinct(a.map(([, value]) => value % 2 === 0)).map((even) => [
        even,
        a.filter(([, v]) => (v % 2 === 0) === even),
      ]),
  },
  { name: 'partitionBy', rdd: (a) => a.partitionBy(3), plain: (a) => [...a] },
  { name: 'repartition', rdd: (a) => a.repartition(4), plain: (a) => [...a] },
  { name: 'coalesce', inOrder: true, rdd: (a) => a.coalesce(2), plain: (a) => [...a] },
  { name: 'coalesce with a shuffle', rdd: (a) => a.coalesce(7, true), plain: (a) => [...a] },
  { name: 'sample of all', inOrder: true, rdd: (a) => a.sample(false, 1, 5), plain: (a) => [...a] },
  {
    name: 'the pieces of a split',
    rdd: (a) => a.randomSplit([1, 0, 2], 9).reduce((x, y) => x.union(y)),
    plain: (a) => [...a],
  },
  {
    name: 'flatMapValues and mapValues',
    inOrder: true,
    rdd: (a) => a.flatMapValues((value) => [value, value]).mapValues((value) => value + 1),
    plain: (a) =>
      a.flatMap(([key, value]) => [
        [key, value + 1],
        [key, value + 1],
      ]),
  },
  {
    name: 'filterByRange of values',
    inOrder: true,
    rdd: (a) => a.map(([key, value]) => [value, key] as [number, unknown]).filterByRange(-1, 2),
    plain: (a) => a.filter(([, value]) => value >= -1 && value <= 2).map(([key, value]) => [value, key]),
  },
  {
    name: 'repartitionAndSortWithinPartitions',
    rdd: (a) => a.repartitionAndSortWithinPartitions(3),
    plain: (a) => [...a],
  },
  { name: 'glom', inOrder: true, rdd: (a) => a.glom().flatMap((part) => part.slice()), plain: (a) => [...a] },
  {
    name: 'sortBy',
    inOrder: true,
    rdd: (a) => a.sortBy(([, v]) => v, true, 3),
    plain: (a) => a.toSorted((x, y) => x[1] - y[1]),
  },
  {
    name: 'sortBy downwards',
    inOrder: true,
    rdd: (a) => a.sortBy(([, v]) => v, false),
    plain: (a) => a.toSorted((x, y) => y[1] - x[1]),
  },
];

const bag = (of: readonly unknown[]): string[] => of.map(text).toSorted();

describe('every operation gives what it gives on arrays', () => {
  for (const law of laws)
    it(law.name, async () => {
      await fc.assert(
        fc.asyncProperty(
          rows,
          rows,
          partitions,
          partitions,
          fc.constantFrom(0, 1),
          fc.constantFrom(...levels),
          async (left, right, m, n, which, level) => {
            const sc = contexts[which]!;
            const given = [sc.parallelize(left as Row[], m), sc.parallelize(right as Row[], n)] as const;
            const a = level === undefined ? given[0] : given[0].filter(() => true).persist(level);
            const result = law.rdd(a, given[1]);
            const plain = law.plain(left, right);
            const collected = await result.collect();
            if (law.inOrder === true) expect(collected).toEqual(plain);
            else expect(bag(collected)).toEqual(bag(plain));
            expect(await result.count()).toBe(plain.length);
            expect(await result.collect()).toEqual(collected);
            expect((await result.glom().collect()).length).toBe(result.getNumPartitions());
            expect(await result.take(2)).toEqual(collected.slice(0, 2));
            a.unpersist();
          },
        ),
        { numRuns: 8 },
      );
    });

  it('every action', async () => {
    await fc.assert(
      fc.asyncProperty(rows, partitions, fc.constantFrom(0, 1), async (of, n, which) => {
        const rdd = contexts[which]!.parallelize(of as Row[], n);
        const values = rdd.values();
        const plain = of.map(([, value]) => value);
        expect(await rdd.isEmpty()).toBe(of.length === 0);
        expect(bag([...(await rdd.countByKey())])).toEqual(bag(grouped(of).map(([key, list]) => [key, list.length])));
        expect(bag([...(await rdd.collectAsMap())])).toEqual(bag(grouped(of).map(([key, list]) => [key, list.at(-1)])));
        expect(bag([...(await rdd.reduceByKeyLocally((a, b) => a + b))])).toEqual(
          bag(grouped(of).map(([key, list]) => [key, sum(list)])),
        );
        expect(new Map(await values.countByValue())).toEqual(
          new Map(distinct(plain).map((value) => [value, plain.filter((other) => other === value).length])),
        );
        for (const key of [1, null, undefined, Number.NaN, [1, 'a'], { b: [2], a: 1 }])
          expect(await rdd.lookup(key)).toEqual(valuesOf(of, key));
        expect(await values.sum()).toBe(sum(plain));
        expect(await values.fold(0, (a, b) => a + b)).toBe(sum(plain));
        expect(
          await values.aggregate(
            [] as number[],
            (list, value) => [...list, value],
            (a, b) => [...a, ...b],
          ),
        ).toEqual(plain);
        if (of.length === 0) {
          const empty = [() => values.first(), () => values.max(), () => values.min(), () => values.reduce((a) => a)];
          for (const action of empty) await expect(action()).rejects.toMatchObject({ code: 'MR_EMPTY' });
          return;
        }
        expect(await values.first()).toBe(plain[0]);
        expect(await values.max()).toBe(Math.max(...plain));
        expect(await values.min()).toBe(Math.min(...plain));
        expect(await values.reduce((a, b) => a + b)).toBe(sum(plain));
        expect(await values.treeReduce((a, b) => a + b, 3)).toBe(sum(plain));
      }),
      { numRuns: 15 },
    );
  });
});

describe('whatever goes in', () => {
  it('comes out as it was: through functions, shuffles, caches and files of objects', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-values-'));
    let nextFile = 0;
    try {
      await fc.assert(
        fc.asyncProperty(anyColumn, partitions, async (values, n) => {
          const rdd = contexts[1]!.parallelize(values, n);
          const same = async (of: RDD<unknown>): Promise<void> => {
            expect(sameValue(await of.collect(), values)).toBe(true);
          };
          await same(rdd);
          await same(rdd.map((value) => value).filter(() => true));
          await same(rdd.mapPartitions((rows) => [...rows]));
          await same(
            rdd
              .map((value) => ['key', value] as const)
              .partitionBy(2)
              .values(),
          );
          await same(
            rdd
              .zipWithIndex()
              .sortBy(([, index]) => index)
              .keys(),
          );
          await same(
            rdd
              .map((value) => [value, 1] as const)
              .persist(StorageLevel.DISK_ONLY)
              .keys(),
          );
          await same(
            rdd
              .map((value) => ({ value }))
              .localCheckpoint()
              .map(({ value }) => value),
          );
          await rdd.saveAsObjectFile(join(folder, `${nextFile++}`));
          await same(contexts[0]!.objectFile(join(folder, `${nextFile - 1}`)));
        }),
        { numRuns: 15 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('transformations', () => {
  it('run nothing, whatever they are', async () => {
    const sc = contexts[1]!;
    const started: string[] = [];
    const stop = sc.on('actionStarted', ({ action }) => started.push(action));
    const a = sc.range(0, 10, 1, 3).map((n): Row => [n, n]);
    for (const { rdd } of laws) rdd(a, a);
    a.cache();
    a.pipe('cat')
      .distinct()
      .sortBy((line) => line)
      .zipWithIndex()
      .localCheckpoint();
    stop();
    expect(started).toEqual([]);
    expect(await a.count()).toBe(10);
  });
});

describe('sorting', () => {
  it('puts keys of all kinds into one order, stably, in both directions', async () => {
    await fc.assert(
      fc.asyncProperty(rows, partitions, partitions, fc.boolean(), async (of, m, n, ascending) => {
        const sorted = await contexts[1]!
          .parallelize(of as Row[], m)
          .sortByKey(ascending, n)
          .collect();
        expect(bag(sorted)).toEqual(bag(of));
        const rank = (key: unknown): number =>
          [null, undefined, true, 0, 1, 1n, 2n ** 70n, Number.NaN, '1', 'ü', '\ud800', new Date(5)].findIndex(
            (other) => text(other) === text(key),
          );
        const ranks = sorted.map(([key]) => rank(key)).filter((at) => at >= 0);
        expect(ranks).toEqual(ranks.toSorted((a, b) => (ascending ? a - b : b - a)));
        for (const key of keys) expect(valuesOf(sorted, key)).toEqual(valuesOf(of, key));
      }),
      { numRuns: 25 },
    );
  });
});
