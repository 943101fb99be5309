import { readdirSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EngineEvent, MillraceContext, StorageLevel } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

describe('a function that throws', () => {
  it('fails the action with message, operator, place, partition and attempt, and the context goes on', async () => {
    const rdd = sc.range(0, 10, 1, 2).map((n) => {
      if (n === 7) throw new TypeError('seven is too much');
      return n;
    });
    const error = await rdd.collect().catch((thrown: Error) => thrown);
    expect(error).toMatchObject({
      code: 'MR_USER_FUNCTION',
      cause: { name: 'TypeError', message: 'seven is too much' },
    });
    expect((error as Error).message).toMatch(
      /^stage 0 \(map at recovery\.test\.ts:14\), partition 1, attempt 4 of 4: the function of map at recovery\.test\.ts:14 threw TypeError: seven is too much on row 2 of the partition/,
    );
    expect(((error as Error).cause as Error).stack).toMatch(/recovery\.test\.ts:15:\d+/);
    expect(await sc.range(3).collect()).toEqual([0, 1, 2]);
  });

  it('and that is called again sees what it captures then, also where a part of a shuffle was written before', async () => {
    let factor = 1;
    const sums = sc
      .range(0, 8, 1, 4)
      .map((n) => {
        if (n === 7 && factor === 1) throw new Error('not yet');
        return [n % 2, n * factor] as const;
      })
      .reduceByKey((a, b) => a + b, 1);
    await expect(sums.collect()).rejects.toThrow('not yet');
    factor = 10;
    expect((await sums.collect()).sort()).toEqual([
      [0, 120],
      [1, 160],
    ]);
  });

  it('may throw anything', async () => {
    for (const thrown of ['text', 42, null, undefined, { reason: 'object' }]) {
      const rdd = sc.range(1).map(() => {
        throw thrown;
      });
      const error = await rdd.collect().catch((thrown: Error) => thrown);
      expect(error).toMatchObject({
        message: expect.stringMatching(
          /thrown: ("?text"?|42|null|undefined|\{"reason":"object"\}) on row \d+ of the partition$/,
        ),
      });
    }
  });

  it('is tried again: an error that goes away costs nothing but time', async () => {
    const dir = sc.backend.tempPath;
    const path = join(dir, 'flaky');
    const rdd = sc.range(0, 4, 1, 4).map(async (n) => {
      const fs = await import('node:fs');
      if (n === 2 && !fs.existsSync(path)) {
        fs.writeFileSync(path, '');
        throw new Error('first time');
      }
      return n;
    });
    expect(await rdd.collect()).toEqual([0, 1, 2, 3]);
    unlinkSync(path);
  });
});

describe('a worker that dies', () => {
  it('is replaced, and only its task runs again', async () => {
    const path = join(sc.backend.tempPath, 'died');
    const started: string[] = [];
    const off = sc.on('taskStarted', ({ partition, attempt }) => started.push(`${partition}.${attempt}`));
    const rdd = sc.range(0, 6, 1, 6).mapPartitionsWithIndex((index, rows) => {
      const fs = process.getBuiltinModule?.('node:fs') ?? require('node:fs');
      if (index === 3 && !fs.existsSync(path)) {
        fs.writeFileSync(path, '');
        process.exit(9);
      }
      return rows;
    });
    expect(await rdd.collect()).toEqual([0, 1, 2, 3, 4, 5]);
    off();
    expect(started.filter((name) => name.startsWith('3.'))).toEqual(['3.1', '3.2']);
    unlinkSync(path);
  });

  it('time and again fails the action after maxTaskFailures', async () => {
    const lost: EngineEvent[] = [];
    const off = sc.on('workerLost', (event) => lost.push(event));
    await expect(
      sc
        .range(0, 2, 1, 2)
        .map((n) => (n === 1 ? process.exit(5) : n))
        .collect(),
    ).rejects.toThrow(/partition 1, attempt 4 of 4: the worker thread died \(worker exited with code: 5\)/);
    off();
    expect(lost.length).toBe(4);
    expect(await sc.range(10).sum()).toBe(45);
  });

  it('by running out of memory is named as such', async () => {
    await using small = await MillraceContext.create({
      workers: 1,
      workerHeapMb: 32,
      logLevel: 'off',
      maxTaskFailures: 2,
    });
    const hungry = small.range(1).map(() => {
      const hoard: number[][] = [];
      for (;;) hoard.push(new Array(1000).fill(1));
    });
    await expect(hungry.collect()).rejects.toMatchObject({ code: 'MR_WORKER_LOST' });
    expect(await small.range(3).count()).toBe(3);
  });
});

