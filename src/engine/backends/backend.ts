import type { CallSite } from '../../base/call-site.ts';
import type { FileSystems } from '../../data/io/file-systems.ts';
import type { LineageLayout } from '../../plan/lineage/layout.ts';
import type { RddNode } from '../../plan/lineage/node.ts';
import type { StorageLevelName } from '../../plan/lineage/storage-level.ts';
import type { StageLowering } from '../../plan/stages/lower.ts';
import type { ActionPlan } from '../../plan/stages/task-plan.ts';
import type { TaskValue } from '../protocol/task.ts';
import type { ActionGroups } from './action-groups.ts';
import type { Checkpoints } from './checkpoints.ts';

/** An action as the fluent surface asks for it. */
export interface ActionCall {
  /** `collect`, `count`: for events and errors. */
  readonly name: string;
  readonly node: RddNode;
  readonly callSite: CallSite | undefined;
  readonly plan: (lowering: StageLowering) => ActionPlan;
  /** The partitions to compute; all by default. */
  readonly partitions?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The scheduling pool; `default` when undefined. */
  readonly pool?: string | undefined;
  /** The job group; the current one when undefined. */
  readonly group?: string | undefined;
  /** Called once a partition, in the order in which they end. */
  readonly onValue: (partition: number, value: TaskValue) => void;
}

/** What carries out a lineage: the fluent surface knows no more of the engine than this. */
export interface Backend {
  nextId(): number;
  /** The stores that paths may name, as the driver reaches them. */
  readonly fileSystems: FileSystems;
  /** Closures are captured before this returns its promise. */
  run(call: ActionCall): Promise<void>;
  /** Partitions and partitioners of the lineage; lists the files of its sources, once. */
  readonly layout: LineageLayout;
  readonly checkpoints: Checkpoints;
  readonly groups: ActionGroups;
  /** The partition that holds a key, where the partitioner is known and can be asked here. */
  partitionOfKey(node: RddNode, key: unknown): number | undefined;
  persist(node: RddNode, level: StorageLevelName): void;
  unpersist(node: RddNode): void;
  levelOf(node: RddNode): StorageLevelName;
  nameOf(node: RddNode): string | undefined;
  setName(node: RddNode, name: string): void;
  explain(node: RddNode): string;
  debugString(node: RddNode): string;
}
