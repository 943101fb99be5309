import { isDeepStrictEqual } from 'node:util';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { decodeBatch } from '../../data/columnar/row-codec.ts';
import type { EngineEvent } from '../protocol/events.ts';
import type {
  ExecutorSettings,
  StageReference,
  TaskFailureReason,
  TaskInputs,
  TaskOutcome,
  TaskSuccess,
} from '../protocol/task.ts';
import { transportError } from '../protocol/transported-error.ts';
import { discardOutput, type MapOutputTracker } from '../shuffle/map-output-tracker.ts';
import { type BlockStore, discardBlock } from '../storage/block-store.ts';
import { actionError } from './action-error.ts';
import { DagState, type Order, type StageKey, type TaskSubmission } from './dag-state.ts';
import type { SpeculationSettings } from './speculation.ts';
import { leavesOf, type PlannedStage, stageReference } from './stage-run.ts';
import { DEFAULT_POOL, type PoolSettings } from './task-queue.ts';
import { type Preparation, TaskScheduler, type TaskSource } from './task-scheduler.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface DagSchedulerOptions {
  readonly workers: number;
  readonly maxTaskFailures: number;
  readonly pool: WorkerPool;
  readonly outputs: MapOutputTracker;
  readonly blocks: BlockStore;
  readonly pools: (name: string) => PoolSettings;
  readonly speculation: SpeculationSettings | undefined;
  readonly executorSettings: () => ExecutorSettings;
  readonly emit: (event: EngineEvent) => void;
  /** Removes the temporary files of a batch whose thread has died. */
  readonly removeFiles: (batchId: number) => void;
  /** A task has committed: these values were added to accumulators. */
  readonly accumulate: (updates: readonly (readonly [id: number, value: unknown])[]) => void;
}

export interface ActionRequest {
  readonly actionId: number;
  readonly pool: string;
  /** Every stage the action may need, parents first. */
  readonly stages: readonly PlannedStage[];
  readonly result: StageKey;
  readonly signal: AbortSignal | undefined;
}

interface RunningAction {
  readonly request: ActionRequest;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly dispose: () => void;
}

interface StageRun {
  readonly planned: PlannedStage;
  reference: StageReference | undefined;
  /** Partitions whose accumulator updates have been counted. */
  readonly committed: Set<number>;
}

/** The one place where outcomes arrive and orders are carried out; what they mean is decided in `dag-state`. */
export class DagScheduler implements TaskSource {
  readonly #options: DagSchedulerOptions;
  readonly #state: DagState;
  readonly #tasks: TaskScheduler;
  readonly #actions = new Map<number, RunningAction>();
  readonly #stages = new Map<StageKey, StageRun>();
  #nextPayloadId = 1;

  constructor(options: DagSchedulerOptions) {
    this.#options = options;
    this.#state = new DagState(options.maxTaskFailures);
    this.#tasks = new TaskScheduler(options.pool, this, options);
  }

