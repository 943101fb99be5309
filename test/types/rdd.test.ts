import { describe, expect, expectTypeOf, it } from 'vitest';
import type {
  Accumulator,
  CommittedOutput,
  Histogram,
  MillraceContext,
  NumberAccumulator,
  Partitioner,
  RDD,
  RddDependency,
  StatCounter,
} from '../../src/index.ts';

/** Only the compiler looks inside (`npm run types`): nothing of this runs. */
const typesOnly = (_use: (sc: MillraceContext) => unknown): boolean => true;

describe('types', () => {
  it('flow through every operator', () => {
    expect(
      typesOnly((sc) => {
        const lines = sc.textFile('a.txt');
        expectTypeOf(lines).toEqualTypeOf<RDD<string>>();
        expectTypeOf(lines.map((line) => line.length)).toEqualTypeOf<RDD<number>>();
        expectTypeOf(lines.map(async (line) => line.length)).toEqualTypeOf<RDD<number>>();
        expectTypeOf(lines.flatMap((line) => line.split(' '))).toEqualTypeOf<RDD<string>>();
        expectTypeOf(lines.keyBy((line) => line.length)).toEqualTypeOf<RDD<[number, string]>>();
        expectTypeOf(lines.glom()).toEqualTypeOf<RDD<string[]>>();
        expectTypeOf(lines.groupBy((line) => line[0] === 'a')).toEqualTypeOf<RDD<[boolean, string[]]>>();
        expectTypeOf(sc.parallelize([1, 'a']).filter((x) => typeof x === 'string')).toEqualTypeOf<RDD<string>>();
        expectTypeOf(lines.collect()).toEqualTypeOf<Promise<string[]>>();
        expectTypeOf(lines.countByValue()).toEqualTypeOf<Promise<Map<string, number>>>();
        expectTypeOf(
          sc
            .csv<{ id: number }>('a.csv')
            .map(({ id }) => id)
            .sum(),
        ).toEqualTypeOf<Promise<number>>();
      }),
    ).toBe(true);
  });

  it('give pairs the operators by key, and widen literals', () => {
    expect(
      typesOnly((sc) => {
        const ones = sc.textFile('a.txt').map((word) => [word, 1] as const);
        expectTypeOf(ones.reduceByKey((a, b) => a + b)).toEqualTypeOf<RDD<[string, number]>>();
        const sums = sc.parallelize<[string, [sum: number, count: number]]>([]);
        expectTypeOf(sums.reduceByKey(([a, n], [b, m]) => [a + b, n + m])).toEqualTypeOf<typeof sums>();
        expectTypeOf(sums.foldByKey([0, 0], ([a, n], [b, m]) => [a + b, n + m])).toEqualTypeOf<typeof sums>();
        const countsOf = <K>(keys: RDD<K>): RDD<[K, number]> =>
          keys.map((key): [K, number] => [key, 1]).reduceByKey((a, b) => a + b);
        expectTypeOf(countsOf(sc.range(9))).toEqualTypeOf<RDD<[number, number]>>();
        const pairs = sc.parallelize<[string, number]>([]);
        const names = sc.parallelize<[string, Date]>([]);
        expectTypeOf(pairs.join(names)).toEqualTypeOf<RDD<[string, [number, Date]]>>();
        expectTypeOf(pairs.leftOuterJoin(names)).toEqualTypeOf<RDD<[string, [number, Date | null]]>>();
        expectTypeOf(pairs.fullOuterJoin(names)).toEqualTypeOf<RDD<[string, [number | null, Date | null]]>>();
        expectTypeOf(pairs.cogroup(names)).toEqualTypeOf<RDD<[string, [number[], Date[]]]>>();
        expectTypeOf(pairs.groupByKey()).toEqualTypeOf<RDD<[string, number[]]>>();
        expectTypeOf(pairs.mapValues((n) => `${n}`)).toEqualTypeOf<RDD<[string, string]>>();
        expectTypeOf(
          pairs.aggregateByKey(
            new Set<number>(),
            (set, n) => set.add(n),
            (a) => a,
          ),
        ).toEqualTypeOf<RDD<[string, Set<number>]>>();
        expectTypeOf(pairs.collectAsMap()).toEqualTypeOf<Promise<Map<string, number>>>();
        expectTypeOf(pairs.lookup('a')).toEqualTypeOf<Promise<number[]>>();
      }),
    ).toBe(true);
  });

  it('flow through what combines, numbers, draws and keeps rows', () => {
    expect(
      typesOnly((sc) => {
        const numbers = sc.range(10);
        const words = sc.parallelize(['a']);
        expectTypeOf(numbers.zip(words)).toEqualTypeOf<RDD<[number, string]>>();
        expectTypeOf(numbers.cartesian(words)).toEqualTypeOf<RDD<[number, string]>>();
        expectTypeOf(words.zipWithIndex()).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(words.zipWithUniqueId()).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(words.intersection(words)).toEqualTypeOf<RDD<string>>();
        expectTypeOf(words.subtract(words, 3)).toEqualTypeOf<RDD<string>>();
        expectTypeOf(words.sample(false, 0.1)).toEqualTypeOf<RDD<string>>();
        expectTypeOf(words.randomSplit([1, 2])).toEqualTypeOf<RDD<string>[]>();
        expectTypeOf(numbers.pipe('cat')).toEqualTypeOf<RDD<string>>();
        expectTypeOf(
          numbers.zipPartitions(words, numbers, (a, b, c, index) => {
            expectTypeOf(a).toEqualTypeOf<IterableIterator<number>>();
            expectTypeOf(b).toEqualTypeOf<IterableIterator<string>>();
            expectTypeOf(c).toEqualTypeOf<IterableIterator<number>>();
            return [new Date(index)];
          }),
        ).toEqualTypeOf<RDD<Date>>();
        expectTypeOf(words.checkpoint().localCheckpoint().setName('words').unpersist()).toEqualTypeOf<RDD<string>>();
        expectTypeOf(words.isCheckpointed()).toEqualTypeOf<boolean>();
        expectTypeOf(words.partitioner).toEqualTypeOf<Partitioner | undefined>();
        expectTypeOf(words.dependencies).toEqualTypeOf<readonly RddDependency[]>();
        expectTypeOf(sc.objectFile<Date>('a')).toEqualTypeOf<RDD<Date>>();
        expectTypeOf(sc.binaryFiles('a')).toEqualTypeOf<RDD<[string, Uint8Array]>>();
        expectTypeOf(sc.binaryRecords('a', 8)).toEqualTypeOf<RDD<Uint8Array>>();
      }),
    ).toBe(true);
  });

  it('flow out of actions', () => {
    expect(
      typesOnly((sc) => {
        const numbers = sc.range(10);
        const words = sc.parallelize(['a']);
        expectTypeOf(words.takeSample(false, 2)).toEqualTypeOf<Promise<string[]>>();
        expectTypeOf(words.top(2, (word) => word.length)).toEqualTypeOf<Promise<string[]>>();
        expectTypeOf(words.takeOrdered(2, (a, b) => a.length - b.length)).toEqualTypeOf<Promise<string[]>>();
        expectTypeOf(numbers.stats()).toEqualTypeOf<Promise<StatCounter>>();
        expectTypeOf(numbers.stdev()).toEqualTypeOf<Promise<number>>();
        expectTypeOf(numbers.histogram(3)).toEqualTypeOf<Promise<Histogram<number>>>();
        expectTypeOf(words.histogram(['a', 'b'])).toEqualTypeOf<Promise<[string[], number[]]>>();
        expectTypeOf(words.countApproxDistinct(0.01)).toEqualTypeOf<Promise<number>>();
        expectTypeOf(words.treeReduce((a, b) => a + b)).toEqualTypeOf<Promise<string>>();
        expectTypeOf(
          words.treeAggregate(
            new Set<string>(),
            (set, word) => set.add(word),
            (a) => a,
          ),
        ).toEqualTypeOf<Promise<Set<string>>>();
        expectTypeOf(sc.runJob(words, (rows) => [...rows])).toEqualTypeOf<Promise<string[][]>>();
        expectTypeOf(sc.runJob(words, async () => 1, [0])).toEqualTypeOf<Promise<number[]>>();
        expectTypeOf(words.saveAsObjectFile('a')).toEqualTypeOf<Promise<CommittedOutput>>();
        expectTypeOf(sc.longAccumulator('n')).toEqualTypeOf<NumberAccumulator>();
        expectTypeOf(sc.collectionAccumulator<string>()).toEqualTypeOf<Accumulator<string, string[]>>();
      }),
    ).toBe(true);
  });

  it('give pairs sets, samples, ranges and estimates by key', () => {
    expect(
      typesOnly((sc) => {
        const pairs = sc.parallelize<[string, number]>([]);
        const dates = sc.parallelize<[string, Date]>([]);
        expectTypeOf(pairs.subtractByKey(dates)).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(pairs.groupWith(dates, pairs)).toEqualTypeOf<RDD<[string, [number[], Date[], number[]]]>>();
        expectTypeOf(pairs.cogroup(dates, pairs, dates, 3)).toEqualTypeOf<
          RDD<[string, [number[], Date[], number[], Date[]]]>
        >();
        expectTypeOf(pairs.reduceByKeyLocally((a, b) => a + b)).toEqualTypeOf<Promise<Map<string, number>>>();
        expectTypeOf(pairs.sampleByKey(false, { a: 0.5 })).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(pairs.sampleByKey(false, new Map([['a', 0.5]]), 1)).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(pairs.filterByRange('a', 'b')).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(pairs.repartitionAndSortWithinPartitions(3)).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(pairs.countApproxDistinctByKey()).toEqualTypeOf<RDD<[string, number]>>();
        expectTypeOf(pairs.flatMapValues((n) => [`${n}`])).toEqualTypeOf<RDD<[string, string]>>();
      }),
    ).toBe(true);
  });

  it('make misuse an error', () => {
    expect(
      typesOnly((sc) => {
        const numbers = sc.range(10);
        // @ts-expect-error rows are numbers, not pairs
        numbers.reduceByKey((a, b) => a + b);
        // @ts-expect-error rows are numbers, not pairs
        numbers.groupByKey();
        const pairs = sc.parallelize<[string, number]>([]);
        // @ts-expect-error values are numbers
        pairs.reduceByKey((a: string, b: string) => a + b);
        // @ts-expect-error keys differ: string and Date
        pairs.join(sc.parallelize<[Date, number]>([]));
        // @ts-expect-error sum needs numbers
        void sc.textFile('a.txt').sum();
        // @ts-expect-error no such option
        sc.csv('a.csv', { heder: true });
        // @ts-expect-error the key is a string
        void pairs.lookup(5);
        // @ts-expect-error numPartitions is a number
        numbers.repartition('4');
        // @ts-expect-error rows differ: number and string
        numbers.union(sc.textFile('a.txt'));
        // @ts-expect-error rows differ: number and string
        numbers.subtract(sc.textFile('a.txt'));
        // @ts-expect-error an RDD is needed, not an array
        numbers.zip([1, 2]);
        // @ts-expect-error statistics need numbers
        void sc.textFile('a.txt').stdev();
        // @ts-expect-error a number of buckets needs numbers
        void sc.textFile('a.txt').histogram(3);
        // @ts-expect-error bounds are texts, as the rows are
        void sc.textFile('a.txt').histogram([1, 2]);
        // @ts-expect-error keys are texts
        pairs.filterByRange(1, 2);
        // @ts-expect-error keys differ: string and Date
        pairs.subtractByKey(sc.parallelize<[Date, number]>([]));
        // @ts-expect-error fractions are by key, and keys are texts
        pairs.sampleByKey(false, new Map([[1, 0.5]]));
        // @ts-expect-error a level is one of a few
        sc.setLogLevel('loud');
        // @ts-expect-error numbers are added
        sc.longAccumulator().add('1');
        // @ts-expect-error rows are numbers, not pairs
        numbers.sampleByKey(false, new Map());
        // @ts-expect-error no such option
        void numbers.count({ sginal: undefined });
      }),
    ).toBe(true);
  });
});
