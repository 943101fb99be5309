import { RoundRobinPartitioner } from '../plan/lineage/partitioner.ts';
import {
  checkBoolean,
  checkPartitions,
  hashInto,
  type Partitions,
  type PartitionwiseOptions,
  partitionerOf,
} from './node-builder.ts';
import type { RDD } from './rdd.ts';
import type { FunctionOptions } from './rdd-core.ts';
import { SaveActions } from './save-actions.ts';

/** Transformations of one RDD: each adds to the lineage and runs nothing. */
export abstract class Transformations<T> extends SaveActions<T> {
  /**
   * Each row replaced by `fn(row)`. Narrow. An async `fn` is awaited, 16 rows at a time, order kept.
   *
   * @example
   * ```ts
   * console.log(await sc.range(3).map((n) => n * n).collect()); // [0, 1, 4]
   * ```
   */
  map<U>(fn: (row: T) => U, options?: FunctionOptions): RDD<Awaited<U>> {
    return this.narrow('map', fn, options, false);
  }

  /**
   * The rows for which `fn` gives something true. Narrow; keeps the partitioner.
   *
   * @example
   * ```ts
   * console.log(await sc.range(6).filter((n) => n % 2 === 0).collect()); // [0, 2, 4]
   * ```
   */
  filter<U extends T>(fn: (row: T) => row is U, options?: FunctionOptions): RDD<U>;
  filter(fn: (row: T) => unknown, options?: FunctionOptions): RDD<T>;
  filter(fn: (row: T) => unknown, options?: FunctionOptions): RDD<T> {
    return this.narrow('filter', fn, options, true);
  }

  /**
   * Each row replaced by the items of the iterable `fn(row)`. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['to be', 'or']).flatMap((line) => line.split(' ')).collect()); // ['to', 'be', 'or']
   * ```
   */
  flatMap<U>(fn: (row: T) => Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>, options?: FunctionOptions): RDD<U> {
    return this.narrow('flatMap', fn, options, false);
  }

  /**
   * Each partition replaced by the items of `fn(rows, index)`, where `rows` iterates over it once. For what is set up once a partition:
   * a connection, a parser, a buffer. Narrow.
   *
   * @param options `true`, or its `preservesPartitioning`, says that keys stay what they were, so that what comes next need not shuffle
   *
   * @example
   * ```ts
   * const sums = sc.range(0, 6, 1, 2).mapPartitions((rows) => [[...rows].reduce((a, b) => a + b, 0)]);
   * console.log(await sums.collect()); // [3, 12]
   * ```
   */
  mapPartitions<U>(
    fn: (rows: IterableIterator<T>, index: number) => Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>,
    options?: PartitionwiseOptions | boolean,
  ): RDD<U> {
    return this.partitionwise('mapPartitions', fn, options, false);
  }

  /**
   * As {@link mapPartitions}, with the partition's index first, as in Spark.
   *
   * @example
   * ```ts
   * const counted = sc.range(0, 4, 1, 2).mapPartitionsWithIndex((index, rows) => [`${index}: ${[...rows].join()}`]);
   * console.log(await counted.collect()); // ['0: 0,1', '1: 2,3']
   * ```
   */
  mapPartitionsWithIndex<U>(
    fn: (index: number, rows: IterableIterator<T>) => Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>,
    options?: PartitionwiseOptions | boolean,
  ): RDD<U> {
    return this.partitionwise('mapPartitionsWithIndex', fn, options, true);
  }

  /**
   * Each row as the pair `[fn(row), row]`. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['a', 'bb']).keyBy((word) => word.length).collect()); // [[1, 'a'], [2, 'bb']]
   * ```
   */
  keyBy<K>(fn: (row: T) => K, options?: FunctionOptions): RDD<[Awaited<K>, T]> {
    return this.narrow('keyBy', fn, options, false);
  }

  /**
   * Each partition as one array of its rows. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.range(0, 5, 1, 2).glom().collect()); // [[0, 1], [2, 3, 4]]
   * ```
   */
  glom(): RDD<T[]> {
    return this.step('glom', { op: 'glom' }, false);
  }

  /**
   * Each different row once; rows are compared by value: 1 is not '1', NaN is NaN, tuples and objects by content. Wide.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([[1, 'a'], [1, 'a'], ['1', 'a']]).distinct().count()); // 2
   * ```
   */
  distinct(partitions?: number): RDD<T> {
    const withKey = this.step<[T, null]>('distinct', { op: 'asKey' }, false);
    const unique = withKey.shuffled<[T, null]>('distinct', hashInto('distinct', partitions), { kind: 'distinct' });
    return unique.step('distinct', { op: 'keys' }, false);
  }

  /**
   * Rows grouped by `fn(row)`. Wide; every row crosses. Merging with reduceByKey or aggregateByKey moves less.
   *
   * @example
   * ```ts
   * console.log(await sc.range(5).groupBy((n) => n % 2).sortByKey().collect()); // [[0, [0, 2, 4]], [1, [1, 3]]]
   * ```
   */
  groupBy<K>(fn: (row: T) => K, partitions?: Partitions, options?: FunctionOptions): RDD<[Awaited<K>, T[]]> {
    return this.narrow<[K, T]>('groupBy', fn, options, false, 'keyBy').shuffled(
      'groupBy',
      partitionerOf('groupBy', partitions),
      { kind: 'group' },
    );
  }

  /**
   * Rows in the order of `by(row)`; rows that compare alike stay in their order, in both directions. Wide, and one more light action to
   * sample the keys.
   *
   * The order of values: null, undefined, false, true, numbers and bigints by value with NaN last, strings by code unit, Dates, bytes,
   * arrays item by item, objects field by field.
   *
   * @param partitions of the result; default those of this RDD
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['bb', 'a', 'ccc']).sortBy((word) => word.length, false).collect()); // ['ccc', 'bb', 'a']
   * ```
   */
  sortBy<K>(by: (row: T) => K, ascending = true, partitions?: number, options?: FunctionOptions): RDD<T> {
    const keyed = this.narrow<[K, T]>('sortBy', by, options, false, 'keyBy');
    return keyed.sorted('sortBy', ascending, partitions).step('sortBy', { op: 'values' }, false);
  }

  /**
   * The same rows dealt out evenly over `partitions`. Wide.
   *
   * @example
   * ```ts
   * console.log(sc.range(0, 10, 1, 2).repartition(5).getNumPartitions()); // 5
   * ```
   */
  repartition(partitions: number): RDD<T> {
    checkPartitions('repartition', partitions);
    return this.shuffled('repartition', new RoundRobinPartitioner(partitions), undefined);
  }

  /**
   * Fewer partitions by joining neighbours, without a shuffle: never more than there are. With `shuffle` as {@link repartition}.
   *
   * @example
   * ```ts
   * console.log(await sc.range(0, 6, 1, 3).coalesce(2).glom().collect()); // [[0, 1], [2, 3, 4, 5]]
   * ```
   */
  coalesce(partitions: number, shuffle = false): RDD<T> {
    checkPartitions('coalesce', partitions);
    checkBoolean('coalesce', 'shuffle', shuffle);
    if (shuffle) return this.shuffled('coalesce', new RoundRobinPartitioner(partitions), undefined);
    return this.withNode('coalesce', { kind: 'coalesced', parent: this.node, numPartitions: partitions });
  }
}
