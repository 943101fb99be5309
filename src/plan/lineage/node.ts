import type { CallSite } from '../../base/call-site.ts';
import type { FunctionToShip } from '../../base/closures/user-function.ts';
import type { PartitionReadOptions } from '../../data/io/partition-pruning.ts';
import type { SourceSpec } from '../../data/io/source-spec.ts';
import type { PartitionOperation } from './partition-operation.ts';
import type { DeferredPartitioner, Partitioner } from './partitioner.ts';

interface NodeBase {
  readonly id: number;
  /** The method the user called: `map`, `reduceByKey`; names the operator in plans and errors. */
  readonly operator: string;
  readonly callSite: CallSite | undefined;
}

/** What a narrow operator does to each row (or, for mapPartitions and glom, to each partition). */
export type NarrowStep =
  | {
      readonly op: 'map' | 'filter' | 'flatMap' | 'keyBy' | 'mapValues' | 'flatMapValues' | 'foreach';
      readonly fn: FunctionToShip;
    }
  /** `fn(rows, index)`, or `fn(index, rows)`: rows is an iterator over the partition, the result an iterable. */
  | { readonly op: 'mapPartitions'; readonly fn: FunctionToShip; readonly indexFirst: boolean }
  | { readonly op: 'glom' }
  /** One row: the partition's rows folded into a copy of what `zero` gives. */
  | { readonly op: 'foldPartition'; readonly zero: FunctionToShip; readonly merge: FunctionToShip }
  | { readonly op: 'builtIn'; readonly operation: PartitionOperation }
  | { readonly op: 'keys' | 'values' }
  /** `[row, null]`. */
  | { readonly op: 'asKey' };

/** leftSemi and leftAnti give left rows that have, or have not, a partner: each once, as `[key, [left, null]]`. */
export type JoinType = 'inner' | 'leftOuter' | 'rightOuter' | 'fullOuter' | 'leftSemi' | 'leftAnti';

/** How the values of one key become one combined value. */
export type Aggregator =
  | { readonly kind: 'reduce'; readonly merge: FunctionToShip }
  | {
      readonly kind: 'combine';
      readonly createCombiner: FunctionToShip;
      readonly mergeValue: FunctionToShip;
      readonly mergeCombiners: FunctionToShip;
      readonly mapSideCombine: boolean;
    }
  /** `zero` is a function that gives the zero value; it is copied for every key. */
  | {
      readonly kind: 'aggregate';
      readonly zero: FunctionToShip;
      readonly mergeValue: FunctionToShip;
      readonly mergeCombiners: FunctionToShip;
    }
  | { readonly kind: 'group' }
  /** Keeps the first row of each key. */
  | { readonly kind: 'distinct' };

/** Rows that are encoded already, or are when they are asked for. */
export interface EncodedRows {
  readonly length: number;
  /** Rows `start` to `end` (not included) as encoded batches. */
  encode(start: number, end: number): readonly Uint8Array[];
}

/**
 * One RDD of the lineage: frozen, what it is computed from and how. The planner cuts it into stages; nothing runs before an action.
 *
 * Invariant: ids grow from parents to children. Kept by the context's counter; relied on by explain and the cache registry.
 */
export type RddNode =
  | (NodeBase & {
      readonly kind: 'parallelized';
      readonly rows: readonly unknown[] | EncodedRows;
      readonly numPartitions: number;
    })
  | (NodeBase & {
      readonly kind: 'range';
      readonly start: number;
      readonly end: number;
      readonly step: number;
      readonly numPartitions: number;
    })
  | (NodeBase & {
      readonly kind: 'source';
      readonly source: SourceSpec;
      readonly minPartitions: number;
      readonly partitions?: PartitionReadOptions | undefined;
    })
  | (NodeBase & {
      readonly kind: 'narrow';
      readonly parent: RddNode;
      readonly step: NarrowStep;
      /** Keys stay what they were, so the parent's partitioner still holds. */
      readonly preservesPartitioning: boolean;
    })
  | (NodeBase & { readonly kind: 'union'; readonly parents: readonly RddNode[] })
  | (NodeBase & { readonly kind: 'coalesced'; readonly parent: RddNode; readonly numPartitions: number })
  /** Partition i takes partition `partitions[i]` of the parent. */
  | (NodeBase & { readonly kind: 'pruned'; readonly parent: RddNode; readonly partitions: readonly number[] })
  /** `fn(...iterators, index)` over the same partition of several parents with equally many partitions; without `fn` pairs of rows. */
  | (NodeBase & {
      readonly kind: 'zipped';
      readonly parents: readonly RddNode[];
      readonly fn: FunctionToShip | undefined;
    })
  /** What is left of an RDD whose lineage was cut: its number, and the same partitions, read from `parent`. */
  | (NodeBase & {
      readonly kind: 'checkpointed';
      readonly parent: RddNode;
      readonly numPartitions: number;
      readonly partitioner: Partitioner | undefined;
    })
  | (NodeBase & { readonly kind: 'cartesian'; readonly left: RddNode; readonly right: RddNode })
  | (NodeBase & {
      readonly kind: 'shuffled';
      readonly parent: RddNode;
      readonly shuffleId: number;
      readonly partitioner: Partitioner | DeferredPartitioner;
      readonly aggregator: Aggregator | undefined;
      /** Sorts each partition by key after the shuffle. */
      readonly ordering: 'ascending' | 'descending' | undefined;
    })
  /**
   * Rows `[key, [values of parent 0, values of parent 1, ...]]`, or with `join`, of two parents, `[key, [left, right]]` for each pair of
   * values; a parent that already fits the partitioner is not shuffled.
   */
  | (NodeBase & {
      readonly kind: 'cogrouped';
      readonly parents: readonly RddNode[];
      readonly shuffleIds: readonly number[];
      readonly join: JoinType | undefined;
      readonly partitioner: Partitioner | DeferredPartitioner;
    });

export type NodeOf<K extends RddNode['kind']> = Extract<RddNode, { readonly kind: K }>;
