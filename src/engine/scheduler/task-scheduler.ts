import { defined } from '../../base/defined.ts';
import {
  Control,
  type ExecutorSettings,
  type StageReference,
  type TaskDescription,
  type TaskInputs,
  type TaskOutcome,
} from '../protocol/task.ts';
import type { StageKey, TaskSubmission } from './dag-state.ts';
import { batchSize, noteDuration, type PoolSettings, scheduleOrder, type TaskSet } from './task-queue.ts';
import { newControl, type WorkerPool } from './worker-pool.ts';

/** What a task needs before it may run. */
export type Preparation =
  | { readonly kind: 'ready'; readonly computes: readonly string[] }
  /** Another task is at work on a cached partition that this one needs too. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'fetchFailed'; readonly shuffleId: number; readonly mapPartitions: readonly number[] };

/** What the task scheduler asks of its owner. */
export interface TaskSource {
  reference(stage: StageKey): StageReference;
  prepare(stage: StageKey, partition: number, busy: ReadonlySet<string>): Preparation;
  inputs(stage: StageKey, partitions: readonly number[]): TaskInputs;
  settings(): ExecutorSettings;
  taskStarted(stage: StageKey, task: TaskDescription): void;
  taskEnded(stage: StageKey, outcome: TaskOutcome): void;
}

export interface TaskSchedulerOptions {
  readonly workers: number;
  readonly pools: (name: string) => PoolSettings;
}

interface RunningBatch {
  readonly stage: StageKey;
  readonly tasks: readonly TaskDescription[];
  readonly control: Int32Array;
  readonly computes: readonly string[];
  readonly abort: AbortController;
}

/** How long a cancelled batch may take to notice before its thread is ended. */
const CANCEL_GRACE_MS = 100;

/** Hands tasks to workers, a batch at a time, and tells what became of each. Decides nothing about stages: see `dag-state`. */
export class TaskScheduler {
  readonly #pool: WorkerPool;
  readonly #source: TaskSource;
  readonly #options: TaskSchedulerOptions;
  readonly #sets = new Map<StageKey, TaskSet>();
  readonly #batches = new Set<RunningBatch>();
  /** Cached partitions being computed: nobody else begins one of them. */
  readonly #busy = new Set<string>();

  constructor(pool: WorkerPool, source: TaskSource, options: TaskSchedulerOptions) {
    this.#pool = pool;
    this.#source = source;
    this.#options = options;
  }

  submit(stage: StageKey, tasks: readonly TaskSubmission[], placement: { pool: string; priority: number }): void {
    const set = this.#sets.get(stage) ?? { stage, ...placement, pending: [], running: 0, averageMs: undefined };
    this.#sets.set(stage, set);
    set.pending.push(...tasks);
    this.#dispatch();
  }

  /** Forgets waiting tasks; running ones are asked to end and, after a grace, ended with their thread. */
  cancel(stage: StageKey): void {
    this.#sets.delete(stage);
    for (const batch of this.#batches) {
      if (batch.stage !== stage) continue;
      Atomics.store(batch.control, Control.cancelled, 1);
      setTimeout(() => {
        if (this.#batches.has(batch)) batch.abort.abort();
      }, CANCEL_GRACE_MS).unref();
    }
  }

  /** No task set is left when this is called on an idle scheduler; running batches are abandoned with the pool. */
  close(): void {
    this.#sets.clear();
    for (const batch of this.#batches) batch.abort.abort();
  }

  #dispatch(): void {
    for (let free = this.#options.workers - this.#batches.size; free > 0; free--) {
      const batch = this.#nextBatch();
      if (batch === undefined) return;
      void this.#run(batch);
    }
  }

  #nextBatch(): RunningBatch | undefined {
    const sets = [...this.#sets.values()];
    for (const set of sets.length > 1 ? scheduleOrder(sets, this.#options.pools) : sets) {
      if (set.pending.length === 0) continue;
      const batch = this.#take(set);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  /** The next tasks of a set that may run now. Tasks whose inputs are gone are given back at once. */
  #take(set: TaskSet): RunningBatch | undefined {
    const size = batchSize(set, this.#options.workers);
    const tasks: TaskDescription[] = [];
    const computes: string[] = [];
    const kept: TaskSubmission[] = [];
    const failed: TaskOutcome[] = [];
    const mine = new Set<string>();
    while (set.pending.length > 0 && tasks.length < size) {
      const task = defined(set.pending.shift(), 'pending task');
      const busy = mine.size === 0 ? this.#busy : new Set([...this.#busy].filter((name) => !mine.has(name)));
      const preparation = this.#source.prepare(set.stage, task.partition, busy);
      switch (preparation.kind) {
        case 'ready':
          tasks.push(task);
          for (const name of preparation.computes) {
            mine.add(name);
            computes.push(name);
            this.#busy.add(name);
          }
          break;
        case 'wait':
          kept.push(task);
          break;
        case 'fetchFailed':
          failed.push({ kind: 'failure', ...task, reason: preparation });
          break;
      }
    }
    set.pending.unshift(...kept);
    for (const outcome of failed) queueMicrotask(() => this.#source.taskEnded(set.stage, outcome));
    if (tasks.length === 0) return undefined;
    set.running += tasks.length;
    const batch = { stage: set.stage, tasks, control: newControl(), computes, abort: new AbortController() };
    this.#batches.add(batch);
    return batch;
  }

  async #run(batch: RunningBatch): Promise<void> {
    const { stage, tasks, control } = batch;
    let outcomes: readonly TaskOutcome[];
    try {
      for (const task of tasks) this.#source.taskStarted(stage, task);
      const partitions = tasks.map((task) => task.partition);
      outcomes = await this.#pool.run(
        {
          stage: this.#source.reference(stage),
          tasks,
          inputs: this.#source.inputs(stage, partitions),
          control,
          settings: this.#source.settings(),
        },
        batch.abort.signal,
      );
    } catch (error) {
      outcomes = this.#lostOutcomes(batch, error);
    }
    this.#batches.delete(batch);
    for (const name of batch.computes) this.#busy.delete(name);
    const set = this.#sets.get(stage);
    if (set !== undefined) {
      set.running -= tasks.length;
      for (const outcome of outcomes) if (outcome.kind === 'success') noteDuration(set, outcome.metrics.durationMs);
    }
    for (const outcome of outcomes) this.#source.taskEnded(stage, outcome);
    const now = this.#sets.get(stage);
    if (now !== undefined && now.pending.length === 0 && now.running === 0) this.#sets.delete(stage);
    this.#dispatch();
  }

  /** The thread died: the task it was at is to blame, the others of the batch simply did not run. */
  #lostOutcomes({ tasks, control, abort }: RunningBatch, error: unknown): readonly TaskOutcome[] {
    const culprit = abort.signal.aborted ? -1 : Atomics.load(control, Control.running);
    const message = error instanceof Error ? error.message : String(error);
    return tasks.map((task, index) => ({
      kind: 'failure',
      ...task,
      reason: index === culprit ? { kind: 'workerLost', message } : { kind: 'notRun' },
    }));
  }
}