describe('a lost block', () => {
  it('of the cache is computed again, and only that one', async () => {
    const computed = sc.accumulator(0);
    const rdd = sc
      .range(0, 8, 1, 4)
      .map((n) => {
        computed.add(1);
        return n;
      })
      .cache();
    await rdd.count();
    sc.backend.blocks.drop(rdd.id, 2);
    expect(await rdd.collect()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(computed.value).toBe(10);
  });

  it.each([
    ['missing', (path: string) => unlinkSync(path)],
    ['cut short', (path: string) => truncateSync(path, 20)],
    ['changed', (path: string) => writeFileSync(path, Buffer.alloc(4096, 1))],
  ])('on disk that is %s is computed again', async (_what, damage) => {
    const rdd = sc.range(0, 1000, 1, 4).persist(StorageLevel.DISK_ONLY);
    await rdd.count();
    for (const { nodeId, partition, block } of sc.backend.blocks.entries())
      if (nodeId === rdd.id && partition === 1 && block.kind === 'disk') damage(block.path);
    const lost: EngineEvent[] = [];
    const off = sc.on('blockLost', (event) => lost.push(event));
    expect(await rdd.sum()).toBe(499_500);
    expect(await rdd.sum()).toBe(499_500);
    off();
    expect(lost.length).toBe(1);
    rdd.unpersist();
  });

  it('is computed again also where the function that reads it catches every error', async () => {
    const rdd = sc.range(0, 1000, 1, 4).persist(StorageLevel.DISK_ONLY);
    await rdd.count();
    for (const { nodeId, block } of sc.backend.blocks.entries())
      if (nodeId === rdd.id && block.kind === 'disk') unlinkSync(block.path);
    const careless = rdd.mapPartitions((rows) => {
      const sum = [0];
      try {
        for (const n of rows) sum[0] = (sum[0] ?? 0) + n;
      } catch {
        // whatever it was
      }
      return sum;
    });
    expect(await careless.sum()).toBe(499_500);
    rdd.unpersist();
    const promises = sc.range(0, 1000, 1, 4).map((n) => Promise.resolve(n));
    const wrapping = promises.mapPartitions((rows) => {
      try {
        return [...rows];
      } catch (error) {
        throw new Error('wrapped', { cause: error });
      }
    });
    expect(await wrapping.sum()).toBe(499_500);
  });

  it('of a shuffle makes only the missing map partitions run again', async () => {
    const mapped = sc.accumulator(0);
    const ran: number[] = [];
    const counts = sc
      .range(0, 40, 1, 4)
      .map((n) => {
        mapped.add(1);
        return [n % 5, 1] as const;
      })
      .reduceByKey((a, b) => a + b);
    const expected = await counts.collect();
    const [shuffleId] = sc.backend.outputs.shuffleIds().slice(-1) as [number];
    sc.backend.outputs.unregister(shuffleId, 1);
    sc.backend.outputs.unregister(shuffleId, 3);
    const off = sc.on('taskStarted', ({ stageKey, partition }) => {
      if (stageKey === shuffleId) ran.push(partition);
    });
    expect(await counts.collect()).toEqual(expected);
    off();
    expect(ran.sort()).toEqual([1, 3]);
    expect(mapped.value).toBe(40);
  });
});

it('makes lost shuffle output again while hundreds of tasks wait for it', async () => {
  const counts = sc
    .range(0, 4000, 1, 4)
    .map((n) => [n, 1] as const)
    .reduceByKey((a, b) => a + b, 400);
  let losses = 0;
  const off = sc.on('taskEnded', ({ stageKey, status }) => {
    const shuffleId = sc.backend.outputs.shuffleIds().at(-1) as number;
    if (stageKey === shuffleId || status !== 'succeeded' || losses === 3) return;
    losses++;
    for (const partition of [0, 1, 2, 3]) sc.backend.outputs.unregister(shuffleId, partition);
  });
  expect(await counts.count()).toBe(4000);
  off();
  expect(losses).toBe(3);
});

describe('an aborted action', () => {
  it('ends, also when a function is stuck in a loop, and the context goes on', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const stuck = sc.range(4).map(() => {
      for (;;);
    });
    await expect(stuck.collect({ signal: abort.signal })).rejects.toMatchObject({ code: 'MR_ABORTED' });
    expect(await sc.range(10).count()).toBe(10);
    await expect(sc.range(3).count({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'MR_ABORTED' });
  });

  it('leaves no file, though its threads were ended while they spilled', async () => {
    await using small = await MillraceContext.create({ workers: 2, memory: '16mb', logLevel: 'off' });
    const abort = new AbortController();
    small.on('taskStarted', () => setTimeout(() => abort.abort(), 300));
    const endless = small.range(0, 2, 1, 2).flatMap(function* () {
      for (let n = 0; ; n++) yield [n, `a value of key ${n}`] as const;
    });
    const grouped = endless.partitionBy(2).groupByKey(2);
    await expect(grouped.count({ signal: abort.signal })).rejects.toMatchObject({ code: 'MR_ABORTED' });
    await vi.waitFor(() => expect(readdirSync(small.backend.tempPath)).toEqual([]), { timeout: 20_000 });
  });

  it('does not hurt another whose tasks share the workers', async () => {
    const abort = new AbortController();
    const seen = sc.accumulator(0);
    const other = sc.range(0, 60, 1, 60).map((n) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      seen.add(1);
      return n;
    });
    const stuck = sc.range(1).map(() => {
      for (;;);
    });
    const failure = expect(stuck.count({ signal: abort.signal })).rejects.toMatchObject({ code: 'MR_ABORTED' });
    const sum = other.sum();
    setTimeout(() => abort.abort(), 50);
    await failure;
    expect([await sum, seen.value]).toEqual([1770, 60]);
  });
});

it('leaves no temporary file of a finished program behind', () => {
  expect(readdirSync(sc.backend.tempPath).filter((name) => name.startsWith('rdd-'))).toEqual([]);
});
