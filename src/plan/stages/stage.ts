import type { Aggregator, RddNode } from '../lineage/node.ts';
import type { Partitioner, RangePartitioner } from '../lineage/partitioner.ts';

/** What the tasks of a stage make of the rows of its root. */
export type StageOutput =
  /** Dealt out by `partitioner`, combined by key first when `aggregator` says so. */
  | {
      readonly kind: 'shuffle';
      readonly shuffleId: number;
      readonly partitioner: Partitioner;
      readonly aggregator: Aggregator | undefined;
    }
  /** A sample of the keys, from which the bounds of a range partitioner are taken. */
  | { readonly kind: 'sample'; readonly partitioner: RangePartitioner }
  /** How many rows each partition has but the last, from which `node` numbers its rows. */
  | { readonly kind: 'rowCounts'; readonly node: RddNode }
  /** What the action asked for. */
  | { readonly kind: 'result' };

/**
 * Tasks with no shuffle between them: one a partition of `root`.
 *
 * Invariant: a stage starts when all of `parents` are complete. Kept by `dag-state`; a shuffle that is needed twice is one stage.
 */
export interface Stage {
  /** Unique in its plan, counted from 0, parents before children. */
  readonly id: number;
  readonly root: RddNode;
  readonly numTasks: number;
  readonly parents: readonly Stage[];
  readonly output: StageOutput;
}
