import { formatCallSite } from '../../base/call-site.ts';
import { captureClosures } from '../../base/closures/capture.ts';
import { defined } from '../../base/defined.ts';
import type { Split } from '../../data/io/split.ts';
import type { LineageLayout } from '../../plan/lineage/layout.ts';
import type { NodeOf, RddNode } from '../../plan/lineage/node.ts';
import type { StorageLevelName } from '../../plan/lineage/storage-level.ts';
import { combinesOnMapSide, StageLowering } from '../../plan/stages/lower.ts';
import { allStages, splitStages } from '../../plan/stages/split-stages.ts';
import type { Stage } from '../../plan/stages/stage.ts';
import type { TaskOutput } from '../../plan/stages/task-plan.ts';
import type { Block } from '../protocol/block.ts';
import type { BroadcastReference, StagePayload, TaskValue } from '../protocol/task.ts';
import type { StageKey } from '../scheduler/dag-state.ts';
import type { PlannedStage } from '../scheduler/stage-run.ts';
import type { ActionCall } from './backend.ts';
import type { ParallelizedBlocks } from './parallelized-blocks.ts';
import { type RangeBounds, sampleSize } from './range-bounds.ts';
import type { RowCounts } from './row-counts.ts';
import type { SourcePlans } from './source-plans.ts';

export interface StagePlannerSettings {
  readonly layout: LineageLayout;
  readonly sources: SourcePlans;
  readonly parallelized: ParallelizedBlocks;
  readonly bounds: RangeBounds;
  readonly rowCounts: RowCounts;
  readonly levelOf: (node: RddNode) => StorageLevelName;
  readonly isMaterialized: (node: RddNode) => boolean;
  /** Whether a shuffle's stage needs no planning, because its output is there or on its way. */
  readonly isInUse: (stage: StageKey) => boolean;
  readonly nextKey: () => StageKey;
  /** Runs `capture` and tells which broadcasts were captured. */
  readonly collectBroadcasts: <T>(capture: () => T) => {
    readonly result: T;
    readonly broadcasts: readonly BroadcastReference[];
  };
}

export interface ActionStages {
  readonly stages: readonly PlannedStage[];
  readonly result: StageKey;
}

/** Cuts the lineage of an action into stages, captures the closures of each, and makes them ready to run. */
export function planAction(call: ActionCall, settings: StagePlannerSettings): ActionStages {
  const { layout, bounds, rowCounts, isMaterialized, isInUse } = settings;
  const root = splitStages(call.node, {
    layout,
    isMaterialized,
    hasBounds: (partitioner) => bounds.of(partitioner) !== undefined,
    hasRowCounts: (node) => rowCounts.has(node),
    isInUse,
  });
  const keys = new Map<Stage, StageKey>();
  const stages = allStages(root).map((stage): PlannedStage => {
    const key = stage.output.kind === 'shuffle' ? stage.output.shuffleId : settings.nextKey();
    keys.set(stage, key);
    const parents = stage.parents.map((parent) => defined(keys.get(parent), 'key of a parent stage'));
    const isResult = stage === root;
    const partitions =
      (isResult ? call.partitions : undefined) ?? Array.from({ length: stage.numTasks }, (_, index) => index);
    const isKnown = stage.output.kind === 'shuffle' && isInUse(key);
    return {
      description: {
        key,
        parents,
        shuffleId: stage.output.kind === 'shuffle' ? stage.output.shuffleId : undefined,
        partitions,
      },
      name: `stage ${stage.id} (${stage.root.operator} at ${formatCallSite(stage.root.callSite)})`,
      ...(isKnown ? unneeded(stage) : preparedStage(stage, call, settings)),
    };
  });
  return { stages, result: defined(keys.get(root), 'key of the result stage') };
}

type Prepared = Omit<PlannedStage, 'description' | 'name'>;

/** A stage that is complete or at work already: the scheduler has its payload. */
function unneeded(stage: Stage): Prepared {
  const shuffleId = stage.output.kind === 'shuffle' ? stage.output.shuffleId : 0;
  return {
    purpose: { kind: 'shuffle', shuffleId },
    payload: () => defined<StagePayload>(undefined, `payload of shuffle ${shuffleId}`),
    closures: undefined,
    broadcasts: [],
    isOutput: false,
    block: () => undefined,
  };
}

