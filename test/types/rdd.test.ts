import { describe, expect, expectTypeOf, it } from 'vitest';
import type { MillraceContext, RDD } from '../../src/index.ts';

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
      }),
    ).toBe(true);
  });
});
