import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, type RDD } from '../../src/index.ts';

let sc: MillraceContext;
let other: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
  other = await MillraceContext.create({ workers: 1, logLevel: 'off' });
});
afterAll(async () => {
  await sc.stop();
  await other.stop();
});
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('subtract and intersection', () => {
  it('keep the doubles of the left side, and no doubles', async () => {
    const left = sc.parallelize([1, 1, 2, 3, 3, 3], 3);
    const right = sc.parallelize([2, 3, 3, 4], 2);
    expect((await left.subtract(right).collect()).toSorted()).toEqual([1, 1]);
    expect((await left.intersection(right).collect()).toSorted()).toEqual([2, 3]);
    expect(left.subtract(right).getNumPartitions()).toBe(3);
    expect(right.subtract(left).getNumPartitions()).toBe(2);
    expect(right.intersection(left).getNumPartitions()).toBe(3);
    expect(left.subtract(right, 5).getNumPartitions()).toBe(5);
  });

  it('compare by value, and give rows back as they were', async () => {
    const rows = [-0, 0, Number.NaN, '1', 1, null, undefined, [1, 2], { a: 1, b: 2 }];
    const same = [{ b: 2, a: 1 }, [1, 2], Number.NaN, null];
    const rest = await sc.parallelize<unknown>(rows, 2).subtract(sc.parallelize<unknown>(same)).collect();
    expect(new Set(rest)).toEqual(new Set([-0, '1', 1, undefined]));
    expect(rest.filter((row) => Object.is(row, -0)).length).toBe(1);
    expect(rest.filter((row) => Object.is(row, 0)).length).toBe(1);
    expect(await sc.parallelize<unknown>(rows, 2).intersection(sc.parallelize<unknown>(same)).count()).toBe(4);
  });

  it('refuse an RDD of another context', () => {
    for (const combine of ['subtract', 'intersection', 'union', 'cartesian', 'zip'] as const)
      expect(() => sc.range(3)[combine](other.range(3) as never)).toThrow(
        `${combine}: the RDDs must come from the same context.`,
      );
    expect(() => sc.range(3).union([1, 2] as never)).toThrow('union: needs an RDD, got an array');
  });
});

describe('cartesian', () => {
  it('pairs partitions row by row, those of the left side outermost', async () => {
    const pairs = sc.parallelize([1, 2, 3], 2).cartesian(sc.parallelize(['a', 'b', 'c'], 3));
    expect(await pairs.glom().collect()).toEqual([
      [[1, 'a']],
      [[1, 'b']],
      [[1, 'c']],
      [
        [2, 'a'],
        [3, 'a'],
      ],
      [
        [2, 'b'],
        [3, 'b'],
      ],
      [
        [2, 'c'],
        [3, 'c'],
      ],
    ]);
    expect(await sc.range(5).cartesian(sc.emptyRDD<number>()).collect()).toEqual([]);
  });
});

describe('zip', () => {
  it('needs equally many partitions, and equally many rows in each', async () => {
    const rdd = sc.range(0, 5, 1, 2);
    expect(await rdd.zip(rdd.map((n) => n * n)).collect()).toEqual(numbers(5).map((n) => [n, n * n]));
    await expect(rdd.zip(sc.range(0, 5, 1, 3)).collect()).rejects.toThrow('equally many partitions, but have 2, 3');
    await expect(rdd.zip(sc.range(0, 6, 1, 2)).collect()).rejects.toThrow(
      'partition 0 of the second RDD has more rows',
    );
    await expect(rdd.zip(rdd.filter((n) => n < 4)).collect()).rejects.toThrow('of the first RDD has more rows');
  });
});

describe('zipPartitions', () => {
  it('gives a function the same partition of up to four RDDs, and its index', async () => {
    const [a, b, c] = [sc.range(0, 4, 1, 2), sc.parallelize(['x', 'y', 'z'], 2), sc.parallelize([true], 2)];
    const two = a.zipPartitions(b, (left, right, index) => [[index, [...left], [...right]]]);
    expect(await two.collect()).toEqual([
      [0, [0, 1], ['x']],
      [1, [2, 3], ['y', 'z']],
    ]);
    const four = a.zipPartitions(b, c, a, function* (w, x, y, z, index) {
      yield index + [...w].length + [...x].length + [...y].length + [...z].length;
    });
    expect(await four.collect()).toEqual([5, 8]);
    const waiting = a.zipPartitions(b, async (left) => [...left]);
    expect(await waiting.collect()).toEqual([0, 1, 2, 3]);
    await expect(a.zipPartitions(sc.range(3), () => []).count()).resolves.toBe(0);
    await expect(a.zipPartitions(sc.range(0, 3, 1, 3), () => []).count()).rejects.toThrow('equally many partitions');
    expect(() => a.zipPartitions(b, undefined as never)).toThrow('zipPartitions: needs a function');
  });
});

