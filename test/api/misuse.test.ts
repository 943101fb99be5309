import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomPartitioner, MillraceContext, RangePartitioner, type RDD } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off', maxTaskFailures: 1 });
});
afterAll(() => sc.stop());

type Pairs = RDD<[string, number]>;
const pairs = (): Pairs => sc.parallelize<[string, number]>([['a', 1]]);

describe('rows that are no pairs are refused by every operator of pairs', () => {
  const operators: Readonly<Record<string, (rdd: Pairs) => Promise<unknown>>> = {
    reduceByKey: (rdd) => rdd.reduceByKey((a, b) => a + b).collect(),
    foldByKey: (rdd) => rdd.foldByKey(0, (a, b) => a + b).collect(),
    groupByKey: (rdd) => rdd.groupByKey().collect(),
    mapValues: (rdd) => rdd.mapValues((n) => n).collect(),
    mapValuesAfterAsync: (rdd) =>
      rdd
        .map(async (row) => row)
        .mapValues((n) => n)
        .collect(),
    flatMapValues: (rdd) => rdd.flatMapValues((n) => [n]).collect(),
    keys: (rdd) => rdd.keys().collect(),
    valuesAfterAsync: (rdd) =>
      rdd
        .map(async (row) => row)
        .values()
        .collect(),
    join: (rdd) => rdd.join(rdd).collect(),
    subtractByKey: (rdd) => rdd.subtractByKey(pairs()).collect(),
    sortByKey: (rdd) => rdd.sortByKey().collect(),
    partitionBy: (rdd) => rdd.partitionBy(2).collect(),
    filterByRange: (rdd) => rdd.filterByRange('a', 'z').collect(),
    sampleByKey: (rdd) => rdd.sampleByKey(false, { a: 1 }).collect(),
    countApproxDistinctByKey: (rdd) => rdd.countApproxDistinctByKey().collect(),
    countByKey: (rdd) => rdd.countByKey(),
    collectAsMap: (rdd) => rdd.collectAsMap(),
    reduceByKeyLocally: (rdd) => rdd.reduceByKeyLocally((a, b) => a + b),
    lookup: (rdd) => rdd.lookup('a'),
  };
  it.each(Object.entries(operators))('%s', async (_name, operator) => {
    for (const row of [5, null, 'ab', { key: 'a' }, ['a'], ['a', 1, 2]]) {
      const rows = sc.parallelize([row]) as unknown as Pairs;
      await expect(operator(rows)).rejects.toThrow(/need rows that are pairs \[key, value\], got/);
    }
  });
});

describe('arguments that mean nothing are refused where they stand', () => {
  const wrong: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'a sort direction',
      () => sc.range(3).sortBy((n) => n, 'desc' as never),
      /sortBy: ascending must be true or false, got desc/,
    ],
    ['coalesce', () => sc.range(3).coalesce(2, 'x' as never), /coalesce: shuffle must be true or false/],
    ['partitionBy', () => pairs().partitionBy(undefined as never), /partitionBy: the number of partitions must be/],
    ['its function', () => pairs().partitionBy(2, 'x' as never), /partitionBy: needs a function, got string/],
    [
      'cogroup of nothing',
      () => pairs().cogroup(...([] as unknown as [Pairs])),
      /cogroup: needs one to three other RDDs, got 0/,
    ],
    ['cogroup of rows', () => pairs().cogroup([1] as never), /cogroup: needs an RDD, got an array/],
    ['union of a list', () => pairs().union([pairs()] as never), /give them one by one, or use sc\.union/],
    ['sc.union of RDDs', () => sc.union(pairs() as never), /union: needs an array of RDDs/],
    ['weights', () => sc.range(3).randomSplit(0.5 as never), /randomSplit: weights must be numbers/],
    ['a path', () => sc.textFile(undefined as never), /textFile: needs a path, or an array of them, got nothing/],
    ['a command', () => sc.range(3).pipe(undefined as never), /pipe: needs a command/],
    ['an option of pipe', () => sc.range(3).pipe('cat', { environment: {} } as never), /"environment" is no option/],
    [
      'an accumulator of lists',
      () => sc.accumulator([1] as never),
      /accumulator: needs a zero and a function that merges/,
    ],
    ['a folder', () => sc.setCheckpointDir(5 as never), /setCheckpointDir: needs a path, got 5/],
    [
      'bounds out of order',
      () => new RangePartitioner(['d', 'b']),
      /RangePartitioner: needs .* in ascending order .* got d,b/,
    ],
    [
      'a partitioner of nothing',
      () => new CustomPartitioner(2, undefined as never),
      /CustomPartitioner: needs a function/,
    ],
    [
      'an event',
      () => sc.on('taskended' as never, () => undefined),
      /on: "taskended" is no option\. Did you mean "taskEnded"\?/,
    ],
    ['a listener', () => sc.on('taskEnded', undefined as never), /on: needs a function, got undefined/],
  ];
  it.each(wrong)('%s', (_name, call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(expect.objectContaining({ code: 'MR_OPTION_INVALID' }));
  });

  const rejected: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
    ['a signal', () => sc.range(3).count({ signal: 5 as never }), /count: signal must be an AbortSignal, got 5/],
    [
      'an option of an action',
      () => sc.range(3).count({ signl: 5 } as never),
      /count: "signl" is no option\. Did you mean "signal"\?/,
    ],
    ['bounds', () => sc.range(3).histogram(null as never), /histogram: the bounds must be/],
    ['a negative sample', () => sc.range(3).takeSample(false, -1), /takeSample: n must be at least 0, got -1/],
    ['half a row', () => sc.range(3).take(0.5), /take: n must be an integer, got 0\.5/],
  ];
  it.each(rejected)('%s', async (_name, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });
});