function preparedStage(stage: Stage, call: ActionCall, settings: StagePlannerSettings): Prepared {
  const { layout, sources, parallelized, bounds, rowCounts, levelOf } = settings;
  const splits: [number, readonly Split[]][] = [];
  const held = new Map<number, NodeOf<'parallelized'>>();
  const indexed: RddNode[] = [];
  const lowering = new StageLowering({
    layout,
    levelOf,
    boundsOf: (partitioner) => bounds.of(partitioner) ?? [],
    sourceOf: (node) => {
      const plan = sources.of(node);
      splits.push([node.id, plan.splits]);
      return plan.source;
    },
    onParallelized: (node) => held.set(node.id, node),
    onIndexed: (node) => indexed.push(node),
  });
  const plan = lowering.lower(stage.root);
  const output = outputOf(stage, call, lowering);
  const { result: closures, broadcasts } = settings.collectBroadcasts(() => captureClosures(lowering.functions));
  const origins = lowering.functions.map(({ operator, callSite }) => ({ operator, callSite }));
  const payload = once(
    (): StagePayload => ({
      plan,
      output: withBounds(stage, output, bounds),
      closures,
      origins,
      splits,
      rowsBefore: indexed.map((node) => [node.id, rowCounts.before(node)]),
    }),
  );
  const block = (nodeId: number, partition: number): Block | undefined => {
    const node = held.get(nodeId);
    return node === undefined ? undefined : parallelized.of(node, partition);
  };
  return {
    payload,
    closures,
    broadcasts,
    isOutput: output.kind === 'save',
    block,
    ...purposeOf(stage, call, settings),
  };
}

function outputOf(stage: Stage, call: ActionCall, lowering: StageLowering): TaskOutput {
  switch (stage.output.kind) {
    case 'result':
      return call.plan(lowering);
    case 'rowCounts':
      return { kind: 'count' };
    case 'sample':
      return { kind: 'sample', size: sampleSize(stage.output.partitioner.numPartitions, stage.numTasks) };
    case 'shuffle': {
      const { shuffleId, partitioner, aggregator } = stage.output;
      const combines = aggregator !== undefined && combinesOnMapSide(aggregator);
      return {
        kind: 'shuffle',
        shuffleId,
        partitioner: lowering.partitioner(partitioner),
        aggregator: combines ? lowering.aggregator(aggregator) : undefined,
      };
    }
  }
}

/** The bounds of a range partitioner are known when its sample stage is done: after the closures were captured. */
function withBounds(stage: Stage, output: TaskOutput, bounds: RangeBounds): TaskOutput {
  if (output.kind !== 'shuffle' || output.partitioner.kind !== 'range') return output;
  if (stage.output.kind !== 'shuffle' || stage.output.partitioner.kind !== 'range') return output;
  const sampled = defined(bounds.of(stage.output.partitioner), 'bounds of a range partitioner');
  return { ...output, partitioner: { ...output.partitioner, bounds: sampled } };
}

function purposeOf(
  stage: Stage,
  call: ActionCall,
  { bounds, rowCounts }: StagePlannerSettings,
): Pick<PlannedStage, 'purpose' | 'onValue' | 'onComplete'> {
  switch (stage.output.kind) {
    case 'result':
      return { purpose: { kind: 'result' }, onValue: call.onValue };
    case 'shuffle':
      return { purpose: { kind: 'shuffle', shuffleId: stage.output.shuffleId } };
    case 'rowCounts': {
      const { node } = stage.output;
      const counts: number[] = [];
      return {
        purpose: { kind: 'sample' },
        onValue: (partition, value) => {
          if (value.kind === 'count') counts[partition] = value.count;
        },
        onComplete: () => rowCounts.set(node, counts),
      };
    }
    case 'sample': {
      const { partitioner } = stage.output;
      const samples: TaskValue[] = [];
      return {
        purpose: { kind: 'sample' },
        onValue: (_partition, value) => samples.push(value),
        onComplete: () => bounds.set(partitioner, samples),
      };
    }
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
