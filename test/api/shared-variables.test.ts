import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

describe('a broadcast', () => {
  it('reaches every task with the value it had when it was made', async () => {
    const names = new Map([
      [1, 'one'],
      [2, 'two'],
    ]);
    const table = sc.broadcast(names);
    names.set(3, 'three');
    expect(
      await sc
        .range(0, 4, 1, 4)
        .map((n) => table.value.get(n) ?? 'none')
        .collect(),
    ).toEqual(['none', 'one', 'two', 'none']);
  });

  it('may be large, and used by several stages', async () => {
    const big = sc.broadcast(Array.from({ length: 200_000 }, (_, i) => i * 2));
    const rdd = sc
      .range(0, 100, 1, 4)
      .map((n) => [big.value[n]! % 10, 1] as const)
      .reduceByKey((a, b) => a + b)
      .mapValues((n) => n + big.value[1]!);
    expect(await rdd.sortByKey().collect()).toEqual([
      [0, 22],
      [2, 22],
      [4, 22],
      [6, 22],
      [8, 22],
    ]);
  });

  it('is sent again where it is used after unpersist, and workers let go of their copies', async () => {
    const one = await MillraceContext.create({ workers: 1, logLevel: 'off' });
    const table = one.broadcast({ reads: 0 });
    const other = one.broadcast({ reads: 0 });
    const reads = (): Promise<number[]> =>
      one
        .range(0, 1, 1, 1)
        .map(() => 10 * ++table.value.reads + ++other.value.reads)
        .collect();
    expect(await reads()).toEqual([11]);
    expect(await reads()).toEqual([22]);
    table.unpersist();
    expect(await reads()).toEqual([13]);
    expect(await reads()).toEqual([24]);
    table.destroy();
    expect(() => table.unpersist()).toThrow(/was destroyed/);
    await one.stop();
  });

  it('may hold others', async () => {
    const names = sc.broadcast(['zero', 'one']);
    const tables = sc.broadcast({ names, suffix: '!' });
    const outer = sc.broadcast([tables]);
    expect(
      await sc
        .range(2)
        .map((n) => `${outer.value[0]?.value.names.value[n]}${tables.value.suffix}`)
        .collect(),
    ).toEqual(['zero!', 'one!']);
  });

  it('may be one of many in one function, also where that keeps state', async () => {
    const numbers = Array.from({ length: 34 }, (_, n) => sc.broadcast(n));
    const seen = { calls: 0 };
    const sums = await sc
      .range(0, 4, 1, 4)
      .map(() => {
        seen.calls++;
        return numbers.reduce((sum, number) => sum + number.value, 0);
      })
      .collect();
    expect(sums).toEqual([561, 561, 561, 561]);
  });

  it('fails clearly once it is destroyed', async () => {
    const gone = sc.broadcast({ a: 1 });
    gone.destroy();
    await expect(
      sc
        .range(3)
        .map(() => gone.value.a)
        .collect(),
    ).rejects.toThrow(/broadcast \d+ was destroyed/);
    expect(() => gone.value).toThrow(/was destroyed/);
  });
});

