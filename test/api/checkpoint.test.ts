import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectGarbage } from '../../src/base/collect-garbage.ts';
import { HashPartitioner, MillraceContext, type RDD, StorageLevel } from '../../src/index.ts';

let sc: MillraceContext;
let folder: string;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
  folder = mkdtempSync(join(tmpdir(), 'millrace-checkpoints-'));
});
afterAll(async () => {
  await sc.stop();
  rmSync(folder, { recursive: true });
});

/** Squares of 0 to 9 that count how often one is computed. */
const counted = (): { ran: { value: number; reset(): void }; squares: RDD<number> } => {
  const ran = sc.accumulator(0);
  const squares = sc.range(0, 10, 1, 4).map((n) => {
    ran.add(1);
    return n * n;
  });
  return { ran, squares };
};
const expected = Array.from({ length: 10 }, (_, n) => n * n);

describe('checkpoint', () => {
  it('needs a folder', async () => {
    const fresh = await MillraceContext.create({ workers: 1 });
    try {
      expect(() => fresh.range(3).checkpoint()).toThrow('no checkpoint folder is set. Call sc.setCheckpointDir first');
      expect(fresh.getCheckpointDir()).toBeUndefined();
    } finally {
      await fresh.stop();
    }
  });

  it('is written after the first action on the RDD, and read from then on', async () => {
    sc.setCheckpointDir(folder);
    expect(sc.getCheckpointDir()?.startsWith(folder)).toBe(true);
    const { ran, squares } = counted();
    expect(squares.checkpoint()).toBe(squares);
    expect([squares.isCheckpointed(), squares.getCheckpointFile()]).toEqual([false, undefined]);
    await expect(squares.explain()).toMatchFileSnapshot('golden/checkpoint-before.plan');
    expect(await squares.collect()).toEqual(expected);
    expect(ran.value).toBe(20);
    expect(squares.isCheckpointed()).toBe(true);
    const file = squares.getCheckpointFile()!;
    expect(readdirSync(file).filter((name) => name.startsWith('part-')).length).toBe(4);
    ran.reset();
    expect(await squares.collect()).toEqual(expected);
    expect(await squares.map((n) => n + 1).sum()).toBe(295);
    expect(ran.value).toBe(0);
    expect(squares.getNumPartitions()).toBe(4);
    await expect(squares.filter((n) => n > 3).explain()).toMatchFileSnapshot('golden/checkpoint-after.plan');
    expect(squares.toDebugString()).toContain('checkpoint');
    expect(squares.toDebugString()).not.toContain('range');
    expect(squares.dependencies.length).toBe(1);
  });

  it('is made by an action on what comes of the RDD, also one that looks at a single partition', async () => {
    sc.setCheckpointDir(folder);
    const { ran, squares } = counted();
    const child = squares.checkpoint().map((n) => -n);
    expect(await child.take(1)).toEqual([-0]);
    expect(squares.isCheckpointed()).toBe(true);
    ran.reset();
    expect(await child.collect()).toEqual(expected.map((n) => -n));
    expect(ran.value).toBe(0);
  });

  it('computes nothing twice where the RDD is persisted too', async () => {
    sc.setCheckpointDir(folder);
    const { ran, squares } = counted();
    squares.cache().checkpoint();
    expect(await squares.count()).toBe(10);
    expect(ran.value).toBe(10);
    squares.unpersist();
    expect(await squares.collect()).toEqual(expected);
    expect(ran.value).toBe(10);
  });

  it('keeps partitions, also empty ones, the partitioner and any value', async () => {
    sc.setCheckpointDir(folder);
    const rows: [unknown, unknown][] = [
      [new Date(3), new Map([[1, -0]])],
      [2n ** 70n, undefined],
      [null, [1, { a: new Set(['x']) }]],
    ];
    const placed = sc.parallelize(rows, 2).partitionBy(5).checkpoint();
    const before = await placed.glom().collect();
    expect(placed.isCheckpointed()).toBe(true);
    expect(await placed.glom().collect()).toEqual(before);
    expect(placed.partitioner).toEqual(new HashPartitioner(5));
    expect((await placed.groupByKey().collect()).length).toBe(3);
    expect(await placed.lookup(null)).toEqual([[1, { a: new Set(['x']) }]]);
    const none = sc.emptyRDD<number>().checkpoint();
    expect(await none.count()).toBe(0);
    expect(none.isCheckpointed()).toBe(true);
    expect(await none.collect()).toEqual([]);
  });

  it('cuts a lineage that grows with every round', async () => {
    sc.setCheckpointDir(folder);
    let sums = sc.range(0, 20, 1, 2).map((n) => [n % 4, 1] as [number, number]);
    for (let round = 0; round < 12; round++) {
      sums = sums
        .mapValues((n) => n + 1)
        .reduceByKey((a, b) => a + b, 2)
        .flatMapValues((n) => [n, 1]);
      if (round % 3 === 2) {
        sums.checkpoint();
        await sums.count();
        expect(sums.toDebugString().split('\n').length).toBe(2);
      }
    }
    const plain = (rounds: number): number[] => {
      let values = [1, 1, 1, 1, 1];
      for (let round = 0; round < rounds; round++) values = [values.reduce((a, b) => a + b + 1, 0), 1];
      return values;
    };
    expect(await sums.lookup(3)).toEqual(plain(12));
  });

  it('lets go of the shuffles of rounds long past, and keeps number, name and partitioner', async () => {
    sc.setCheckpointDir(folder);
    const { outputs } = sc.backend;
    /** Nothing but the RDD it gives is held by the time it ends. */
    const iterated = async (): Promise<RDD<[number, number]>> => {
      let sums = sc.range(0, 20, 1, 2).map((n) => [n % 4, 1] as [number, number]);
      for (let round = 0; round < 5; round++) sums = sums.reduceByKey((a, b) => a + b, 2 + (round % 2));
      sums.setName('sums').checkpoint();
      const { id } = sums;
      await sums.count();
      expect(outputs.shuffleIds().length).toBeGreaterThan(4);
      expect([sums.id, sums.name, sums.partitioner]).toEqual([id, 'sums', new HashPartitioner(2)]);
      return sums;
    };
    const before = new Set(outputs.shuffleIds());
    const sums = await iterated();
    const past = outputs.shuffleIds().filter((id) => !before.has(id));
    const held = (): number => outputs.shuffleIds().filter((id) => past.includes(id)).length;
    for (let turn = 0; held() > 0 && turn < 100; turn++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(held()).toBe(0);
    expect((await sums.mapValues((n) => n + 1).collect()).toSorted(([a], [b]) => a - b)).toEqual([
      [0, 6],
      [1, 6],
      [2, 6],
      [3, 6],
    ]);
    expect(sums.getCheckpointFile()).toContain(folder);
  });

  it('leaves its files when the context stops', async () => {
    const own = await MillraceContext.create({ workers: 1, logLevel: 'off' });
    own.setCheckpointDir(folder);
    const rdd = own.parallelize(['a', 'b'], 2).checkpoint();
    await rdd.count();
    const file = rdd.getCheckpointFile()!;
    await own.stop();
    expect(existsSync(file)).toBe(true);
    expect(await sc.objectFile<string>(file).collect()).toEqual(['a', 'b']);
  });

  it('that cannot be written fails the action, and is tried again by the next', async () => {
    sc.setCheckpointDir(join(folder, 'later'));
    const { squares } = counted();
    squares.checkpoint();
    const controller = new AbortController();
    controller.abort();
    await expect(squares.count({ signal: controller.signal })).rejects.toMatchObject({ code: 'MR_ABORTED' });
    expect(squares.isCheckpointed()).toBe(false);
    expect(await squares.count()).toBe(10);
    expect(squares.isCheckpointed()).toBe(true);
  });
});

describe('localCheckpoint', () => {
  it('keeps all partitions as blocks after the first action, and cuts the lineage', async () => {
    const { ran, squares } = counted();
    expect(squares.localCheckpoint()).toBe(squares);
    expect(squares.getStorageLevel()).toBe(StorageLevel.MEMORY_AND_DISK);
    expect(squares.isCheckpointed()).toBe(false);
    expect(await squares.take(2)).toEqual([0, 1]);
    expect([squares.isCheckpointed(), squares.getCheckpointFile()]).toEqual([true, undefined]);
    expect(ran.value).toBe(10);
    expect(await squares.map((n) => n + 1).sum()).toBe(295);
    expect(ran.value).toBe(10);
    expect(squares.toDebugString()).not.toContain('range');
  });

  it('keeps its blocks as long as the RDD, also when nothing else of its lineage is left', async () => {
    const kept = async (): Promise<RDD<number>> => {
      const { squares } = counted();
      const rdd = squares.map((n) => n + 1).localCheckpoint();
      await rdd.count();
      expect(rdd.isCheckpointed()).toBe(true);
      return rdd;
    };
    const rdd = await kept();
    for (let turn = 0; turn < 3; turn++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await rdd.collect()).toEqual(expected.map((n) => n + 1));
    expect(await rdd.map((n) => n * 2).sum()).toBe(590);
  });

  it('raises MEMORY_ONLY to a level that loses nothing', async () => {
    const { squares } = counted();
    squares.cache().localCheckpoint();
    expect(squares.getStorageLevel()).toBe(StorageLevel.MEMORY_AND_DISK);
    expect(await squares.collect()).toEqual(expected);
  });

  it('keeps what an unpersist in between would have dropped', async () => {
    const { ran, squares } = counted();
    squares.localCheckpoint().unpersist();
    expect(await squares.sum()).toBe(285);
    ran.reset();
    expect(await squares.collect()).toEqual(expected);
    expect(ran.value).toBe(0);
  });

  it('cannot be computed again once it is dropped, and says so', async () => {
    const { squares } = counted();
    squares.localCheckpoint();
    await squares.count();
    squares.unpersist();
    await expect(squares.collect()).rejects.toThrow(/localCheckpoint at checkpoint\.test\.ts.*lineage was cut/s);
  });
});