describe('zipWithIndex and zipWithUniqueId', () => {
  it('number rows in partition order, and k, n + k, 2n + k', async () => {
    const rdd = sc.parallelize(['a', 'b', 'c', 'd', 'e'], 3);
    expect(await rdd.zipWithIndex().collect()).toEqual(['a', 'b', 'c', 'd', 'e'].map((row, i) => [row, i]));
    expect(await rdd.zipWithUniqueId().collect()).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 4],
      ['d', 2],
      ['e', 5],
    ]);
  });

  it('count the rows in an action of its own only where there are several partitions', async () => {
    const ran = sc.accumulator(0);
    const counted = (partitions: number): RDD<number> =>
      sc.range(0, 6, 1, partitions).mapPartitions((rows) => {
        ran.add(1);
        return rows;
      });
    await counted(1).zipWithIndex().count();
    expect(ran.value).toBe(1);
    const indexed = counted(3).zipWithIndex();
    await indexed.count();
    expect(ran.value).toBe(1 + 2 + 3);
    await indexed.count();
    expect(ran.value).toBe(1 + 2 + 3 + 3);
  });
});

describe('sampling', () => {
  it('draws the same rows from the same partitions, whatever the workers', async () => {
    const drawn = async (context: MillraceContext): Promise<unknown[]> => {
      const rdd = context.range(0, 500, 1, 7);
      return [
        await rdd.sample(false, 0.1, 3).collect(),
        await rdd.sample(true, 0.5, 3).collect(),
        await rdd.takeSample(false, 9, 3),
        await rdd.takeSample(true, 9, 3),
        await Promise.all(rdd.randomSplit([1, 2, 3], 3).map((part) => part.collect())),
        await rdd
          .map((n) => [n % 2 === 0 ? 'even' : 'odd', n] as const)
          .sampleByKey(false, { even: 0.2, odd: 0 }, 3)
          .collect(),
      ];
    };
    const first = await drawn(sc);
    expect(await drawn(sc)).toEqual(first);
    expect(await drawn(other)).toEqual(first);
    expect(await sc.range(0, 500, 1, 7).sample(false, 0.1, 4).collect()).not.toEqual(first[0]);
  });

  it('takes about as many rows as the fraction says', async () => {
    const rdd = sc.range(0, 20_000, 1, 4);
    const sampled = await rdd.sample(false, 0.25, 1).collect();
    expect(Math.abs(sampled.length - 5000)).toBeLessThan(400);
    expect(new Set(sampled).size).toBe(sampled.length);
    const doubled = await rdd.sample(true, 2, 1).collect();
    expect(Math.abs(doubled.length - 40_000)).toBeLessThan(1500);
    expect(await rdd.sample(false, 1, 1).count()).toBe(20_000);
    expect(await rdd.sample(false, 0, 1).count()).toBe(0);
  });

  it('takes exactly as many as asked for, or all there are', async () => {
    const rdd = sc.range(0, 100, 1, 3);
    for (const n of [0, 1, 20, 99]) expect((await rdd.takeSample(false, n, 7)).length).toBe(n);
    const all = await rdd.takeSample(false, 1000, 7);
    expect(all.toSorted((a, b) => a - b)).toEqual(numbers(100));
    expect(all).not.toEqual(numbers(100));
    expect((await rdd.takeSample(true, 1000, 7)).length).toBe(1000);
    expect(await sc.emptyRDD<number>().takeSample(true, 5)).toEqual([]);
  });

  it('refuses what is no fraction, weight or number of rows', async () => {
    const rdd = sc.range(3);
    expect(() => rdd.sample(false, 1.5)).toThrow('the fraction must be from 0 to 1 without replacement, got 1.5');
    expect(() => rdd.sample(true, -1)).toThrow('at least 0');
    expect(() => rdd.sample(0.5 as never, 1)).toThrow('withReplacement must be true or false');
    expect(() => rdd.sample(false, 0.5, Number.NaN)).toThrow('the seed must be a finite number');
    expect(() => rdd.randomSplit([1, -1])).toThrow('weights must be numbers of at least 0');
    expect(() => rdd.randomSplit([0, 0])).toThrow('a sum above 0');
    await expect(rdd.takeSample(false, -1)).rejects.toThrow('takeSample: n must be at least 0');
    const pairs = rdd.map((n) => [n, n] as const);
    await expect(pairs.sampleByKey(false, new Map([[0, 1]])).count()).rejects.toThrow(
      'no fraction is given for the key',
    );
    expect(() => pairs.sampleByKey(false, new Map([[0, 2]]))).toThrow('from 0 to 1');
  });
});