  /** Resolves when every partition of the result stage has been handed to its `onValue`. */
  run(request: ActionRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const { actionId, signal, stages, result } = request;
      const abort = (): void => this.cancel(actionId, signal?.reason);
      const dispose = (): void => signal?.removeEventListener('abort', abort);
      this.#actions.set(actionId, { request, resolve, reject, dispose });
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      for (const planned of stages) {
        const { key } = planned.description;
        if (this.#state.isInUse(key)) continue;
        this.#open(planned);
      }
      this.#carryOut(
        this.#state.actionSubmitted(
          actionId,
          result,
          stages.map(({ description }) => description),
        ),
      );
    });
  }

  /**
   * A stage that was left unfinished keeps what it has, unless its functions or what they captured have changed since: then a part of
   * the output would be made by the old ones.
   */
  #open(planned: PlannedStage): void {
    const { key, partitions } = planned.description;
    const { outputs } = this.#options;
    const earlier = this.#stages.get(key);
    const committed = earlier?.committed ?? new Set<number>();
    this.#stages.set(key, { planned, reference: undefined, committed });
    if (planned.purpose.kind !== 'shuffle') return;
    const { shuffleId } = planned.purpose;
    if (earlier !== undefined && !isDeepStrictEqual(earlier.planned.closures, planned.closures)) {
      this.#state.stageForgotten(key);
      outputs.remove(shuffleId);
    }
    outputs.open(shuffleId, partitions.length);
  }

  /** Whether this stage is there or on its way, so that a new plan need not look below it. */
  isInUse(stage: StageKey): boolean {
    return this.#state.isInUse(stage);
  }

  cancel(actionId: number, why: unknown): void {
    const action = this.#actions.get(actionId);
    if (action === undefined) return;
    const reason = why instanceof MillraceError ? why.message : 'The action was cancelled';
    const error = new MillraceError('MR_ABORTED', `${reason}.`.replace('..', '.'), { cause: why });
    const stopped = this.#carryOut(this.#state.actionEnded(actionId));
    this.#end(actionId, error, action.request.stages.some(({ isOutput }) => isOutput) ? stopped : []);
  }

  cancelAll(why: unknown): void {
    for (const actionId of [...this.#actions.keys()]) this.cancel(actionId, why);
  }

  /** The lineage that needs this shuffle is gone. */
  forgetShuffle(stage: StageKey, shuffleId: number): void {
    this.#state.stageForgotten(stage);
    this.#stages.delete(stage);
    this.#options.outputs.remove(shuffleId);
  }

  close(): void {
    this.#tasks.close();
  }

  reference(stage: StageKey): StageReference {
    const run = this.#run(stage);
    run.reference ??= stageReference(run.planned, this.#nextPayloadId++);
    return run.reference;
  }

  prepare(stage: StageKey, partition: number, busy: ReadonlySet<string>): Preparation {
    const { planned } = this.#run(stage);
    const { blocks, outputs } = this.#options;
    const leaves = leavesOf(planned.payload().plan, partition, (nodeId, index) => blocks.has(nodeId, index));
    const computes: string[] = [];
    for (const { nodeId, partition: index, isPresent } of leaves.cached) {
      if (isPresent) continue;
      const name = `${nodeId}:${index}`;
      if (busy.has(name)) return { kind: 'wait' };
      computes.push(name);
    }
    for (const shuffleId of leaves.shuffleIds) {
      const missing = outputs.outputs(shuffleId)?.missing;
      if (missing === undefined || missing.size > 0)
        return { kind: 'fetchFailed', shuffleId, mapPartitions: [...(missing ?? [])] };
    }
    return { kind: 'ready', computes };
  }

  inputs(stage: StageKey, partitions: readonly number[]): TaskInputs {
    const { planned } = this.#run(stage);
    const { blocks: store, outputs } = this.#options;
    const blocks = new Map<string, TaskInputs['blocks'][number]>();
    const shuffleIds = new Set<number>();
    for (const partition of partitions) {
      const leaves = leavesOf(planned.payload().plan, partition, (nodeId, index) => store.has(nodeId, index));
      for (const leaf of leaves.blocks) {
        const block = defined(planned.block(leaf.nodeId, leaf.partition), `rows of RDD ${leaf.nodeId}`);
        blocks.set(`${leaf.nodeId}:${leaf.partition}`, { ...leaf, block });
      }
      for (const { nodeId, partition: index } of leaves.cached) {
        const block = store.get(nodeId, index);
        if (block !== undefined) blocks.set(`${nodeId}:${index}`, { nodeId, partition: index, block });
      }
      for (const shuffleId of leaves.shuffleIds) shuffleIds.add(shuffleId);
    }
    const shuffles = [...shuffleIds].map((shuffleId) => ({
      shuffleId,
      outputs: defined(outputs.outputs(shuffleId), `outputs of shuffle ${shuffleId}`).outputs,
    }));
    return { blocks: [...blocks.values()], shuffles };
  }

  settings(): ExecutorSettings {
    return this.#options.executorSettings();
  }

  isMissing(stage: StageKey, partition: number): boolean {
    return this.#state.isMissing(stage, partition);
  }

  copyOf(stage: StageKey, partition: number): TaskSubmission | undefined {
    return this.#state.taskCopied(stage, partition);
  }

  taskStarted(stageKey: StageKey, { partition, attempt, speculative }: TaskSubmission): void {
    this.#options.emit({ kind: 'taskStarted', stageKey, partition, attempt, speculative, at: Date.now() });
  }

  taskDropped(stage: StageKey, outcome: TaskOutcome): void {
    this.#report(stage, outcome, false);
    if (outcome.kind === 'success') discard(outcome);
  }

  batchLost(batchId: number): void {
    this.#options.removeFiles(batchId);
  }

  taskEnded(stage: StageKey, outcome: TaskOutcome): void {
    const { partition } = outcome;
    const isWanted = this.#stages.has(stage) && this.#state.isMissing(stage, partition);
    if (outcome.kind === 'success') {
      this.#report(stage, outcome, isWanted);
      const failure = isWanted ? this.#commit(stage, outcome) : discard(outcome);
      this.#carryOut(
        failure === undefined
          ? this.#state.taskSucceeded(stage, partition)
          : this.#state.taskFailed(stage, partition, failure),
      );
      return;
    }
    this.#report(stage, outcome, true);
    this.#carryOut(this.#state.taskFailed(stage, partition, this.#takeLoss(outcome.reason)));
  }

  /** Takes off the books what a task found lost: once, for it may have been made again since the task was handed out. */
  #takeLoss(reason: TaskFailureReason): TaskFailureReason {
    const { outputs, blocks, emit } = this.#options;
    const at = Date.now();
    if (reason.kind === 'workerLost') emit({ kind: 'workerLost', message: reason.message, at });
    if (reason.kind === 'fetchFailed') {
      const { shuffleId, mapPartitions, path } = reason;
      if (path === undefined) return reason;
      if (mapPartitions.every((lost) => outputs.pathOf(shuffleId, lost) !== path)) return { kind: 'notRun' };
      for (const lost of mapPartitions) outputs.unregister(shuffleId, lost);
      emit({ kind: 'outputsLost', shuffleId, mapPartitions, at });
    }
    if (reason.kind === 'blockLost') {
      const { nodeId, partition, path } = reason;
      if (blocks.pathOf(nodeId, partition) !== path) return { kind: 'notRun' };
      blocks.drop(nodeId, partition);
      emit({ kind: 'blockLost', rddId: nodeId, partition, at });
    }
    return reason;
  }

  #run(stage: StageKey): StageRun {
    return defined(this.#stages.get(stage), `stage ${stage}`);
  }

  /**
   * Takes over what a task left: once a partition, however many attempts come in.
   * @returns why it could not: a function of the user's that runs here threw
   */
  #commit(stage: StageKey, outcome: TaskSuccess): TaskFailureReason | undefined {
    try {
      this.#takeOver(stage, outcome);
      return undefined;
    } catch (error) {
      if (outcome.value.kind === 'mapOutput') discardOutput(outcome.value.output);
      return { kind: 'error', error: transportError(error), canRetry: false };
    }
  }

  #takeOver(stage: StageKey, outcome: TaskSuccess): void {
    const { planned, committed } = this.#run(stage);
    const { outputs, blocks, accumulate, emit } = this.#options;
    const { partition, value } = outcome;
    for (const { nodeId, partition: index, block } of outcome.cached) {
      blocks.put(nodeId, index, block);
      emit({ kind: 'blockCached', rddId: nodeId, partition: index, at: Date.now() });
    }
    const isFirst = !committed.has(partition);
    committed.add(partition);
    if (isFirst && outcome.accumulators !== undefined)
      accumulate(decodeBatch(outcome.accumulators) as [number, unknown][]);
    if (value.kind === 'mapOutput') {
      if (planned.purpose.kind === 'shuffle') outputs.register(planned.purpose.shuffleId, value.output);
      return;
    }
    if (isFirst) planned.onValue?.(partition, value);
  }

  /** @returns when tasks that nobody wants any more have ended */
  #carryOut(orders: readonly Order[]): readonly Promise<unknown>[] {
    const stopped: Promise<unknown>[] = [];
    for (const order of orders) {
      switch (order.kind) {
        case 'submit':
          this.#submit(order);
          break;
        case 'completeStage': {
          const { planned } = this.#run(order.stage);
          this.#options.emit({ kind: 'stageCompleted', stageKey: order.stage, name: planned.name, at: Date.now() });
          planned.onComplete?.();
          break;
        }
        case 'cancelStage':
          stopped.push(this.#tasks.cancel(order.stage));
          break;
        case 'finishAction':
          this.#end(order.actionId, undefined, stopped);
          break;
        case 'failAction': {
          const stage = this.#stages.get(order.stage)?.planned.name ?? `stage ${order.stage}`;
          const { partition, failures, reason } = order;
          const maxAttempts = this.#options.maxTaskFailures;
          this.#end(order.actionId, actionError(reason, { stage, partition, attempt: failures, maxAttempts }), stopped);
          break;
        }
      }
    }
    return stopped;
  }

  #submit({ stage, actionId, tasks }: Extract<Order, { kind: 'submit' }>): void {
    const { planned } = this.#run(stage);
    this.#options.emit({
      kind: 'stageSubmitted',
      actionId,
      stageKey: stage,
      name: planned.name,
      tasks: tasks.length,
      at: Date.now(),
    });
    const pool = this.#actions.get(actionId)?.request.pool ?? DEFAULT_POOL;
    this.#tasks.submit(stage, tasks, { pool, priority: actionId });
  }

  /** The action's promise settles when what was stopped has ended: what that wrote can then be cleared away. */
  #end(actionId: number, error: unknown, stopped: readonly Promise<unknown>[]): void {
    const action = this.#actions.get(actionId);
    if (action === undefined) return;
    this.#actions.delete(actionId);
    action.dispose();
    for (const [key, { planned }] of this.#stages)
      if (planned.purpose.kind !== 'shuffle' && !this.#state.has(key)) this.#stages.delete(key);
    const settle = (): void => (error === undefined ? action.resolve() : action.reject(error));
    if (stopped.length === 0) settle();
    else void Promise.all(stopped).then(settle);
  }

  #report(stageKey: StageKey, outcome: TaskOutcome, isWanted: boolean): void {
    const { partition, attempt } = outcome;
    const metrics =
      outcome.kind === 'success'
        ? outcome.metrics
        : { rowsRead: 0, sourceRows: 0, rowsWritten: 0, bytesWritten: 0, spilledBytes: 0, durationMs: 0 };
    const isSample = this.#stages.get(stageKey)?.planned.purpose.kind === 'sample';
    const isPart = outcome.kind === 'success' && outcome.value.kind === 'part';
    this.#options.emit({
      kind: 'taskEnded',
      stageKey,
      partition,
      attempt,
      status: statusOf(outcome, isWanted),
      ...(outcome.kind === 'failure' ? { reason: outcome.reason.kind } : {}),
      ...metrics,
      sourceRows: isSample ? 0 : metrics.sourceRows,
      savedRows: isPart ? metrics.rowsWritten : 0,
      at: Date.now(),
    });
  }
}

function statusOf(outcome: TaskOutcome, isWanted: boolean): 'succeeded' | 'dropped' | 'failed' | 'notRun' {
  if (outcome.kind === 'success') return isWanted ? 'succeeded' : 'dropped';
  return outcome.reason.kind === 'notRun' ? 'notRun' : 'failed';
}

/** Removes what a task left for a result that nobody takes. */
function discard({ cached, value }: TaskSuccess): undefined {
  for (const { block } of cached) discardBlock(block);
  if (value.kind === 'mapOutput') discardOutput(value.output);
}
