import type { CallSite } from '../../base/call-site.ts';
import type { OutputStaging } from '../../data/io/output-spec.ts';
import type { SourceSpec } from '../../data/io/source-spec.ts';
import type { AggregatorPlan, FunctionIndex, LoopStep } from '../codegen/loop-step.ts';
import type { JoinType } from '../lineage/node.ts';
import type { PartitionOperation } from '../lineage/partition-operation.ts';
import type { StorageLevelName } from '../lineage/storage-level.ts';

/**
 * How a task computes one partition: the lineage of a stage as structured-clonable data, narrow steps fused into pipelines.
 *
 * It names no thread, block or file handle, so that it can travel to another thread or another machine; partition and attempt numbers
 * come from the task.
 */
export type TaskNode =
  /** Rows the driver holds, one block a partition. */
  | { readonly kind: 'blocks'; readonly nodeId: number; readonly numPartitions: number }
  | {
      readonly kind: 'range';
      readonly start: number;
      readonly end: number;
      readonly step: number;
      readonly numPartitions: number;
    }
  | {
      readonly kind: 'source';
      readonly nodeId: number;
      readonly source: SourceSpec;
      readonly numPartitions: number;
      /** The steps that its rows go through, and nothing else sees them; absent where anything may. */
      readonly feeds?: readonly LoopStep[];
    }
  | { readonly kind: 'pipeline'; readonly input: TaskNode; readonly steps: readonly LoopStep[] }
  | {
      readonly kind: 'mapPartitions';
      readonly input: TaskNode;
      readonly fn: FunctionIndex;
      /** `fn(index, rows)` instead of `fn(rows, index)`. */
      readonly indexFirst: boolean;
    }
  | { readonly kind: 'glom'; readonly input: TaskNode }
  | {
      readonly kind: 'foldPartition';
      readonly input: TaskNode;
      readonly zero: FunctionIndex;
      readonly merge: FunctionIndex;
    }
  | {
      readonly kind: 'builtIn';
      readonly nodeId: number;
      readonly input: TaskNode;
      readonly operation: PartitionOperation;
      readonly numPartitions: number;
    }
  | { readonly kind: 'union'; readonly inputs: readonly { readonly node: TaskNode; readonly numPartitions: number }[] }
  /** Partition i is that of each input, one after the other. */
  | { readonly kind: 'stacked'; readonly inputs: readonly TaskNode[] }
  /** Partition i is the concatenation of the partitions `groups[i]` of the input. */
  | { readonly kind: 'gather'; readonly input: TaskNode; readonly groups: readonly (readonly number[])[] }
  /** Without `fn`: pairs of the rows of two inputs. */
  | { readonly kind: 'zip'; readonly inputs: readonly TaskNode[]; readonly fn: FunctionIndex | undefined }
  | { readonly kind: 'cartesian'; readonly left: TaskNode; readonly right: TaskNode; readonly rightPartitions: number }
  | { readonly kind: 'shuffleRead'; readonly shuffleId: number; readonly numPartitions: number }
  | {
      readonly kind: 'combine';
      readonly input: TaskNode;
      readonly aggregator: AggregatorPlan;
      /** Whether the input holds plain values or the combiners a map side has made already. */
      readonly of: 'values' | 'combiners';
    }
  | { readonly kind: 'sort'; readonly input: TaskNode; readonly descending: boolean }
  | { readonly kind: 'cogroup'; readonly inputs: readonly TaskNode[] }
  /** Pairs `[key, [left, right]]`. */
  | { readonly kind: 'join'; readonly inputs: readonly [left: TaskNode, right: TaskNode]; readonly join: JoinType }
  | { readonly kind: 'cached'; readonly nodeId: number; readonly level: StorageLevelName; readonly input: TaskNode };

export type PartitionerPlan =
  | { readonly kind: 'hash'; readonly numPartitions: number }
  | { readonly kind: 'roundRobin'; readonly numPartitions: number }
  | {
      readonly kind: 'range';
      readonly numPartitions: number;
      readonly ascending: boolean;
      readonly bounds: readonly unknown[];
    }
  | { readonly kind: 'custom'; readonly numPartitions: number; readonly fn: FunctionIndex };

/** What a task hands back, beside what it caches and counts. */
export type TaskOutput =
  | {
      readonly kind: 'shuffle';
      readonly shuffleId: number;
      readonly partitioner: PartitionerPlan;
      readonly aggregator: AggregatorPlan | undefined;
    }
  /** Up to `size` keys, evenly taken, and the number of rows they stand for. */
  | { readonly kind: 'sample'; readonly size: number }
  | ActionPlan;

/** The part of an action that runs in the workers; what is left (merging a value a partition) runs where the user called it. */
export type ActionPlan =
  | { readonly kind: 'collect' }
  /** The rows as columns: an Arrow stream where the source is columns and nothing happens to its rows, else as `collect`. */
  | { readonly kind: 'columns' }
  | { readonly kind: 'count' }
  | { readonly kind: 'take'; readonly limit: number }
  | { readonly kind: 'reduce'; readonly merge: FunctionIndex }
  | { readonly kind: 'aggregate'; readonly zero: FunctionIndex; readonly merge: FunctionIndex }
  /** The row whose `by(row)` is the greatest (`sign` 1) or the least (-1); or `by(row, other)` compares two, as for `Array.sort`. */
  | {
      readonly kind: 'extreme';
      readonly by: FunctionIndex;
      readonly isComparison: boolean;
      readonly sign: 1 | -1;
    }
  /** The first `limit` rows in the order of `by`, or the last for `sign` -1, in that order; of equals the earlier row first. */
  | {
      readonly kind: 'ordered';
      readonly by: FunctionIndex;
      readonly isComparison: boolean;
      readonly sign: 1 | -1;
      readonly limit: number;
    }
  /** How many rows are from each bound to the next; the last bucket includes its upper bound. */
  | { readonly kind: 'histogram'; readonly bounds: readonly unknown[] }
  /** How often each row, or each key, occurs: `[value, count]` pairs. */
  | { readonly kind: 'countBy'; readonly of: 'row' | 'key' }
  /** Count, sum and moments of rows that are numbers: {@link NumberStats}. */
  | { readonly kind: 'stats' }
  /** The values of one key. */
  | { readonly kind: 'lookup'; readonly key: unknown }
  /** Runs everything for its effects. */
  | { readonly kind: 'drain' }
  /** `fn(rows, index)` gives the partition's value; `discard`: it is run for its effects only. */
  | { readonly kind: 'apply'; readonly fn: FunctionIndex; readonly discard: boolean }
  | { readonly kind: 'save'; readonly staging: OutputStaging };

/** One pass over numbers; two merge into one (Chan et al., Updating Formulae, 1979). */
export interface NumberStats {
  readonly count: number;
  readonly sum: number;
  readonly mean: number;
  /** Sum of squared differences from the mean. */
  readonly m2: number;
  readonly min: number;
  readonly max: number;
}

/** Where a function of the payload comes from, for errors. */
export interface FunctionOrigin {
  readonly operator: string;
  readonly callSite: CallSite | undefined;
}
