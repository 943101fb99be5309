import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

const contexts: MillraceContext[] = [];
beforeAll(async () => {
  for (const workers of [1, 3]) contexts.push(await MillraceContext.create({ workers, logLevel: 'off' }));
});
afterAll(async () => {
  for (const sc of contexts) await sc.stop();
});

class Counter {
  n = 0;
  next(): number {
    return ++this.n;
  }
}

let cached: number | undefined;
/** A cache of its module, filled when first asked. */
function loadedOnce(load: () => number): number {
  cached ??= load();
  return cached;
}

describe('what a function captured', () => {
  it('is its own in each task, however many workers there are', async () => {
    for (const sc of contexts) {
      const rows = sc.parallelize([1, 1, 1, 1, 1, 1, 1, 1], 4);
      const seen = new Set<number>();
      const isNew = (n: number): boolean => !seen.has(n) && seen.add(n).size > 0;
      expect(await rows.filter(isNew).count()).toBe(4);
      const counter = new Counter();
      const numbered = rows.map(() => counter.next());
      expect(await numbered.collect()).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
      expect(await numbered.collect()).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
      expect([seen.size, counter.n]).toEqual([0, 0]);
    }
  });

  it('is as it was when a task is tried again', async () => {
    for (const sc of contexts) {
      const folder = sc.backend.tempPath;
      const counter = new Counter();
      const rows = sc.parallelize([0, 1, 2, 3], 2).map((n) => {
        const path = join(folder, `tried-${n}`);
        const count = counter.next();
        if (n % 2 === 0 || existsSync(path)) return count;
        writeFileSync(path, '');
        throw new Error('once');
      });
      expect(await rows.collect()).toEqual([1, 2, 1, 2]);
    }
  });

  it('is as it was when a partition starts over because a function gave a promise', async () => {
    for (const sc of contexts) {
      const counter = new Counter();
      const rows = sc.parallelize([0, 0, 0], 1).map((n) => (n === 0 ? Promise.resolve(counter.next()) : n));
      expect(await rows.collect()).toEqual([1, 2, 3]);
    }
  });

  it('does not make a module fill its cache again for each task', async () => {
    const [sc] = contexts as [MillraceContext];
    const loads = sc.accumulator(0);
    const counter = new Counter();
    const rows = sc.parallelize([1, 2, 3, 4], 4).map(() => {
      const value = loadedOnce(() => {
        loads.add(1);
        return 7;
      });
      return value + counter.next();
    });
    expect(await rows.collect()).toEqual([8, 8, 8, 8]);
    expect(loads.value).toBe(1);
  });
});
