import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import { type DistinctSketch, estimateDistinct, mergeSketches } from '../data/columnar/distinct-sketch.ts';
import { compareValues } from '../data/columnar/ordering.ts';
import { CustomPartitioner, HashPartitioner, type Partitioner } from '../plan/lineage/partitioner.ts';
import { checkBoolean, checkPartitions, type Partitions, partitionerOf } from './node-builder.ts';
import { checkedPrecision } from './number-actions.ts';
import { PairJoins } from './pair-joins.ts';
import type { Pair } from './pair-types.ts';
import type { RDD } from './rdd.ts';
import { functionToShip } from './rdd-core.ts';
import { checkFraction, checkSeed, randomSeed } from './sampling.ts';

/** A fraction for each key: pairs, a Map, or an object where keys are texts. */
export type Fractions<K> = Iterable<readonly [K, number]> | (K extends string ? Readonly<Record<K, number>> : never);

/** Where pairs lie, in which order, and which of them: by their keys. */
export abstract class PairPartitioning<T> extends PairJoins<T> {
  /**
   * Pairs in the order of their keys (see `sortBy`); those of equal keys stay in their order, in both directions. Wide, and one more
   * light action to sample the keys.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['b', 1], ['a', 2]]);
   * console.log(await pairs.sortByKey().collect()); // [['a', 2], ['b', 1]]
   * ```
   */
  sortByKey<K, V>(this: PairPartitioning<Pair<K, V>>, ascending = true, partitions?: number): RDD<[K, V]> {
    return this.sorted('sortByKey', ascending, partitions) as unknown as RDD<[K, V]>;
  }

  /**
   * Deals the pairs out by `partitioner`, by the hash of the key into `n` partitions, or by `fn(key)`. Nothing moves if they lie so
   * already. Wide.
   *
   * @param fn gives an integer from 0 to n - 1
   *
   * @example
   * ```ts
   * const pairs = sc.range(6).map((n) => [n, n * n] as const);
   * console.log(await pairs.partitionBy(2, (n) => n % 2).keys().glom().collect()); // [[0, 2, 4], [1, 3, 5]]
   * ```
   */
  partitionBy<K, V>(this: PairPartitioning<Pair<K, V>>, partitioner: Partitioner): RDD<[K, V]>;
  partitionBy<K, V>(this: PairPartitioning<Pair<K, V>>, partitions: number, fn?: (key: K) => number): RDD<[K, V]>;
  partitionBy<K, V>(
    this: PairPartitioning<Pair<K, V>>,
    partitions: number | Partitioner,
    fn?: (key: K) => number,
  ): RDD<[K, V]> {
    return this.shuffled('partitionBy', partitionerBy('partitionBy', partitions, fn), undefined);
  }

  /**
   * As {@link partitionBy} with each partition sorted by key, in one go: cheaper than sorting afterwards. Wide.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[number, string]>([[3, 'c'], [2, 'b'], [1, 'a'], [0, 'z']]);
   * const sorted = pairs.repartitionAndSortWithinPartitions(2, (n) => n % 2);
   * console.log(await sorted.keys().glom().collect()); // [[0, 2], [1, 3]]
   * ```
   */
  repartitionAndSortWithinPartitions<K, V>(
    this: PairPartitioning<Pair<K, V>>,
    partitioner: Partitions,
    ascending?: boolean,
  ): RDD<[K, V]>;
  repartitionAndSortWithinPartitions<K, V>(
    this: PairPartitioning<Pair<K, V>>,
    partitions: number,
    fn: (key: K) => number,
    ascending?: boolean,
  ): RDD<[K, V]>;
  repartitionAndSortWithinPartitions<K, V>(
    this: PairPartitioning<Pair<K, V>>,
    partitions: Partitions,
    ...rest: readonly (((key: K) => number) | boolean | undefined)[]
  ): RDD<[K, V]> {
    const operator = 'repartitionAndSortWithinPartitions';
    const [fn, ascending = true] = typeof rest[0] === 'function' ? rest : [undefined, rest[0]];
    checkBoolean(operator, 'ascending', ascending);
    const partitioner =
      fn === undefined ? partitionerOf(operator, partitions) : partitionerBy(operator, partitions, fn);
    return this.shuffled(operator, partitioner, undefined, ascending ? 'ascending' : 'descending');
  }

