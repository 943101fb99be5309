import type { LoopSink, StageLoop } from '../../plan/codegen/stage-loop.ts';
import type { TaskNode } from '../../plan/stages/task-plan.ts';
import { type LoadedStage, stageLoop } from './loaded-stage.ts';
import type { TaskRun } from './task-run.ts';

export interface FusedSettings {
  readonly stage: LoadedStage;
  readonly partition: number;
  /** Plan nodes computed already: their steps are not to be run again. */
  readonly isReady: (node: TaskNode) => boolean;
}

/** Runs the plan into `sink`: in one loop with the steps of the pipeline at its top, unless those have run already. */
export function fusedLoop(
  run: TaskRun,
  { stage, partition, isReady }: FusedSettings,
  sink: LoopSink,
  afterBatch: (loop: StageLoop, rows: readonly unknown[]) => void = () => {},
): StageLoop {
  const { plan } = stage;
  const top = plan.kind === 'pipeline' && !isReady(plan) ? plan : undefined;
  const loop = stageLoop(stage, top?.steps ?? [], sink);
  run.feed(loop, top?.input ?? plan, partition, false, (rows) => afterBatch(loop, rows));
  return loop;
}
