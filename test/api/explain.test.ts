import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HashPartitioner, MillraceContext, RangePartitioner, StorageLevel } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2 });
});
afterAll(() => sc.stop());

describe('explain', () => {
  it('shows stages, tasks, partitioners and call sites of a word count', async () => {
    const counts = sc
      .parallelize(['to be or not to be'], 3)
      .flatMap((line) => line.split(' '))
      .map((word) => [word, 1] as const)
      .reduceByKey((a, b) => a + b, 2);
    await expect(counts.explain()).toMatchFileSnapshot('golden/word-count.plan');
  });

  it('shows the sample that a sort takes, once', async () => {
    const sorted = sc.range(0, 100, 1, 4).sortBy((n) => -n, true, 3);
    await expect(sorted.explain()).toMatchFileSnapshot('golden/sort.plan');
    await sorted.count();
    expect(sorted.explain()).not.toContain('sample');
  });

  it('shows what is cached, and leaves out what a complete cache stands for', async () => {
    const cached = sc
      .range(0, 100, 1, 4)
      .map((n) => [n % 3, n] as const)
      .reduceByKey((a, b) => a + b)
      .setName('sums')
      .persist(StorageLevel.MEMORY_AND_DISK);
    const doubled = cached.mapValues((n) => n * 2);
    await expect(doubled.explain()).toMatchFileSnapshot('golden/cache-before.plan');
    await doubled.count();
    await expect(doubled.explain()).toMatchFileSnapshot('golden/cache-after.plan');
  });

  it('shows a join of which one side needs no shuffle', async () => {
    const left = sc
      .range(0, 10, 1, 4)
      .map((n) => [n, n] as const)
      .partitionBy(new HashPartitioner(3));
    const right = sc.range(0, 10, 1, 2).map((n) => [n, 'x'] as const);
    await expect(left.join(right).explain()).toMatchFileSnapshot('golden/join.plan');
  });

  it('shows unions, coalesce and given range bounds', async () => {
    const pairs = sc
      .range(0, 10, 1, 2)
      .union(sc.range(0, 5, 1, 3))
      .coalesce(2)
      .keyBy((n) => n);
    await expect(pairs.partitionBy(new RangePartitioner([3, 6])).explain()).toMatchFileSnapshot('golden/union.plan');
  });
});

describe('explain of what combines RDDs', () => {
  it('shows zips, cartesian products, samples, pipes and the counting that indexes need', async () => {
    const numbers = sc.range(0, 10, 1, 3);
    const indexed = numbers.zipWithIndex().setName('numbered');
    const mixed = indexed
      .zip(numbers.sample(false, 0.5, 7).zipWithUniqueId())
      .zipPartitions(numbers.pipe('cat'), (rows) => rows)
      .cartesian(numbers.coalesce(2));
    await expect(mixed.explain()).toMatchFileSnapshot('golden/combinations.plan');
    await indexed.count();
    expect(mixed.explain()).not.toContain('counts of rows');
  });

  it('shows set operations, ranges of a sorted RDD, estimates and what comes twice', async () => {
    const numbers = sc.range(0, 10, 1, 2);
    const sorted = numbers.map((n) => [n, n] as const).sortByKey(true, 3);
    await sorted.count();
    const some = sorted.filterByRange(0, 1).countApproxDistinctByKey(0.1).subtractByKey(sorted);
    const both = numbers.subtract(numbers.intersection(numbers, 3));
    await expect(some.keys().union(both).explain()).toMatchFileSnapshot('golden/sets.plan');
  });
});

describe('toDebugString', () => {
  const lineage = (rdd: { toDebugString(): string }): string => rdd.toDebugString().replaceAll(/\[\d+\]/g, '[id]');

  it('opens a column behind every shuffle, as Spark does', async () => {
    const counts = sc
      .range(0, 10, 1, 12)
      .map((n) => [n % 3, n] as const)
      .cache()
      .reduceByKey((a, b) => a + b, 4)
      .map(([key, sum]) => [sum, key] as const)
      .sortByKey();
    await expect(lineage(counts)).toMatchFileSnapshot('golden/shuffles.lineage');
  });

  it('shows the sides of a join one below the other, and what comes twice once', async () => {
    const left = sc.range(0, 10, 1, 2).map((n) => [n, n] as const);
    const right = sc.range(0, 4, 1, 3).keyBy((n) => n);
    await expect(lineage(left.join(right).union(left.join(right)))).toMatchFileSnapshot('golden/join.lineage');
    let doubled = sc.range(3);
    for (let round = 0; round < 40; round++) doubled = doubled.zip(doubled).map(([a, b]) => a + b);
    expect(lineage(doubled).split('\n').length).toBe(40 * 3 + 1);
    expect(doubled.explain().split('\n').length).toBe(40 * 3 + 2);
  });
});
