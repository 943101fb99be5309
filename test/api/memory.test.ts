import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, StorageLevel } from '../../src/index.ts';

const ROWS = 150_000;
let sc: MillraceContext;
let spilled = 0;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, memory: '16mb' });
  sc.on('taskEnded', (event) => {
    spilled += event.spilledBytes;
  });
});
afterAll(() => sc.stop());

/** 0 to rows - 1 in another order. */
const shuffled = (rows: number, multiplier = 7919): ReturnType<typeof sc.range> =>
  sc.range(0, rows, 1, 6).map((n) => (n * multiplier) % rows, { captured: { multiplier, rows } });

describe('with 16 MB for everything', () => {
  it('aggregates more keys than fit', async () => {
    spilled = 0;
    const sums = shuffled(ROWS)
      .flatMap((n): [string, number][] => [
        [`key ${n}`, n],
        [`key ${n}`, 1],
      ])
      .reduceByKey((a, b) => a + b, 2);
    expect(await sums.count()).toBe(ROWS);
    expect(await sums.filter(([key, sum]) => key !== `key ${sum - 1}`).collect()).toEqual([]);
    expect(spilled).toBeGreaterThan(0);
  });

  it('sorts more rows than fit, stably', async () => {
    spilled = 0;
    const sorted = shuffled(ROWS)
      .map((n) => ({ rank: n % 1000, n, text: `some text to make it long ${n}` }))
      .sortBy(({ rank }) => rank, true, 2);
    let at = 0;
    let last = { rank: -1, place: -1 };
    for await (const { rank, n } of sorted.toLocalIterator()) {
      const place = (n * 67_679) % ROWS; // the inverse of 7919: where n stood before
      if (rank < last.rank || (rank === last.rank && place <= last.place)) expect.fail(`row ${at}: ${rank} ${n}`);
      last = { rank, place };
      at++;
    }
    expect(at).toBe(ROWS);
    expect(spilled).toBeGreaterThan(0);
  });

  it('joins, groups and finds the distinct rows of more than fits', async () => {
    spilled = 0;
    const left = shuffled(ROWS).map((n): [number, string] => [n, `left value ${n}`]);
    const right = shuffled(ROWS, 104_729).map((n): [number, string] => [n, `right value ${n}`]);
    const wrong = left.join(right, 2).filter(([n, [a, b]]) => a !== `left value ${n}` || b !== `right value ${n}`);
    expect([await left.join(right, 2).count(), await wrong.count()]).toEqual([ROWS, 0]);
    expect(await left.union(left).distinct(2).count()).toBe(ROWS);
    const groups = shuffled(ROWS)
      .map((n): [string, number] => [`group ${n % 15_000}`, n])
      .groupByKey(2);
    const sizes = groups.mapValues((group) => [group.length, new Set(group).size].join());
    expect(await sizes.values().countByValue()).toEqual(
      new Map([['10,10', ROWS / 15_000]].map(([size]) => [size, 15_000])),
    );
    expect(spilled).toBeGreaterThan(0);
  });

  it('keeps what does not fit of a cache on disk, or not at all, and gives the same rows', async () => {
    for (const level of [StorageLevel.MEMORY_ONLY, StorageLevel.MEMORY_AND_DISK]) {
      const rdd = sc
        .range(0, ROWS, 1, 12)
        .map((n) => `a text that is long enough to fill the memory ${'.'.repeat(60)} ${n}`)
        .persist(level);
      for (let round = 0; round < 2; round++)
        expect(await rdd.filter((text) => text.endsWith('7')).count()).toBe(ROWS / 10);
      const kinds = new Set(sc.backend.blocks.entries().map(({ block }) => block.kind));
      expect(kinds.has('disk')).toBe(level === StorageLevel.MEMORY_AND_DISK);
      expect(sc.backend.blocks.memoryBytes).toBeLessThan(16 * 2 ** 20);
      rdd.unpersist();
    }
  });

  it('makes room for the blocks of one RDD by evicting those of the one that was used least recently', async () => {
    await using fresh = await MillraceContext.create({ workers: 2, memory: '16mb' });
    const texts = (name: string) =>
      fresh.range(0, 100_000, 1, 12).map((n) => `${name}: a text that is long enough to fill the memory ${n}`);
    const [first, second] = [texts('first').cache(), texts('second').cache()];
    const cachedOf = (rdd: typeof first): number =>
      fresh.backend.blocks.entries().filter(({ nodeId }) => nodeId === rdd.id).length;
    await first.count();
    expect(cachedOf(first)).toBe(12);
    for (const rdd of [second, first, second]) {
      expect(await rdd.filter((text) => text.endsWith('9')).count()).toBe(10_000);
      expect(cachedOf(rdd)).toBe(12);
      expect(fresh.backend.blocks.memoryBytes).toBeLessThan(9.7 * 2 ** 20);
    }
    expect(cachedOf(first)).toBeLessThan(12);
  });

  it('never holds all the rows that a function makes of a few', async () => {
    await using small = await MillraceContext.create({
      workers: 1,
      workerHeapMb: 64,
      maxTaskFailures: 1,
      logLevel: 'off',
    });
    const many = small.range(0, 4000, 1, 1).flatMap(function* (n) {
      for (let i = 0; i < 4000; i++) yield n + i / 2;
    });
    expect(await many.max()).toBe(3999 + 3999 / 2);
  });

  it('refuses a group that is too large, and says what to do instead', async () => {
    const grouped = sc
      .range(0, 1_200_000, 1, 4)
      .map((n): [string, number] => ['all', n])
      .groupByKey();
    const failure = grouped.count();
    await expect(failure).rejects.toMatchObject({ code: 'MR_MEMORY' });
    await expect(failure).rejects.toThrow(/the group of key "all" takes about \d+ MB.*reduceByKey or aggregateByKey/s);
    expect(
      await sc
        .range(0, 1_200_000, 1, 4)
        .map((n): [string, number] => ['all', n])
        .reduceByKey((a, b) => a + b)
        .collect(),
    ).toEqual([['all', 719_999_400_000]]);
  });

  it('leaves no spill file behind', () => {
    expect(readdirSync(sc.backend.tempPath).filter((name) => name.startsWith('spill'))).toEqual([]);
  });
});