it('gives no rows where fewer than none are asked for', async () => {
  const rdd = sc.range(5);
  expect([await rdd.take(-1), await rdd.top(-1), await rdd.takeOrdered(-2)]).toEqual([[], [], []]);
});

describe('functions that give no rows where they have to', () => {
  const given: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'flatMap',
      () =>
        sc
          .range(2)
          .flatMap((n) => n as never)
          .collect(),
    ],
    [
      'an async flatMap',
      () =>
        sc
          .range(2)
          .flatMap(async (n) => n as never)
          .collect(),
    ],
    [
      'flatMapValues',
      () =>
        pairs()
          .flatMapValues((n) => n as never)
          .collect(),
    ],
    [
      'mapPartitions',
      () =>
        sc
          .range(2)
          .mapPartitions(() => 1 as never)
          .collect(),
    ],
    [
      'an async mapPartitions',
      () =>
        sc
          .range(2)
          .mapPartitions(async () => 1 as never)
          .collect(),
    ],
    [
      'zipPartitions',
      () =>
        sc
          .range(2)
          .zipPartitions(sc.range(2), () => 1 as never)
          .collect(),
    ],
  ];
  it.each(given)('%s', async (_name, action) => {
    await expect(action()).rejects.toThrow(
      /threw TypeError: it gave [01], which is not iterable\. Give an array of rows/,
    );
    await expect(action()).rejects.toThrow(expect.objectContaining({ code: 'MR_USER_FUNCTION' }));
  });
});

describe('what rows are', () => {
  it('is refused with the operator and the place in the program', async () => {
    const place = (operator: string): RegExp =>
      new RegExp(`^stage 0 \\(${operator} at misuse\\.test\\.ts:\\d+\\), partition 0: `);
    const numbers = sc.parallelize([1], 1);
    await expect((numbers as unknown as Pairs).keys().collect()).rejects.toThrow(place('keys'));
    await expect(
      pairs()
        .map(([key]) => key as unknown as number)
        .sum(),
    ).rejects.toThrow(/^stage 0 \(map at .*need rows that are numbers/);
    await expect(numbers.map(() => () => 1).collect()).rejects.toThrow(place('map'));
    const outside = pairs()
      .partitionBy(2, () => 5)
      .collect();
    await expect(outside).rejects.toThrow(/misuse\.test\.ts:\d+\), partition \d+: partitionBy: .* from 0 to 1, got 5/);
  });

  it('may not be what lives in the program', async () => {
    for (const row of [sc.range(3), sc, sc.broadcast(1), sc.longAccumulator()])
      await expect(sc.parallelize([row]).collect()).rejects.toThrow(
        /row 0 is an? \w+, which cannot .* It lives in the program/,
      );
  });
});