  /**
   * The pairs whose key is from `lower` to `upper`, both included. Narrow; where the pairs were dealt out by ranges that are known
   * already (after the first action on a `sortByKey`), only partitions that can have such keys are computed.
   *
   * @example
   * ```ts
   * const pairs = sc.range(10).map((n) => [n, n * n] as const);
   * console.log(await pairs.filterByRange(2, 4).collect()); // [[2, 4], [3, 9], [4, 16]]
   * ```
   */
  filterByRange<K, V>(this: PairPartitioning<Pair<K, V>>, lower: K, upper: K): RDD<[K, V]> {
    const operation = { kind: 'keyRange', lower, upper } as const;
    const isRanged = this.runner.layout.knownPartitioner(this.node)?.kind === 'range';
    if (!isRanged || compareValues(lower, upper) > 0) return this.#inRange(operation);
    const [a, b] = [lower, upper].map((key) => this.runner.partitionOfKey(this.node, key));
    if (a === undefined || b === undefined) return this.#inRange(operation);
    const first = Math.min(a, b);
    const partitions = Array.from({ length: Math.abs(a - b) + 1 }, (_, index) => first + index);
    return this.withNode<[K, V]>('filterByRange', {
      kind: 'pruned',
      parent: this.node,
      partitions,
    }).#inRange(operation);
  }

  /**
   * As `sample`, with a fraction for each key. Narrow; keeps the partitioner.
   * @throws {MillraceError} MR_OPTION_INVALID at the action for a key without a fraction
   *
   * @example
   * ```ts
   * const events = sc.range(1000).map((n) => [n % 10 === 0 ? 'rare' : 'common', n] as const);
   * console.log(await events.sampleByKey(false, { rare: 1, common: 0.1 }, 42).count()); // about 190
   * ```
   */
  sampleByKey<K, V>(
    this: PairPartitioning<Pair<K, V>>,
    withReplacement: boolean,
    fractions: Fractions<K>,
    seed: number = randomSeed(),
  ): RDD<[K, V]> {
    const entries = fractionsOf<K>(fractions);
    for (const [, fraction] of entries) checkFraction('sampleByKey', withReplacement, fraction);
    checkSeed('sampleByKey', seed);
    const operation = { kind: 'sampleByKey', withReplacement, fractions: entries, seed } as const;
    return this.step('sampleByKey', { op: 'builtIn', operation }, true);
  }

  /**
   * About how many different values each key has: see `countApproxDistinct`. Wide; one sketch a key and partition crosses.
   *
   * @example
   * ```ts
   * const pairs = sc.range(1000).map((n) => [n % 2, n % 20] as const);
   * console.log(await pairs.countApproxDistinctByKey(0.05).sortByKey().collect()); // about [[0, 10], [1, 10]]
   * ```
   */
  countApproxDistinctByKey<K, V>(
    this: PairPartitioning<Pair<K, V>>,
    relativeSD = 0.05,
    partitions?: Partitions,
  ): RDD<[K, number]> {
    const operator = 'countApproxDistinctByKey';
    const precision = checkedPrecision(operator, relativeSD);
    const callSite = captureCallSite(this.countApproxDistinctByKey);
    return this.step<[K, DistinctSketch]>(
      operator,
      { op: 'builtIn', operation: { kind: 'sketch', precision, of: 'values' } },
      true,
    )
      .shuffled<[K, DistinctSketch]>(operator, partitionerOf(operator, partitions), {
        kind: 'reduce',
        merge: functionToShip(mergeSketches, operator, callSite),
      })
      .narrow(operator, estimateDistinct, undefined, true, 'mapValues');
  }

  #inRange<R>(operation: { readonly kind: 'keyRange'; readonly lower: unknown; readonly upper: unknown }): RDD<R> {
    return this.step('filterByRange', { op: 'builtIn', operation }, true);
  }
}

function fractionsOf<K>(fractions: Fractions<K>): readonly (readonly [K, number])[] {
  if (typeof fractions !== 'object' || fractions === null)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `sampleByKey: needs a Map (or pairs, or an object) of fractions by key, got ${String(fractions)}.`,
    );
  const entries = Symbol.iterator in fractions ? [...fractions] : Object.entries(fractions);
  return entries as readonly (readonly [K, number])[];
}

/** A partitioner as it is, or a number of partitions by hash or by `fn`. */
function partitionerBy(operator: string, partitions: Partitions, fn: unknown): Partitioner {
  if (partitions instanceof Object && fn === undefined) return partitionerOf(operator, partitions) as Partitioner;
  checkPartitions(operator, partitions as number);
  if (fn === undefined) return new HashPartitioner(partitions as number);
  return new CustomPartitioner(
    partitions as number,
    functionToShip(fn, operator, undefined).fn as (key: never) => number,
  );
}