describe('an accumulator', () => {
  it('counts in the workers and in the program', async () => {
    const sum = sc.accumulator(0);
    const seen = sc.accumulator<Set<number>>(new Set(), (a, b) => new Set([...a, ...b]));
    await sc.range(0, 100, 1, 5).foreach((n) => {
      sum.add(n);
      seen.add(new Set([n % 4]));
    });
    sum.add(50);
    expect([sum.value, [...seen.value].sort()]).toEqual([5000, [0, 1, 2, 3]]);
    sum.reset();
    expect(sum.value).toBe(0);
  });

  it('counts a task once, whatever was retried', async () => {
    const rows = sc.accumulator(0);
    const dir = sc.backend.tempPath;
    await sc
      .range(0, 40, 1, 4)
      .mapPartitionsWithIndex(async (index, part) => {
        const [fs, path] = [await import('node:fs'), await import('node:path')];
        const all = [...part];
        rows.add(all.length);
        const flag = path.join(dir, `once-${index}`);
        if (!fs.existsSync(flag)) {
          fs.writeFileSync(flag, '');
          if (index % 2 === 0) throw new Error('first try');
          process.exit(1);
        }
        return all;
      })
      .count();
    expect(rows.value).toBe(40);
  });

  it('does not count what a failed action did', async () => {
    const rows = sc.accumulator(0);
    const failing = sc.range(0, 4, 1, 1).map((n) => {
      rows.add(1);
      if (n === 3) throw new Error('no');
      return n;
    });
    await expect(failing.collect()).rejects.toThrow('no');
    expect(rows.value).toBe(0);
  });

  it('fails the action when its merge function throws in the program', async () => {
    const most = sc.accumulator([] as number[], (a, b) => {
      if (a.length + b.length > 3) throw new RangeError('more than three');
      return [...a, ...b];
    });
    await expect(sc.range(0, 8, 1, 8).foreach((n) => most.add([n]))).rejects.toMatchObject({
      code: 'MR_USER_FUNCTION',
      message: expect.stringMatching(/merges accumulator \d+ threw RangeError: more than three/),
    });
    expect(await sc.range(3).count()).toBe(3);
  });

  it('cannot be read inside a task', async () => {
    const sum = sc.accumulator(0);
    await expect(
      sc
        .range(1)
        .map(() => sum.value)
        .collect(),
    ).rejects.toThrow('an accumulator can only be added to inside a task');
  });
});

describe('what cannot travel', () => {
  it('is refused at the action, by name', async () => {
    const other = sc.range(3);
    await expect(
      sc
        .range(3)
        .map((n) => [n, other.id])
        .collect(),
    ).rejects.toThrow(/map at shared-variables\.test\.ts:\d+: the function captures "other".*is an RDD/);
    await expect(
      sc
        .range(3)
        .map((n) => sc.range(n))
        .collect(),
    ).rejects.toMatchObject({ code: 'MR_CLOSURE_UNSHIPPABLE' });
  });
});

describe('a named accumulator', () => {
  it('adds numbers and counts them', async () => {
    const bytes = sc.longAccumulator('bytes');
    const seconds = sc.doubleAccumulator();
    expect([bytes.name, bytes.isZero, bytes.value, seconds.avg]).toEqual(['bytes', true, 0, Number.NaN]);
    await sc.range(0, 10, 1, 3).foreach((n) => {
      bytes.add(n);
      seconds.add(n / 4);
    });
    bytes.add(5);
    expect([bytes.sum, bytes.count, bytes.isZero]).toEqual([50, 11, false]);
    expect([seconds.value, seconds.count, seconds.avg]).toEqual([11.25, 10, 1.125]);
    bytes.reset();
    expect([bytes.value, bytes.count]).toEqual([0, 0]);
    await expect(sc.range(3).foreach(() => bytes.add(0.5))).rejects.toThrow(
      'a longAccumulator adds whole numbers, got 0.5',
    );
    expect(() => seconds.add('1' as never)).toThrow('a doubleAccumulator adds numbers, got string');
  });

  it('gathers values of any kind, arrays as they are', async () => {
    const seen = sc.collectionAccumulator<number | number[]>('seen');
    await sc.range(0, 4, 1, 1).foreach((n) => seen.add(n === 2 ? [n, n] : n));
    seen.add(9);
    expect(seen.value).toEqual([0, 1, [2, 2], 3, 9]);
    await sc.range(0, 6, 1, 3).foreach((n) => seen.add(n));
    expect(seen.value.length).toBe(11);
  });

  it('starts every task from its zero, also where merging changes its first argument', async () => {
    const keys = sc.accumulator(new Map<number, number>(), (a, b) => {
      for (const [key, n] of b) a.set(key, (a.get(key) ?? 0) + n);
      return a;
    });
    await sc.range(0, 12, 1, 6).foreach((n) => keys.add(new Map([[n % 3, 1]])));
    expect(keys.value).toEqual(
      new Map([
        [0, 4],
        [1, 4],
        [2, 4],
      ]),
    );
    keys.reset();
    expect(keys.value.size).toBe(0);
  });
});
