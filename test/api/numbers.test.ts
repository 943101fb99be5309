import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, StatCounter } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

describe('statistics', () => {
  it('are those of Spark for few rows, and for none', async () => {
    const stats = await sc.parallelize([1, 2, 3, 4], 3).stats();
    expect([stats.count, stats.sum, stats.mean, stats.min, stats.max]).toEqual([4, 10, 2.5, 1, 4]);
    expect([stats.variance, stats.sampleVariance]).toEqual([1.25, 5 / 3]);
    expect([stats.stdev, stats.sampleStdev]).toEqual([Math.sqrt(1.25), Math.sqrt(5 / 3)]);
    expect(String(stats)).toBe(`(count: 4, mean: 2.5, stdev: ${Math.sqrt(1.25)}, max: 4, min: 1)`);
    const none = await sc.parallelize<number>([], 3).stats();
    expect([none.count, none.sum, none.mean, none.min, none.max]).toEqual([0, 0, 0, Infinity, -Infinity]);
    expect([none.variance, none.sampleVariance, none.stdev, none.sampleStdev]).toEqual([NaN, NaN, NaN, NaN]);
    const one = sc.parallelize([7], 2);
    expect([await one.variance(), await one.sampleVariance(), await one.stdev(), await one.sampleStdev()]).toEqual([
      0,
      NaN,
      0,
      NaN,
    ]);
    expect((await sc.parallelize([1, Number.NaN], 2).stats()).max).toBeNaN();
  });

  it('are those of all numbers at once, however they are cut and merged', async () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(values, fc.integer({ min: 1, max: 5 }), async (rows, partitions) => {
        const mean = rows.reduce((a, b) => a + b) / rows.length;
        const squares = rows.reduce((sum, n) => sum + (n - mean) ** 2, 0);
        const half = rows.length >> 1;
        const merged = StatCounter.of(rows.slice(0, half)).merge(StatCounter.of(rows.slice(half)));
        for (const stats of [await sc.parallelize(rows, partitions).stats(), merged]) {
          expect([stats.count, stats.min, stats.max]).toEqual([rows.length, Math.min(...rows), Math.max(...rows)]);
          expect(stats.mean).toBeCloseTo(mean, 5);
          expect(Math.abs(stats.variance - squares / rows.length)).toBeLessThan(1e-9 * (1 + squares));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('do not lose small differences of large numbers', async () => {
    const rows = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
    expect(await sc.parallelize(rows, 3).sampleVariance()).toBeCloseTo(30, 9);
  });

  it('need numbers', async () => {
    await expect(sc.parallelize(['1'] as unknown as number[]).stats()).rejects.toThrow('need rows that are numbers');
  });
});

describe('histogram', () => {
  it('divides the range evenly, and the last bucket includes its end', async () => {
    const rdd = sc.range(0, 51, 1, 4);
    expect(await rdd.histogram(2)).toEqual([
      [0, 25, 50],
      [25, 26],
    ]);
    expect(await rdd.histogram([0, 5, 25, 50])).toEqual([
      [0, 5, 25, 50],
      [5, 20, 26],
    ]);
    expect(await rdd.histogram([0, 15, 30, 45, 60])).toEqual([
      [0, 15, 30, 45, 60],
      [15, 15, 15, 6],
    ]);
    expect(await rdd.histogram([10, 20])).toEqual([[10, 20], [11]]);
    expect(await sc.parallelize([3, 3, 3], 2).histogram(5)).toEqual([[3, 3], [3]]);
    expect(await sc.parallelize([1, 2, 3], 2).histogram(1)).toEqual([[1, 3], [3]]);
  });

  it('takes bounds of any type, and leaves out what lies outside, null and NaN', async () => {
    const words = sc.parallelize(['ab', 'ac', 'b', 'bd', 'ef'], 2);
    expect(await words.histogram(['a', 'b', 'c'])).toEqual([
      ['a', 'b', 'c'],
      [2, 2],
    ]);
    const mixed = sc.parallelize([-1, 0, 0.5, 1, Number.NaN, Number.POSITIVE_INFINITY], 3);
    expect((await mixed.histogram([0, 1]))[1]).toEqual([3]);
    expect((await mixed.histogram([0, Number.POSITIVE_INFINITY]))[1]).toEqual([4]);
    expect((await sc.emptyRDD<number>().histogram([0, 1, 2]))[1]).toEqual([0, 0]);
  });

  it('refuses bounds and rows of which there is no histogram', async () => {
    const rdd = sc.range(5);
    await expect(rdd.histogram([1])).rejects.toThrow('at least two, sorted');
    await expect(rdd.histogram([2, 1])).rejects.toThrow('at least two, sorted');
    await expect(rdd.histogram([1, 1, 2])).rejects.toThrow('no two alike');
    await expect(rdd.histogram(0)).rejects.toThrow('at least 1 bucket');
    await expect(sc.emptyRDD<number>().histogram(2)).rejects.toMatchObject({ code: 'MR_EMPTY' });
    await expect(sc.parallelize([1, Number.NaN]).histogram(2)).rejects.toThrow('NaN or infinite');
    await expect(sc.parallelize([1, -Infinity]).histogram(2)).rejects.toThrow('NaN or infinite');
  });

  it('counts every number in one bucket, for any bounds and partitions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 40 }),
        fc.uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        async (rows, cuts, partitions) => {
          const bounds = cuts.toSorted((a, b) => a - b);
          const [, counts] = await sc.parallelize(rows, partitions).histogram(bounds);
          const last = bounds.length - 2;
          const plain = bounds
            .slice(0, -1)
            .map(
              (from, i) =>
                rows.filter((n) => n >= from && (n < bounds[i + 1]! || (i === last && n === bounds[i + 1]!))).length,
            );
          expect(counts).toEqual(plain);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('countApproxDistinct', () => {
  it('is near the number of different values, at the given precision', async () => {
    const rdd = sc.range(0, 40_000, 1, 4).map((n) => n % 10_000);
    expect(Math.abs((await rdd.countApproxDistinct(0.01)) - 10_000)).toBeLessThan(400);
    expect(Math.abs((await rdd.countApproxDistinct()) - 10_000)).toBeLessThan(2000);
    expect(await sc.emptyRDD<number>().countApproxDistinct()).toBe(0);
    expect(await sc.parallelize(['a', 'a', 'b'], 2).countApproxDistinct(0.01)).toBe(2);
    await expect(rdd.countApproxDistinct(0)).rejects.toThrow('relativeSD must be a number of at least 0.001');
  });

  it('gives one number a key', async () => {
    const pairs = sc
      .range(0, 20_000, 1, 4)
      .map((n) => [n % 2 === 0 ? 'many' : 'few', n % 2 === 0 ? n : n % 10] as const);
    const counts = await pairs.countApproxDistinctByKey(0.02, 3).collectAsMap();
    expect(counts.get('few')).toBe(5);
    expect(Math.abs(counts.get('many')! - 10_000)).toBeLessThan(800);
  });
});

describe('top and takeOrdered', () => {
  it('give the greatest and the least rows, in order, for any rows and partitions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(Number.NaN)), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 10 }),
        async (rows, partitions, n) => {
          const last = (x: number): number => (Number.isNaN(x) ? 100 : x);
          const rdd = sc.parallelize(rows, partitions);
          expect(await rdd.takeOrdered(n)).toEqual(rows.toSorted((a, b) => last(a) - last(b)).slice(0, n));
          expect(await rdd.top(n)).toEqual(rows.toSorted((a, b) => last(b) - last(a)).slice(0, n));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('compare by what a function gives, or as a function of two rows says', async () => {
    const words = sc.parallelize(['ccc', 'a', 'bb', 'dd', 'e'], 3);
    expect(await words.takeOrdered(3, (word) => word.length)).toEqual(['a', 'e', 'bb']);
    expect(await words.top(2, (word) => word.length)).toEqual(['ccc', 'bb']);
    expect(await words.top(3, (a, b) => a.length - b.length)).toEqual(['ccc', 'bb', 'dd']);
    expect(await words.takeOrdered(2, (a, b) => (a < b ? 1 : -1))).toEqual(['e', 'dd']);
    expect(await words.min((a, b) => b.length - a.length)).toBe('ccc');
    expect(await words.max((word) => -word.length)).toBe('a');
    expect(await sc.parallelize([2, 10, 3], 3).max((a, b) => (String(a) < String(b) ? -1 : 1))).toBe(3);
    expect(await words.takeOrdered(0)).toEqual([]);
    expect(await words.top(100)).toEqual(['e', 'dd', 'ccc', 'bb', 'a']);
    await expect(words.top(1.5)).rejects.toThrow('top: n must be an integer, got 1.5');
    await expect(
      words.top(1, (_a, _b) => {
        throw new RangeError('no order');
      }),
    ).rejects.toThrow('RangeError: no order');
  });
});

describe('treeReduce and treeAggregate', () => {
  it('give what reduce and aggregate give, also where order matters', async () => {
    for (const partitions of [1, 2, 7, 40]) {
      const letters = sc.range(0, 50, 1, partitions).map((n) => String.fromCharCode(65 + n));
      const all = (await letters.collect()).join('');
      for (const depth of [1, 2, 3]) {
        expect(await letters.treeReduce((a, b) => a + b, depth)).toBe(all);
        expect(
          await letters.treeAggregate(
            '',
            (state, letter) => state + letter,
            (a, b) => a + b,
            depth,
          ),
        ).toBe(all);
      }
    }
  });

  it('have values, or a clear error, without rows', async () => {
    await expect(sc.parallelize<number>([], 30).treeReduce((a, b) => a + b)).rejects.toMatchObject({
      code: 'MR_EMPTY',
    });
    const sum = (rdd: typeof empty): Promise<number> =>
      rdd.treeAggregate(
        0,
        (a, b) => a + b,
        (a, b) => a + b,
      );
    const empty = sc.emptyRDD<number>();
    expect(await sum(empty)).toBe(0);
    expect(await sum(sc.parallelize<number>([], 30))).toBe(0);
    await expect(sc.range(5).treeReduce((a, b) => a + b, 0)).rejects.toThrow('depth must be an integer of at least 1');
  });
});

describe('a function that the program calls to merge partitions', () => {
  it('fails as it would in a worker', async () => {
    const rdd = sc.parallelize([1, 2, 3], 3);
    const fail = (): never => {
      throw new RangeError('no merge');
    };
    const failing = [
      () => rdd.reduce(fail),
      () => rdd.aggregate(0 as number, (_state, n) => n, fail),
      () => rdd.max((_a, _b) => fail()),
    ];
    for (const action of failing)
      await expect(action()).rejects.toMatchObject({
        code: 'MR_USER_FUNCTION',
        message: expect.stringMatching(/at numbers\.test\.ts:\d+ threw RangeError: no merge/),
      });
    await expect(rdd.reduce((async (a: number, b: number) => a + b) as never)).rejects.toThrow(
      'but this one gave a promise',
    );
  });
});
