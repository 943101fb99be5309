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
