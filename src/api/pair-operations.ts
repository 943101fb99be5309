import { captureCallSite } from '../base/call-site.ts';
import type { Aggregator } from '../plan/lineage/node.ts';
import { Combinations } from './combinations.ts';
import { type Partitions, partitionerOf } from './node-builder.ts';
import type { KeyOf, MergedValue, Pair } from './pair-types.ts';
import type { RDD } from './rdd.ts';
import { type ActionOptions, type FunctionOptions, functionToShip } from './rdd-core.ts';

/** Transformations of rows that are pairs `[key, value]`. Keys are compared by value: 1 is not '1', NaN is NaN, tuples by content. */
export abstract class PairOperations<T> extends Combinations<T> {
  /**
   * Merges the values of each key with `merge`, which must be associative and commutative: first inside each partition, then across.
   * Wide; at most one row a key and partition crosses.
   *
   * @see Zaharia et al., Resilient Distributed Datasets, NSDI 2012, table 2
   *
   * @example
   * ```ts
   * const words = sc.parallelize(['to', 'be', 'or', 'not', 'to', 'be']).map((word) => [word, 1] as const);
   * console.log(await words.reduceByKey((a, b) => a + b).sortByKey().collect()); // [['be', 2], ['not', 1], ['or', 1], ['to', 2]]
   * ```
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

  /**
   * As {@link reduceByKey}, giving the result to the program as a Map.
   *
   * @example
   * ```ts
   * const words = sc.parallelize(['a', 'b', 'a']).map((word) => [word, 1] as const);
   * console.log((await words.reduceByKeyLocally((a, b) => a + b)).get('a')); // 2
   * ```
   */
  async reduceByKeyLocally(
    this: PairOperations<Pair<unknown, unknown>>,
    merge: (a: MergedValue<T>, b: MergedValue<T>) => MergedValue<T>,
    options?: ActionOptions & FunctionOptions,
  ): Promise<Map<KeyOf<T>, MergedValue<T>>> {
    const ship = functionToShip(merge, 'reduceByKeyLocally', captureCallSite(this.reduceByKeyLocally), options);
    const reduced = this.#aggregated<[KeyOf<T>, MergedValue<T>]>(
      'reduceByKeyLocally',
      { kind: 'reduce', merge: ship },
      undefined,
    );
    return reduced.collectAsMap(options);
  }

  /**
   * As {@link reduceByKey}, starting every key of a partition from a copy of `zero`.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 1], ['a', 2]], 1);
   * console.log(await pairs.foldByKey(10, (a, b) => a + b).collect()); // [['a', 13]]
   * ```
   */
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

  /**
   * Folds the values of each key into a copy of `zero` with `merge`, then those states with `combine`. Both may change and return their
   * first argument.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 3], ['b', 5], ['a', 3]]);
   * const sets = pairs.aggregateByKey(new Set<number>(), (set, n) => set.add(n), (a, b) => new Set([...a, ...b]));
   * console.log(await sets.sortByKey().collect()); // [['a', Set { 3 }], ['b', Set { 5 }]]
   * ```
   */
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

  /**
   * The general form: a combiner made of a key's first value, values merged into it, combiners merged with each other.
   *
   * @param options.mapSideCombine false sends every value across instead of merging inside each partition first
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 1], ['a', 2]]);
   * const lists = pairs.combineByKey((n) => [n], (list, n) => [...list, n], (a, b) => [...a, ...b]);
   * console.log(await lists.collect()); // [['a', [1, 2]]]
   * ```
   */
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

  /**
   * All values of each key in one array. Every row crosses: to sum or count, use reduceByKey or aggregateByKey.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 1], ['b', 2], ['a', 3]]);
   * console.log(await pairs.groupByKey().sortByKey().collect()); // [['a', [1, 3]], ['b', [2]]]
   * ```
   */
  groupByKey<K, V>(this: PairOperations<Pair<K, V>>, partitions?: Partitions): RDD<[K, V[]]> {
    return this.#aggregated('groupByKey', { kind: 'group' }, partitions);
  }

  /**
   * `[key, fn(value)]`; keeps the partitioner. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize<[string, number]>([['a', 1]]).mapValues((n) => n + 1).collect()); // [['a', 2]]
   * ```
   */
  mapValues<K, V, U>(
    this: PairOperations<Pair<K, V>>,
    fn: (value: V) => U,
    options?: FunctionOptions,
  ): RDD<[K, Awaited<U>]> {
    return this.narrow('mapValues', fn, options, true);
  }

  /**
   * `[key, item]` for each item of `fn(value)`; keeps the partitioner. Narrow.
   *
   * @example
   * ```ts
   * const lines = sc.parallelize<[number, string]>([[1, 'to be']]);
   * console.log(await lines.flatMapValues((line) => line.split(' ')).collect()); // [[1, 'to'], [1, 'be']]
   * ```
   */
  flatMapValues<K, V, U>(
    this: PairOperations<Pair<K, V>>,
    fn: (value: V) => Iterable<U>,
    options?: FunctionOptions,
  ): RDD<[K, U]> {
    return this.narrow('flatMapValues', fn, options, true);
  }

  /**
   * The key of each pair. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize<[string, number]>([['a', 1], ['b', 2]]).keys().collect()); // ['a', 'b']
   * ```
   */
  keys<K>(this: PairOperations<Pair<K, unknown>>): RDD<K> {
    return this.step('keys', { op: 'keys' }, false);
  }

  /**
   * The value of each pair. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize<[string, number]>([['a', 1], ['b', 2]]).values().collect()); // [1, 2]
   * ```
   */
  values<V>(this: PairOperations<Pair<unknown, V>>): RDD<V> {
    return this.step('values', { op: 'values' }, false);
  }

  #aggregated<U>(operator: string, aggregator: Aggregator, partitions: Partitions): RDD<U> {
    return this.shuffled(operator, partitionerOf(operator, partitions), aggregator);
  }
}
