import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import {
  Control,
  type ExecutorSettings,
  type StageReference,
  type TaskBatch,
  type TaskInputs,
  type TaskOutcome,
} from '../protocol/task.ts';
import { transportError } from '../protocol/transported-error.ts';
import type { StageKey, TaskSubmission } from './dag-state.ts';
import { longMs, type SpeculationSettings } from './speculation.ts';
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
  /** Whether the task still has no result. */
  isMissing(stage: StageKey, partition: number): boolean;
  /** One more try of a task at work. */
  copyOf(stage: StageKey, partition: number): TaskSubmission | undefined;
  taskStarted(stage: StageKey, task: TaskSubmission): void;
  taskEnded(stage: StageKey, outcome: TaskOutcome): void;
  /** A task ended that nobody waits for any more. */
  taskDropped(stage: StageKey, outcome: TaskOutcome): void;
  /** The thread that ran a batch has died: what the batch wrote is of no use. */
  batchLost(batchId: number): void;
}

export interface TaskSchedulerOptions {
  readonly workers: number;
  readonly pools: (name: string) => PoolSettings;
  /** Undefined: no task is ever run twice at a time. */
  readonly speculation: SpeculationSettings | undefined;
}

interface RunningBatch {
  readonly id: number;
  readonly set: TaskSet;
  readonly tasks: readonly TaskSubmission[];
  readonly control: Int32Array;
  readonly computes: readonly string[];
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** The task at work when this was last looked at, and when that was first seen. */
  seen: { readonly running: number; readonly since: number };
  /** Its tasks have been handed out a second time, or are themselves second tries. */
  isTwin: boolean;
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
  #nextBatchId = 1;
  #speculation: NodeJS.Timeout | undefined;

  constructor(pool: WorkerPool, source: TaskSource, options: TaskSchedulerOptions) {
    this.#pool = pool;
    this.#source = source;
    this.#options = options;
  }

  submit(stage: StageKey, tasks: readonly TaskSubmission[], placement: { pool: string; priority: number }): void {
    let set = this.#sets.get(stage);
    if (set === undefined) {
      set = { stage, ...placement, pending: [], running: 0, averageMs: undefined, endedMs: [], isCancelled: false };
      this.#sets.set(stage, set);
    }
    for (const task of tasks) set.pending.push(task);
    this.#dispatch();
  }

