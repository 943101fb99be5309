import type { UserFunction } from '../../base/closures/user-function.ts';
import { MillraceError } from '../../base/errors.ts';
import { keysEqual } from '../../data/columnar/key.ts';

function checkCount(partitioner: string, numPartitions: number): void {
  if (!Number.isInteger(numPartitions) || numPartitions < 1)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${partitioner}: numPartitions must be an integer of at least 1, got ${String(numPartitions)}.`,
    );
}

/** Sends a key to the partition that its stable hash names; equal keys, by value, always meet. Spark's default partitioner. */
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
      this.numPartitions = partitions.length + 1;
      this.bounds = Object.freeze([...partitions]);
    }
    this.ascending = ascending;
    Object.freeze(this);
  }
}

/** Deals rows out in turn, whatever their keys: equal sizes, no meeting of equal keys. */
export class RoundRobinPartitioner {
  readonly kind = 'roundRobin';
  readonly numPartitions: number;

  constructor(numPartitions: number) {
    checkCount('RoundRobinPartitioner', numPartitions);
    this.numPartitions = numPartitions;
    Object.freeze(this);
  }
}

/** Asks a function for the partition of each key: `partition(key)` must give an integer from 0 to numPartitions - 1. */
export class CustomPartitioner {
  readonly kind = 'custom';
  readonly numPartitions: number;
  readonly partition: UserFunction;

  constructor(numPartitions: number, partition: (key: never) => number) {
    checkCount('partitionBy', numPartitions);
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
