import { MillraceError } from '../base/errors.ts';
import type { JoinType } from '../plan/lineage/node.ts';
import { asFirst } from './combinations.ts';
import { type Partitions, partitionerOf } from './node-builder.ts';
import { PairOperations } from './pair-operations.ts';
import type { Pair } from './pair-types.ts';
import type { RDD } from './rdd.ts';
import { RddCore } from './rdd-core.ts';

/** Pairs of the same key, as another RDD has them. */
type Pairs<K, V> = RDD<Pair<K, V>> | RDD<[K, V]>;

/** Operations that bring rows of several RDDs of pairs together by key. Wide, but for inputs that are partitioned alike already. */
export abstract class PairJoins<T> extends PairOperations<T> {
  /**
   * For each key of any of the RDDs: the values it has in each of them.
   *
   * @param args up to three RDDs of pairs, then the partitions of the result
   *
   * @example
   * ```ts
   * const ages = sc.parallelize<[string, number]>([['ann', 30], ['bob', 40]]);
   * const pets = sc.parallelize<[string, string]>([['ann', 'cat'], ['ann', 'dog']]);
   * console.log(await ages.cogroup(pets).sortByKey().collect()); // [['ann', [[30], ['cat', 'dog']]], ['bob', [[40], []]]]
   * ```
   */
  cogroup<K, V, A>(this: PairJoins<Pair<K, V>>, other: Pairs<K, A>, partitions?: Partitions): RDD<[K, [V[], A[]]]>;
  cogroup<K, V, A, B>(
    this: PairJoins<Pair<K, V>>,
    first: Pairs<K, A>,
    second: Pairs<K, B>,
    partitions?: Partitions,
  ): RDD<[K, [V[], A[], B[]]]>;
  cogroup<K, V, A, B, C>(
    this: PairJoins<Pair<K, V>>,
    first: Pairs<K, A>,
    second: Pairs<K, B>,
    third: Pairs<K, C>,
    partitions?: Partitions,
  ): RDD<[K, [V[], A[], B[], C[]]]>;
  cogroup(...args: readonly (RddCore<unknown> | Partitions)[]): RDD<unknown> {
    const last = args.at(-1);
    const hasPartitions = args.length > 1 && !(last instanceof RddCore);
    const others = (hasPartitions ? args.slice(0, -1) : args) as readonly RddCore<unknown>[];
    checkOthers('cogroup', others);
    return this.cogrouped(
      'cogroup',
      others,
      partitionerOf('cogroup', hasPartitions ? (last as Partitions) : undefined),
    );
  }

  /**
   * Another name of {@link cogroup}, as in Spark.
   *
   * @example
   * ```ts
   * const left = sc.parallelize<[string, number]>([['a', 1]]);
   * console.log(await left.groupWith(left, left).collect()); // [['a', [[1], [1], [1]]]]
   * ```
   */
  groupWith<K, V, A>(this: PairJoins<Pair<K, V>>, other: Pairs<K, A>): RDD<[K, [V[], A[]]]>;
  groupWith<K, V, A, B>(
    this: PairJoins<Pair<K, V>>,
    first: Pairs<K, A>,
    second: Pairs<K, B>,
  ): RDD<[K, [V[], A[], B[]]]>;
  groupWith<K, V, A, B, C>(
    this: PairJoins<Pair<K, V>>,
    first: Pairs<K, A>,
    second: Pairs<K, B>,
    third: Pairs<K, C>,
  ): RDD<[K, [V[], A[], B[], C[]]]>;
  groupWith(...others: readonly RddCore<unknown>[]): RDD<unknown> {
    checkOthers('groupWith', others);
    return this.cogrouped('groupWith', others, partitionerOf('groupWith', undefined));
  }

  /**
   * `[key, [left, right]]` for every pair of rows with equal keys.
   *
   * @example
   * ```ts
   * const ages = sc.parallelize<[string, number]>([['ann', 30], ['bob', 40]]);
   * const pets = sc.parallelize<[string, string]>([['ann', 'cat'], ['ann', 'dog']]);
   * console.log(await ages.join(pets).collect()); // [['ann', [30, 'cat']], ['ann', [30, 'dog']]]
   * ```
   */
  join<K, V, W>(this: PairJoins<Pair<K, V>>, other: Pairs<K, W>, partitions?: Partitions): RDD<[K, [V, W]]> {
    return this.#joined('join', 'inner', other, partitions);
  }

