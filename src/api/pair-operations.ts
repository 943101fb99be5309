import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import type { Aggregator, JoinType } from '../plan/lineage/node.ts';
import { CustomPartitioner, type DeferredPartitioner, type Partitioner } from '../plan/lineage/partitioner.ts';
import type { KeyOf, MergedValue, Pair } from './pair-types.ts';
import type { RDD } from './rdd.ts';
import { type FunctionOptions, functionToShip } from './rdd-core.ts';
import { hashInto, Transformations } from './transformations.ts';

/** How many partitions the result has, or who deals the keys out; by default those of the largest input. */
export type Partitions = number | Partitioner | undefined;

/** Transformations of rows that are pairs `[key, value]`. Keys are compared by value: 1 is not '1', NaN is NaN, tuples by content. */
export abstract class PairOperations<T> extends Transformations<T> {
  /**
   * Merges the values of each key with `merge`, which must be associative and commutative: first inside each partition, then across.
   * Wide; at most one row a key and partition crosses.
   *
   * @see Zaharia et al., Resilient Distributed Datasets, NSDI 2012, table 2
   */
  reduceByKey(
    this: PairOperations<Pair<unknown, unknown>>,
    merge: (a: MergedValue<T>, b: MergedValue<T>) => MergedValue<T>,
    partitions?: Partitions,
    options?: FunctionOptions,
  ): RDD<[KeyOf<T>, MergedValue<T>]> {
    const ship = functionToShip(merge, 'reduceByKey', captureCallSite(this.reduceByKey), options);
    return this.#aggregated('reduceByKey', { kind: 'reduce', merge: ship }, partitions);
  }

  /** As reduceByKey, starting every key of a partition from a copy of `zero`. */
  foldByKey(
    this: PairOperations<Pair<unknown, unknown>>,
    zero: MergedValue<T>,
    merge: (a: MergedValue<T>, b: MergedValue<T>) => MergedValue<T>,
    partitions?: Partitions,
    options?: FunctionOptions,
  ): RDD<[KeyOf<T>, MergedValue<T>]> {
    const site = captureCallSite(this.foldByKey);
    const ship = functionToShip(merge, 'foldByKey', site, options);
    const shipZero = functionToShip(() => zero, 'foldByKey', site);
    const aggregator: Aggregator = { kind: 'aggregate', zero: shipZero, mergeValue: ship, mergeCombiners: ship };
    return this.#aggregated('foldByKey', aggregator, partitions);
  }

  /** Folds the values of each key into a copy of `zero` with `merge`, then those states with `combine`. `merge` may change its state. */
  aggregateByKey<K, V, U>(
    this: PairOperations<Pair<K, V>>,
    zero: U,
    merge: (state: U, value: V) => U,
    combine: (a: U, b: U) => U,
    partitions?: Partitions,
    options?: FunctionOptions,
  ): RDD<[K, U]> {
    const site = captureCallSite(this.aggregateByKey);
    const aggregator: Aggregator = {
      kind: 'aggregate',
      zero: functionToShip(() => zero, 'aggregateByKey', site),
      mergeValue: functionToShip(merge, 'aggregateByKey', site, options),
      mergeCombiners: functionToShip(combine, 'aggregateByKey', site, options),
    };
    return this.#aggregated('aggregateByKey', aggregator, partitions);
  }

