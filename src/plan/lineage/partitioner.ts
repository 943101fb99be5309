import type { UserFunction } from '../../base/closures/user-function.ts';
import { MillraceError } from '../../base/errors.ts';
import { keysEqual } from '../../data/columnar/key.ts';
import { compareValues } from '../../data/columnar/ordering.ts';

function checkCount(partitioner: string, numPartitions: number): void {
  if (!Number.isInteger(numPartitions) || numPartitions < 1)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${partitioner}: numPartitions must be an integer of at least 1, got ${String(numPartitions)}.`,
    );
}

function checkBounds(bounds: readonly unknown[]): void {
  const isSorted = (bound: unknown, index: number): boolean =>
    index === 0 || compareValues(bounds[index - 1], bound) <= 0;
  if (!Array.isArray(bounds) || !bounds.every(isSorted))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `RangePartitioner: needs a number of partitions or their upper bounds in ascending order (also where partitions descend), got ${String(bounds)}.`,
    );
}

/**
 * Sends a key to the partition that its stable hash names; equal keys, by value, always meet. Spark's default partitioner.
 *
 * @example
 * ```ts
 * import { HashPartitioner } from 'millrace';
 * const pairs = sc.parallelize<[string, number]>([['a', 1], ['b', 2], ['a', 3]]).partitionBy(new HashPartitioner(4)).cache();
 * const sums = pairs.reduceByKey((a, b) => a + b); // no shuffle: the pairs lie where they are needed
 * console.log(sums.getNumPartitions(), await sums.lookup('a')); // 4 [4]
 * ```
 */
export class HashPartitioner {
  readonly kind = 'hash';
  readonly numPartitions: number;

  constructor(numPartitions: number) {
    checkCount('HashPartitioner', numPartitions);
    this.numPartitions = numPartitions;
    Object.freeze(this);
  }
}

/**
 * Sends keys to partitions by sorted ranges: every key of a partition sorts before every key of the next.
 *
 * The bounds are taken from a sample of the RDD it is first used on (one light action), unless they are given.
 * Two RDDs partitioned by the same instance are co-partitioned.
 *
 * @see Spark's RangePartitioner; Zaharia et al., NSDI 2012, section 4
 *
 * @example
 * ```ts
 * import { RangePartitioner } from 'millrace';
 * const pairs = sc.parallelize([5, 1, 12, 8].map((n) => [n, `${n}`] as const));
 * console.log(await pairs.partitionBy(new RangePartitioner([4, 9])).keys().glom().collect()); // [[1], [5, 8], [12]]
 * ```
 */
export class RangePartitioner {
  readonly kind = 'range';
  readonly numPartitions: number;
  readonly ascending: boolean;
  /** Sorted upper bounds, numPartitions - 1 of them; undefined until sampled. */
  readonly bounds: readonly unknown[] | undefined;

  /** @param partitions how many partitions, or the sorted upper bounds themselves (n bounds make n + 1 partitions) */
  constructor(partitions: number | readonly unknown[], ascending = true) {
    if (typeof partitions === 'number') {
      checkCount('RangePartitioner', partitions);
      this.numPartitions = partitions;
      this.bounds = undefined;
    } else {
      checkBounds(partitions);
      this.numPartitions = partitions.length + 1;
      this.bounds = Object.freeze([...partitions]);
    }
    this.ascending = ascending;
    Object.freeze(this);
  }
}

/**
 * Deals rows out in turn, whatever their keys: equal sizes, no meeting of equal keys.
 *
 * @example
 * ```ts
 * import { RoundRobinPartitioner } from 'millrace';
 * const pairs = sc.range(0, 6, 1, 1).map((n) => ['same key', n] as const);
 * const sizes = pairs.partitionBy(new RoundRobinPartitioner(3)).glom().map((rows) => rows.length);
 * console.log(await sizes.collect()); // [2, 2, 2]
 * ```
 */
export class RoundRobinPartitioner {
  readonly kind = 'roundRobin';
  readonly numPartitions: number;

  constructor(numPartitions: number) {
    checkCount('RoundRobinPartitioner', numPartitions);
    this.numPartitions = numPartitions;
    Object.freeze(this);
  }
}

/**
 * Asks a function for the partition of each key: `partition(key)` must give an integer from 0 to numPartitions - 1.
 *
 * @example
 * ```ts
 * import { CustomPartitioner } from 'millrace';
 * const byLength = new CustomPartitioner(3, (key: string) => key.length % 3);
 * const pairs = sc.parallelize(['a', 'abcd', 'ab'], 1).map((word) => [word, 1] as const);
 * console.log(await pairs.partitionBy(byLength).keys().glom().collect()); // [[], ['a', 'abcd'], ['ab']]
 * ```
 */
export class CustomPartitioner {
  readonly kind = 'custom';
  readonly numPartitions: number;
  readonly partition: UserFunction;

  constructor(numPartitions: number, partition: (key: never) => number) {
    checkCount('CustomPartitioner', numPartitions);
    if (typeof partition !== 'function')
      throw new MillraceError('MR_OPTION_INVALID', `CustomPartitioner: needs a function, got ${typeof partition}.`);
    this.numPartitions = numPartitions;
    this.partition = partition;
    Object.freeze(this);
  }
}

export type Partitioner = HashPartitioner | RangePartitioner | RoundRobinPartitioner | CustomPartitioner;

/**
 * A partitioner whose size is that of the largest parent: files are listed at the action, not when the operator is called.
 * {@link LineageLayout} resolves it, once a node.
 */
export interface DeferredPartitioner {
  readonly kind: 'deferred';
  readonly of: 'hash' | 'range';
  readonly ascending: boolean;
  /** Whose partitions count: those of all parents, unless this says otherwise. */
  readonly parents?: 'first';
}

/** Whether rows placed by `a` already lie where `b` would put them, so that no shuffle is needed. */
export function samePartitioning(a: Partitioner | undefined, b: Partitioner): boolean {
  if (a === undefined || a.numPartitions !== b.numPartitions) return false;
  if (a === b) return a.kind !== 'roundRobin';
  switch (b.kind) {
    case 'hash':
      return a.kind === 'hash';
    case 'range':
      return (
        a.kind === 'range' &&
        a.ascending === b.ascending &&
        a.bounds !== undefined &&
        b.bounds !== undefined &&
        keysEqual(a.bounds, b.bounds)
      );
    case 'custom':
      return a.kind === 'custom' && a.partition === b.partition;
    case 'roundRobin':
      return false;
  }
}