  /**
   * Forgets waiting tasks; running ones are asked to end and, after a grace, ended with their thread.
   * @returns when none of them runs any more
   */
  cancel(stage: StageKey): Promise<unknown> {
    const set = this.#sets.get(stage);
    if (set === undefined) return Promise.resolve();
    this.#sets.delete(stage);
    set.isCancelled = true;
    const running = [...this.#batches].filter((batch) => batch.set === set);
    for (const batch of running) this.#stop(batch);
    return Promise.all(running.map(({ ended }) => ended));
  }

  /** No task set is left when this is called on an idle scheduler; running batches are abandoned with the pool. */
  close(): void {
    clearInterval(this.#speculation);
    this.#sets.clear();
    for (const batch of this.#batches) batch.abort.abort();
  }

  #stop(batch: RunningBatch): void {
    if (Atomics.exchange(batch.control, Control.cancelled, 1) !== 0) return;
    const end = (): void => {
      if (!this.#batches.has(batch)) return;
      // A thread that is still starting notices by itself.
      if (Atomics.load(batch.control, Control.thread) === 0) setTimeout(end, CANCEL_GRACE_MS).unref();
      else batch.abort.abort();
    };
    setTimeout(end, CANCEL_GRACE_MS).unref();
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
    const tasks: TaskSubmission[] = [];
    const mine = new Set<string>();
    const kept: TaskSubmission[] = [];
    const failed: TaskOutcome[] = [];
    let taken = 0;
    while (taken < set.pending.length && tasks.length < size) {
      const task = defined(set.pending[taken++], 'pending task');
      const preparation = this.#source.prepare(set.stage, task.partition, task.speculative ? noneBusy : this.#busy);
      switch (preparation.kind) {
        case 'ready':
          tasks.push(task);
          for (const name of preparation.computes) mine.add(name);
          break;
        case 'wait':
          kept.push(task);
          break;
        case 'fetchFailed':
          failed.push({ kind: 'failure', ...task, reason: { ...preparation, path: undefined } });
          break;
      }
    }
    if (kept.length === 0) set.pending.splice(0, taken);
    else for (const task of [...kept, ...set.pending.splice(0).slice(taken)]) set.pending.push(task);
    if (failed.length > 0)
      queueMicrotask(() => {
        for (const outcome of failed) this.#handBack(set, outcome);
      });
    if (tasks.length === 0) return undefined;
    for (const name of mine) this.#busy.add(name);
    set.running += tasks.length;
    const batch = newBatch(this.#nextBatchId++, set, tasks, [...mine]);
    this.#batches.add(batch);
    return batch;
  }

  async #run(batch: RunningBatch): Promise<void> {
    const { set, tasks } = batch;
    const { stage } = set;
    this.#watch();
    for (const task of tasks) this.#source.taskStarted(stage, task);
    const outcomes = await this.#outcomes(batch);
    this.#batches.delete(batch);
    for (const name of batch.computes) this.#busy.delete(name);
    set.running -= tasks.length;
    for (const outcome of outcomes)
      if (outcome.kind === 'success') {
        noteDuration(set, outcome.metrics.durationMs);
        if (this.#options.speculation !== undefined) set.endedMs.push(outcome.metrics.durationMs);
      }
    for (const outcome of outcomes) this.#handBack(set, outcome);
    if (set.pending.length === 0 && set.running === 0 && this.#sets.get(stage) === set) this.#sets.delete(stage);
    this.#stopTwins();
    batch.end();
    this.#dispatch();
  }

  async #outcomes(batch: RunningBatch): Promise<readonly TaskOutcome[]> {
    const { id, set, tasks, control } = batch;
    let request: TaskBatch;
    try {
      request = {
        id,
        stage: this.#source.reference(set.stage),
        tasks,
        inputs: this.#source.inputs(
          set.stage,
          tasks.map((task) => task.partition),
        ),
        control,
        settings: this.#source.settings(),
      };
    } catch (error) {
      return failedOutcomes(batch, error);
    }
    try {
      return await this.#pool.run(request, batch.abort);
    } catch (error) {
      this.#source.batchLost(id);
      return error instanceof MillraceError ? failedOutcomes(batch, error) : lostOutcomes(batch, error);
    }
  }

  #handBack(set: TaskSet, outcome: TaskOutcome): void {
    if (set.isCancelled) this.#source.taskDropped(set.stage, outcome);
    else this.#source.taskEnded(set.stage, outcome);
  }

  /** Looks for slow tasks now and then while any run, where that is asked for. */
  #watch(): void {
    const { speculation } = this.#options;
    if (speculation === undefined || this.#speculation !== undefined) return;
    this.#speculation = setInterval(() => {
      this.#speculate(speculation, performance.now());
      if (this.#batches.size > 0) return;
      clearInterval(this.#speculation);
      this.#speculation = undefined;
    }, speculation.intervalMs).unref();
  }

  #speculate(settings: SpeculationSettings, now: number): void {
    for (const batch of this.#batches) {
      const { set, control, seen, tasks } = batch;
      const running = Atomics.load(control, Control.running);
      if (running !== seen.running) batch.seen = { running, since: now };
      if (batch.isTwin || set.isCancelled) continue;
      const slowMs = longMs(set.endedMs, set.pending.length + set.running, settings);
      if (slowMs === undefined || now - batch.seen.since < slowMs) continue;
      batch.isTwin = true;
      for (const { partition } of tasks) {
        const copy = this.#source.copyOf(set.stage, partition);
        if (copy !== undefined) set.pending.push(copy);
      }
    }
    this.#dispatch();
  }

  /** Ends batches whose every task another try has finished. */
  #stopTwins(): void {
    for (const batch of this.#batches) {
      const { set, tasks } = batch;
      if (batch.isTwin && tasks.every(({ partition }) => !this.#source.isMissing(set.stage, partition)))
        this.#stop(batch);
    }
  }
}

const noneBusy: ReadonlySet<string> = new Set();

function newBatch(
  id: number,
  set: TaskSet,
  tasks: readonly TaskSubmission[],
  computes: readonly string[],
): RunningBatch {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    id,
    set,
    tasks,
    control: newControl(),
    computes,
    abort: new AbortController(),
    ended,
    end,
    seen: { running: 0, since: performance.now() },
    isTwin: tasks.some(({ speculative }) => speculative),
  };
}

/** The batch could not be run at all: nothing to try again. */
function failedOutcomes({ tasks }: RunningBatch, error: unknown): readonly TaskOutcome[] {
  const reason = { kind: 'error', error: transportError(error), canRetry: false } as const;
  return tasks.map(({ partition, attempt }) => ({ kind: 'failure', partition, attempt, reason }));
}

/** The thread died: the task it was at is to blame, the others of the batch simply did not run. */
function lostOutcomes({ tasks, control, abort }: RunningBatch, error: unknown): readonly TaskOutcome[] {
  const culprit = abort.signal.aborted ? -1 : Atomics.load(control, Control.running);
  const message = error instanceof Error ? error.message : String(error);
  return tasks.map(({ partition, attempt }, index) => ({
    kind: 'failure',
    partition,
    attempt,
    reason: index === culprit ? { kind: 'workerLost', message } : { kind: 'notRun' },
  }));
}
