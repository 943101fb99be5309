import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { collectGarbage } from '../../base/collect-garbage.ts';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { PromiseFound, UserFunctionError } from '../../plan/codegen/user-function-error.ts';
import { childrenOf } from '../../plan/stages/task-inputs.ts';
import type { TaskNode } from '../../plan/stages/task-plan.ts';
import type { Block, MapOutput } from '../protocol/block.ts';
import {
  Control,
  type TaskBatch,
  type TaskDescription,
  type TaskFailureReason,
  type TaskInputs,
  type TaskOutcome,
} from '../protocol/task.ts';
import { transportError } from '../protocol/transported-error.ts';
import { BlockLost } from '../storage/block-lost.ts';
import { TaskFiles } from '../storage/task-files.ts';
import { AccumulatorUpdates } from './accumulator-updates.ts';
import { awaitAsyncSteps, awaitableFunctions, type ReadyPartitions } from './async-steps.ts';
import { type LoadedStage, StageLoader } from './loaded-stage.ts';
import { writeOutput } from './task-output.ts';
import { TaskProcess } from './task-process.ts';
import { CachedBlockLost, FetchFailed, type TaskEnvironment, TaskRun } from './task-run.ts';

const updates = new AccumulatorUpdates();
const taskProcess = new TaskProcess();
const loader = new StageLoader(updates, taskProcess);
let nextFile = 0;
let reclaimed = 0;

/** What piscina calls in a worker thread: runs the tasks of a batch one after the other. */
export async function runBatch(batch: TaskBatch): Promise<readonly TaskOutcome[]> {
  const { control } = batch;
  Atomics.store(control, Control.thread, threadId);
  taskProcess.enter(control);
  if (batch.settings.reclaim !== reclaimed) {
    reclaimed = batch.settings.reclaim;
    collectGarbage();
  }
  loader.release(batch.settings.released);
  const outcomes: TaskOutcome[] = [];
  let stage: LoadedStage;
  try {
    stage = await loader.load(batch.stage, batch.settings.stores);
  } catch (error) {
    const reason: TaskFailureReason = { kind: 'error', error: transportError(error), canRetry: false };
    return batch.tasks.map((task) => ({ kind: 'failure', ...task, reason }));
  }
  const inputs = new InputIndex(batch.inputs);
  for (const [index, task] of batch.tasks.entries()) {
    if (Atomics.load(control, Control.cancelled) !== 0) {
      outcomes.push({ kind: 'failure', ...task, reason: { kind: 'notRun' } });
      continue;
    }
    Atomics.store(control, Control.running, index);
    outcomes.push(await runTask(stage, task, inputs, batch));
  }
  return outcomes;
}

/** Does nothing: makes the pool start a thread. */
export function wake(): void {}

async function runTask(
  loaded: LoadedStage,
  task: TaskDescription,
  inputs: InputIndex,
  { id, settings }: TaskBatch,
): Promise<TaskOutcome> {
  const startedAt = performance.now();
  for (;;) {
    updates.clear();
    const stage = { ...loaded, functions: await loaded.functionsForTry() };
    const ready: ReadyPartitions = new Map();
    const files = new TaskFiles((name) => join(settings.tempDir, `${name}-b${id}-${nextFile++}`));
    const environment: TaskEnvironment = {
      stage,
      files,
      block: (nodeId, partition) => inputs.block(nodeId, partition),
      mapOutputs: (shuffleId) => inputs.mapOutputs(shuffleId),
      ...settings,
    };
    const run = new TaskRun(environment, ready);
    const limit = stage.output.kind === 'take' ? stage.output.limit : undefined;
    let status: 'succeeded' | 'failed' = 'failed';
    try {
      if (stage.asyncFunctions.size > 0)
        await awaitAsyncSteps(environment, run, stage.plan, task.partition, ready, limit);
      const output = await writeOutput(run, {
        stage,
        ...task,
        ...settings,
        files,
        isReady: (node) => ready.has(node),
      });
      if (run.cutShort !== undefined) throw run.cutShort.error;
      const accumulators = updates.encode();
      status = 'succeeded';
      return {
        kind: 'success',
        ...task,
        value: output.value,
        cached: run.cached,
        accumulators,
        metrics: {
          rowsRead: run.rowsRead,
          sourceRows: run.sourceRows,
          rowsWritten: output.rowsWritten,
          bytesWritten: output.bytesWritten,
          spilledBytes: output.spilledBytes + files.scratchBytes,
          durationMs: performance.now() - startedAt,
        },
      };
    } catch (thrown) {
      const error = run.cutShort === undefined ? thrown : run.cutShort.error;
      if (error instanceof PromiseFound && canAwait(stage, error)) {
        stage.asyncFunctions.add(error.fn);
        continue;
      }
      return { kind: 'failure', ...task, reason: reasonOf(stage, error) };
    } finally {
      files.end(status);
    }
  }
}

/** Whether starting over with that function awaited can help. */
function canAwait(stage: LoadedStage, { fn }: PromiseFound): boolean {
  const reaches = (node: TaskNode): boolean =>
    awaitableFunctions(node).includes(fn) || childrenOf(node).some((child) => reaches(child));
  return !stage.asyncFunctions.has(fn) && reaches(stage.plan);
}

function reasonOf(stage: LoadedStage, error: unknown): TaskFailureReason {
  if (error instanceof FetchFailed)
    return {
      kind: 'fetchFailed',
      shuffleId: error.shuffleId,
      mapPartitions: [error.mapPartition],
      path: error.path,
    };
  if (error instanceof CachedBlockLost)
    return { kind: 'blockLost', nodeId: error.nodeId, partition: error.partition, path: error.path };
  if (error instanceof UserFunctionError) {
    const origin = defined(stage.origins[error.fn], `origin of function ${error.fn}`);
    return { kind: 'userFunction', error: transportError(error.thrown), ...origin, row: error.row };
  }
  if (error instanceof PromiseFound) {
    const { operator, callSite } = defined(stage.origins[error.fn], `origin of function ${error.fn}`);
    const mend = new TypeError(
      `${operator} needs a function that gives its value at once, but this one gave a promise. Await in map or mapPartitions before.`,
    );
    return { kind: 'userFunction', error: transportError(mend), operator, callSite, row: undefined };
  }
  if (error instanceof BlockLost) {
    const lost = new MillraceError('MR_BLOCK_LOST', `${error.message}. Check the disk of tempDir.`, { cause: error });
    return { kind: 'error', error: transportError(lost), canRetry: true };
  }
  const canRetry = error instanceof MillraceError && error.code === 'MR_IO';
  return { kind: 'error', error: transportError(error), canRetry };
}

/** The inputs of a batch by what they are asked for. */
class InputIndex {
  readonly #blocks = new Map<string, Block>();
  readonly #shuffles = new Map<number, readonly MapOutput[]>();

  constructor(inputs: TaskInputs) {
    for (const { nodeId, partition, block } of inputs.blocks) this.#blocks.set(`${nodeId}:${partition}`, block);
    for (const { shuffleId, outputs } of inputs.shuffles) this.#shuffles.set(shuffleId, outputs);
  }

  block(nodeId: number, partition: number): Block | undefined {
    return this.#blocks.get(`${nodeId}:${partition}`);
  }

  mapOutputs(shuffleId: number): readonly MapOutput[] {
    return defined(this.#shuffles.get(shuffleId), `outputs of shuffle ${shuffleId}`);
  }
}