  /**
   * As {@link join}, and `[key, [left, null]]` for rows of this RDD whose key the other has not.
   *
   * @example
   * ```ts
   * const ages = sc.parallelize<[string, number]>([['ann', 30], ['bob', 40]]);
   * const pets = sc.parallelize<[string, string]>([['ann', 'cat']]);
   * console.log(await ages.leftOuterJoin(pets).sortByKey().collect()); // [['ann', [30, 'cat']], ['bob', [40, null]]]
   * ```
   */
  leftOuterJoin<K, V, W>(
    this: PairJoins<Pair<K, V>>,
    other: Pairs<K, W>,
    partitions?: Partitions,
  ): RDD<[K, [V, W | null]]> {
    return this.#joined('leftOuterJoin', 'leftOuter', other, partitions);
  }

  /**
   * As {@link join}, and `[key, [null, right]]` for rows of the other RDD whose key this one has not.
   *
   * @example
   * ```ts
   * const ages = sc.parallelize<[string, number]>([['ann', 30]]);
   * const pets = sc.parallelize<[string, string]>([['ann', 'cat'], ['eve', 'fox']]);
   * console.log(await ages.rightOuterJoin(pets).sortByKey().collect()); // [['ann', [30, 'cat']], ['eve', [null, 'fox']]]
   * ```
   */
  rightOuterJoin<K, V, W>(
    this: PairJoins<Pair<K, V>>,
    other: Pairs<K, W>,
    partitions?: Partitions,
  ): RDD<[K, [V | null, W]]> {
    return this.#joined('rightOuterJoin', 'rightOuter', other, partitions);
  }

  /**
   * As {@link join}, and the rows of either side that have no partner, with null for it.
   *
   * @example
   * ```ts
   * const left = sc.parallelize<[string, number]>([['a', 1]]);
   * const right = sc.parallelize<[string, number]>([['b', 2]]);
   * console.log(await left.fullOuterJoin(right).sortByKey().collect()); // [['a', [1, null]], ['b', [null, 2]]]
   * ```
   */
  fullOuterJoin<K, V, W>(
    this: PairJoins<Pair<K, V>>,
    other: Pairs<K, W>,
    partitions?: Partitions,
  ): RDD<[K, [V | null, W | null]]> {
    return this.#joined('fullOuterJoin', 'fullOuter', other, partitions);
  }

  /**
   * The pairs whose key `other` has not; doubles stay. As many partitions as this RDD by default.
   *
   * @example
   * ```ts
   * const left = sc.parallelize<[string, number]>([['a', 1], ['b', 2], ['b', 3]]);
   * console.log(await left.subtractByKey(sc.parallelize<[string, null]>([['a', null]])).collect()); // [['b', 2], ['b', 3]]
   * ```
   */
  subtractByKey<K, V>(this: PairJoins<Pair<K, V>>, other: Pairs<K, unknown>, partitions?: Partitions): RDD<[K, V]> {
    const partitioner = partitions === undefined ? asFirst : partitionerOf('subtractByKey', partitions);
    return this.cogrouped<[K, [V, null]]>('subtractByKey', [other], partitioner, 'leftAnti').narrow(
      'subtractByKey',
      ([value]: [V, null]) => value,
      undefined,
      true,
      'mapValues',
    );
  }

  #joined<U>(operator: string, join: JoinType, other: RddCore<unknown>, partitions: Partitions): RDD<U> {
    return this.cogrouped(operator, [other], partitionerOf(operator, partitions), join);
  }
}

function checkOthers(operator: string, others: readonly unknown[]): void {
  if (others.length < 1 || others.length > 3)
    throw new MillraceError('MR_OPTION_INVALID', `${operator}: needs one to three other RDDs, got ${others.length}.`);
}