describe('pipe', () => {
  it('reads no more of a program without end than take needs', async () => {
    expect(await sc.parallelize([1, 2], 1).pipe('yes').take(2)).toEqual(['y', 'y']);
  });

  it('ends the program when the action is cancelled, also one that reads and writes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-pipe-'));
    const appears = async (name: string): Promise<void> => {
      while (!readdirSync(folder).includes(name)) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const script = 'trap "touch ended; exit" TERM; touch begun; while :; do sleep 0.05; done';
    const abort = new AbortController();
    const piped = sc.parallelize([1], 1).pipe(['sh', '-c', script], { cwd: folder });
    const failure = expect(piped.collect({ signal: abort.signal })).rejects.toMatchObject({ code: 'MR_ABORTED' });
    await appears('begun');
    abort.abort();
    await failure;
    await appears('ended');
    rmSync(folder, { recursive: true });
  });

  it('gives the lines that one process a partition makes of the rows', async () => {
    const rdd = sc.parallelize(['b', 'ü', 'a', 'c'], 2);
    expect(await rdd.pipe('sort -r').collect()).toEqual(['ü', 'b', 'c', 'a']);
    expect(await rdd.pipe(['sh', '-c', 'echo "$$" >/dev/null; wc -l']).map(Number).collect()).toEqual([2, 2]);
    expect(await rdd.pipe(`sh -c 'printf "x\\r\\ny"'`).collect()).toEqual(['x', 'y', 'x', 'y']);
    expect(
      await sc
        .parallelize([1, null, [2, 3]], 1)
        .pipe('cat')
        .collect(),
    ).toEqual(['1', 'null', '2,3']);
    expect(await sc.parallelize<string>([], 2).pipe('sh -c "echo hi"').collect()).toEqual(['hi', 'hi']);
  });

  it('sends rows on however many they are, and stops when the process wants no more', async () => {
    const rdd = sc.range(0, 200_000, 1, 2);
    expect(await rdd.pipe('cat').count()).toBe(200_000);
    expect(await rdd.pipe('head -n 1').collect()).toEqual(['0', '100000']);
  });

  it('passes environment and working directory on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-pipe-'));
    try {
      const one = sc.parallelize([0], 1);
      expect(await one.pipe(['sh', '-c', 'echo $GREETING'], { env: { GREETING: 'hi you' } }).collect()).toEqual([
        'hi you',
      ]);
      await one.pipe('touch here', { cwd: folder }).count();
      expect(readdirSync(folder)).toEqual(['here']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fails with what the process wrote to standard error', async () => {
    const rdd = sc.range(0, 10, 1, 2);
    await expect(rdd.pipe(['sh', '-c', 'echo no luck >&2; exit 3']).collect()).rejects.toThrow(
      /pipe at combinations\.test\.ts:\d+.*"sh" ended with exit code 3: no luck/s,
    );
    await expect(rdd.pipe('no-such-program-anywhere').collect()).rejects.toThrow(
      '"no-such-program-anywhere" cannot be run',
    );
    await expect(rdd.pipe(['sh', '-c', 'kill -9 $$']).collect()).rejects.toThrow('ended by SIGKILL');
    await expect(
      rdd
        .map((n) => {
          if (n === 7) throw new RangeError('seven');
          return n;
        })
        .pipe('cat')
        .collect(),
    ).rejects.toThrow('RangeError: seven');
    expect(() => rdd.pipe('')).toThrow('pipe: needs a command');
    expect(() => rdd.pipe("echo 'a")).toThrow('a quote is not closed');
  });
});