  /** The general form: a combiner made of a key's first value, values merged into it, combiners merged with each other. */
  combineByKey<K, V, C>(
    this: PairOperations<Pair<K, V>>,
    createCombiner: (value: V) => C,
    mergeValue: (combiner: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitions?: Partitions,
    options?: FunctionOptions & { readonly mapSideCombine?: boolean },
  ): RDD<[K, C]> {
    const site = captureCallSite(this.combineByKey);
    const aggregator: Aggregator = {
      kind: 'combine',
      createCombiner: functionToShip(createCombiner, 'combineByKey', site, options),
      mergeValue: functionToShip(mergeValue, 'combineByKey', site, options),
      mergeCombiners: functionToShip(mergeCombiners, 'combineByKey', site, options),
      mapSideCombine: options?.mapSideCombine ?? true,
    };
    return this.#aggregated('combineByKey', aggregator, partitions);
  }

  /** All values of each key in one array. Every row crosses: to sum or count, use reduceByKey or aggregateByKey. */
  groupByKey<K, V>(this: PairOperations<Pair<K, V>>, partitions?: Partitions): RDD<[K, V[]]> {
    return this.#aggregated('groupByKey', { kind: 'group' }, partitions);
  }

  /** `[key, fn(value)]`; keeps the partitioner. */
  mapValues<K, V, U>(
    this: PairOperations<Pair<K, V>>,
    fn: (value: V) => U,
    options?: FunctionOptions,
  ): RDD<[K, Awaited<U>]> {
    return this.narrow('mapValues', fn, options, true);
  }

  /** `[key, item]` for each item of `fn(value)`; keeps the partitioner. */
  flatMapValues<K, V, U>(
    this: PairOperations<Pair<K, V>>,
    fn: (value: V) => Iterable<U>,
    options?: FunctionOptions,
  ): RDD<[K, U]> {
    return this.narrow('flatMapValues', fn, options, true);
  }

  /** The keys. */
  keys<K>(this: PairOperations<Pair<K, unknown>>): RDD<K> {
    return this.step('keys', { op: 'keys' }, false);
  }

  /** The values. */
  values<V>(this: PairOperations<Pair<unknown, V>>): RDD<V> {
    return this.step('values', { op: 'values' }, false);
  }

  /** For each key of any of the RDDs: the values it has in each of them. Wide, but for inputs that are partitioned alike already. */
  cogroup<K, V, A>(
    this: PairOperations<Pair<K, V>>,
    other: RDD<Pair<K, A>> | RDD<[K, A]>,
    partitions?: Partitions,
  ): RDD<[K, [V[], A[]]]>;
  cogroup<K, V, A, B>(
    this: PairOperations<Pair<K, V>>,
    first: RDD<Pair<K, A>> | RDD<[K, A]>,
    second: RDD<Pair<K, B>> | RDD<[K, B]>,
    partitions?: Partitions,
  ): RDD<[K, [V[], A[], B[]]]>;
  cogroup<K, V, A, B, C>(
    this: PairOperations<Pair<K, V>>,
    first: RDD<Pair<K, A>> | RDD<[K, A]>,
    second: RDD<Pair<K, B>> | RDD<[K, B]>,
    third: RDD<Pair<K, C>> | RDD<[K, C]>,
    partitions?: Partitions,
  ): RDD<[K, [V[], A[], B[], C[]]]>;
  cogroup(...args: readonly (Transformations<unknown> | Partitions)[]): RDD<unknown> {
    const others = args.filter((arg) => arg instanceof Transformations);
    const partitions = args.find((arg) => arg !== undefined && !(arg instanceof Transformations));
    return this.#cogrouped('cogroup', undefined, others, partitions as Partitions);
  }

  /** `[key, [left, right]]` for every pair of rows with equal keys. */
  join<K, V, W>(
    this: PairOperations<Pair<K, V>>,
    other: RDD<Pair<K, W>> | RDD<[K, W]>,
    partitions?: Partitions,
  ): RDD<[K, [V, W]]> {
    return this.#joined('join', 'inner', other, partitions);
  }

  /** As join, and `[key, [left, null]]` for rows of this RDD whose key the other has not. */
  leftOuterJoin<K, V, W>(
    this: PairOperations<Pair<K, V>>,
    other: RDD<Pair<K, W>> | RDD<[K, W]>,
    partitions?: Partitions,
  ): RDD<[K, [V, W | null]]> {
    return this.#joined('leftOuterJoin', 'leftOuter', other, partitions);
  }

  /** As join, and `[key, [null, right]]` for rows of the other RDD whose key this one has not. */
  rightOuterJoin<K, V, W>(
    this: PairOperations<Pair<K, V>>,
    other: RDD<Pair<K, W>> | RDD<[K, W]>,
    partitions?: Partitions,
  ): RDD<[K, [V | null, W]]> {
    return this.#joined('rightOuterJoin', 'rightOuter', other, partitions);
  }

  /** As join, and the rows of either side that have no partner, with null for it. */
  fullOuterJoin<K, V, W>(
    this: PairOperations<Pair<K, V>>,
    other: RDD<Pair<K, W>> | RDD<[K, W]>,
    partitions?: Partitions,
  ): RDD<[K, [V | null, W | null]]> {
    return this.#joined('fullOuterJoin', 'fullOuter', other, partitions);
  }

  /** Pairs in the order of their keys; stable. Wide, and one more light action to sample the keys. */
  sortByKey<K, V>(this: PairOperations<Pair<K, V>>, ascending = true, partitions?: number): RDD<[K, V]> {
    return this.sorted('sortByKey', ascending, partitions) as unknown as RDD<[K, V]>;
  }

  /** Deals the pairs out by `partitioner`, or by `fn(key)` into `n` partitions. Nothing moves if they lie so already. */
  partitionBy<K, V>(this: PairOperations<Pair<K, V>>, partitioner: Partitioner): RDD<[K, V]>;
  partitionBy<K, V>(this: PairOperations<Pair<K, V>>, partitions: number, fn?: (key: K) => number): RDD<[K, V]>;
  partitionBy<K, V>(
    this: PairOperations<Pair<K, V>>,
    partitions: number | Partitioner,
    fn?: (key: K) => number,
  ): RDD<[K, V]> {
    const partitioner =
      typeof partitions === 'number' && fn !== undefined
        ? new CustomPartitioner(partitions, fn as (key: never) => number)
        : partitionerOf('partitionBy', partitions);
    return this.shuffled('partitionBy', partitioner, undefined);
  }

  #aggregated<U>(operator: string, aggregator: Aggregator, partitions: Partitions): RDD<U> {
    return this.shuffled(operator, partitionerOf(operator, partitions), aggregator);
  }

  #cogrouped<U>(
    operator: string,
    join: JoinType | undefined,
    others: readonly Transformations<unknown>[],
    partitions: Partitions,
  ): RDD<U> {
    for (const other of others)
      if (other.runner !== this.runner)
        throw new MillraceError('MR_OPTION_INVALID', `${operator}: both RDDs must come from the same context.`);
    const parents = [this.node, ...others.map(({ node }) => node)];
    const shuffleIds = parents.map(() => this.runner.nextId());
    return this.withNode(operator, {
      kind: 'cogrouped',
      parents,
      shuffleIds,
      join,
      partitioner: partitionerOf(operator, partitions),
    });
  }

  #joined<U>(operator: string, join: JoinType, other: Transformations<unknown>, partitions: Partitions): RDD<U> {
    return this.#cogrouped(operator, join, [other], partitions);
  }
}

function partitionerOf(operator: string, partitions: Partitions): Partitioner | DeferredPartitioner {
  return typeof partitions === 'object' ? partitions : hashInto(operator, partitions);
}
