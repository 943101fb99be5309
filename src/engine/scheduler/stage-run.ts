import { serialize } from 'node:v8';
import type { ClosurePayload } from '../../base/closures/payload.ts';
import { inputsOf } from '../../plan/stages/task-inputs.ts';
import type { TaskNode } from '../../plan/stages/task-plan.ts';
import type { Block } from '../protocol/block.ts';
import type { BroadcastReference, StagePayload, StageReference, TaskValue } from '../protocol/task.ts';
import type { StageDescription } from './dag-state.ts';

export type StagePurpose =
  | { readonly kind: 'shuffle'; readonly shuffleId: number }
  | { readonly kind: 'sample' }
  | { readonly kind: 'result' };

/** A stage ready to run: its payload with the closures captured when the action was called. */
export interface PlannedStage {
  readonly description: StageDescription;
  /** For people: `stage 3 (reduceByKey at report.ts:41)`. */
  readonly name: string;
  readonly purpose: StagePurpose;
  /** The payload; asked for when the first task starts, since the bounds of a range partitioner are known only then. */
  readonly payload: () => StagePayload;
  /** The functions of the payload with what they captured; undefined for a stage that was not captured anew. */
  readonly closures: ClosurePayload | undefined;
  readonly broadcasts: readonly BroadcastReference[];
  /** Its tasks write parts of an output, which are removed when the action fails. */
  readonly isOutput: boolean;
  /** Rows of `parallelize`, by RDD and partition. */
  readonly block: (nodeId: number, partition: number) => Block | undefined;
  /** The value of a partition of a sample or result stage: once a partition. */
  readonly onValue?: (partition: number, value: TaskValue) => void;
  readonly onComplete?: () => void;
}

/** Makes the reference that goes with every batch: the payload is serialised once, into shared memory. */
export function stageReference(stage: PlannedStage, payloadId: number): StageReference {
  const payload = stage.payload();
  return {
    payloadId,
    payload: toShared(serialize({ ...payload, closures: { ...payload.closures, shared: [] } })),
    shared: payload.closures.shared,
    broadcasts: stage.broadcasts,
  };
}

export function toShared(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** What a task reads beside files: leaves of the plan, as far as nothing cached stands in for them. */
export interface TaskLeaves {
  readonly blocks: readonly { readonly nodeId: number; readonly partition: number }[];
  readonly cached: readonly { readonly nodeId: number; readonly partition: number; readonly isPresent: boolean }[];
  readonly shuffleIds: ReadonlySet<number>;
}

export function leavesOf(
  plan: TaskNode,
  partition: number,
  isCached: (nodeId: number, partition: number) => boolean,
): TaskLeaves {
  const blocks: { nodeId: number; partition: number }[] = [];
  const cached: { nodeId: number; partition: number; isPresent: boolean }[] = [];
  const shuffleIds = new Set<number>();
  const stack: (readonly [TaskNode, number])[] = [[plan, partition]];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [node, index] = next;
    if (node.kind === 'blocks') blocks.push({ nodeId: node.nodeId, partition: index });
    if (node.kind === 'shuffleRead') shuffleIds.add(node.shuffleId);
    if (node.kind === 'cached') {
      const isPresent = isCached(node.nodeId, index);
      cached.push({ nodeId: node.nodeId, partition: index, isPresent });
      if (isPresent) continue;
    }
    stack.push(...inputsOf(node, index));
  }
  return { blocks, cached, shuffleIds };
}
