import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, StorageLevel } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

describe('a cached RDD is computed once', () => {
  it('by actions that run at the same time', async () => {
    const computed = sc.accumulator(0);
    const cached = sc
      .range(0, 40, 1, 8)
      .map((n) => {
        computed.add(1);
        return n;
      })
      .cache();
    const shuffled = cached.map((n) => [n % 3, n] as const).reduceByKey((a, b) => a + b);
    expect(await Promise.all([cached.sum(), cached.count(), shuffled.count(), cached.max()])).toEqual([780, 40, 3, 39]);
    expect(computed.value).toBe(40);
  });

  it.each([StorageLevel.MEMORY_ONLY, StorageLevel.DISK_ONLY])(
    'at $name, when async functions read it or make it',
    async (level) => {
      const computed = sc.accumulator(0);
      const cached = sc
        .range(0, 20, 1, 4)
        .map(async (n) => {
          computed.add(1);
          return n;
        })
        .persist(level);
      const doubled = cached.map(async (n) => 2 * n);
      for (let round = 0; round < 3; round++) expect(await doubled.sum()).toBe(380);
      expect(computed.value).toBe(20);
      const files = readdirSync(sc.backend.tempPath).filter((name) => name.startsWith(`rdd-${cached.id}-`));
      expect(files.length).toBe(level === StorageLevel.DISK_ONLY ? 4 : 0);
      cached.unpersist();
      expect(readdirSync(sc.backend.tempPath)).toEqual([]);
    },
  );
});
