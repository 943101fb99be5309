import type { EngineEvent } from '../engine/protocol/events.ts';

/** An action, which Spark calls a job. */
export interface JobInfo {
  readonly jobId: number;
  /** `collect`, `count` and so on. */
  readonly action: string;
  readonly group: string | undefined;
  /** What was given with setJobGroup or setJobDescription. */
  readonly description: string | undefined;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  /** The stages that were submitted so far. */
  readonly stageIds: readonly number[];
}

/** A stage as far as it has come. */
export interface StageInfo {
  readonly stageId: number;
  /** `stage 1 (reduceByKey at report.ts:9)`. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly submissionTime: number;
  readonly numTasks: number;
  readonly numActiveTasks: number;
  readonly numCompletedTasks: number;
  readonly numFailedTasks: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const ended = { succeeded: 'SUCCEEDED', failed: 'FAILED', cancelled: 'CANCELLED' } as const;

/** Actions and stages that are remembered after their end. */
const KEPT = 1000;

/**
 * What runs now, and how what ran has ended: the last 1000 actions and stages. With Spark's names, where a job is an action.
 *
 * @example
 * ```ts
 * sc.setJobGroup('daily', 'the daily report');
 * await sc.range(10).count();
 * const [jobId] = sc.statusTracker.getJobIdsForGroup('daily');
 * console.log(sc.statusTracker.getJobInfo(jobId!)?.status); // 'SUCCEEDED'
 * ```
 */
export class StatusTracker {
  readonly #jobs = new Map<number, Mutable<JobInfo>>();
  readonly #stages = new Map<number, Mutable<StageInfo>>();

  /** @internal Told of every event by the context. */
  observe(event: EngineEvent): void {
    switch (event.kind) {
      case 'actionStarted': {
        const { actionId: jobId, action, group, description } = event;
        this.#jobs.set(jobId, { jobId, action, group, description, status: 'RUNNING', stageIds: [] });
        forgetOldest(this.#jobs, (job) => job.status !== 'RUNNING');
        return;
      }
      case 'actionEnded': {
        const job = this.#jobs.get(event.actionId);
        if (job !== undefined) job.status = ended[event.status];
        return;
      }
      case 'stageSubmitted':
        this.#stageSubmitted(event);
        return;
      case 'taskStarted': {
        const stage = this.#stages.get(event.stageKey);
        if (stage !== undefined) stage.numActiveTasks++;
        return;
      }
      case 'taskEnded': {
        const stage = this.#stages.get(event.stageKey);
        if (stage === undefined) return;
        stage.numActiveTasks = Math.max(0, stage.numActiveTasks - 1);
        // A speculative copy may end too: its task is complete already.
        if (event.status === 'succeeded')
          stage.numCompletedTasks = Math.min(stage.numTasks, stage.numCompletedTasks + 1);
        if (event.status === 'failed') stage.numFailedTasks++;
        return;
      }
      case 'stageCompleted':
      case 'workerLost':
      case 'blockCached':
      case 'blockLost':
      case 'inputChanged':
      case 'outputsLost':
        return;
    }
  }

  /**
   * The actions that are running.
   *
   * @example
   * ```ts
   * console.log(sc.statusTracker.getActiveJobIds()); // []
   * ```
   */
  getActiveJobIds(): number[] {
    return [...this.#jobs.values()].filter(({ status }) => status === 'RUNNING').map(({ jobId }) => jobId);
  }

  /**
   * The stages that have tasks waiting or at work, of actions that are running.
   *
   * @example
   * ```ts
   * console.log(sc.statusTracker.getActiveStageIds()); // []
   * ```
   */
  getActiveStageIds(): number[] {
    const running = [...this.#jobs.values()].filter(({ status }) => status === 'RUNNING');
    const ids = new Set(running.flatMap(({ stageIds }) => stageIds));
    return [...ids].filter((id) => {
      const stage = this.#stages.get(id);
      return stage !== undefined && stage.numCompletedTasks < stage.numTasks;
    });
  }

  /**
   * The actions of a group, running or ended; without a name, those that belong to no group.
   *
   * @example
   * ```ts
   * await sc.range(10).count({ group: 'hourly' });
   * console.log(sc.statusTracker.getJobIdsForGroup('hourly').length); // 1
   * ```
   */
  getJobIdsForGroup(group?: string): number[] {
    return [...this.#jobs.values()].filter((job) => job.group === group).map(({ jobId }) => jobId);
  }

  /**
   * An action by its number; undefined for one that never was or is forgotten.
   *
   * @example
   * ```ts
   * await sc.range(10).count({ group: 'weekly' });
   * const [jobId] = sc.statusTracker.getJobIdsForGroup('weekly');
   * console.log(sc.statusTracker.getJobInfo(jobId!)?.action); // 'count'
   * ```
   */
  getJobInfo(jobId: number): JobInfo | undefined {
    const job = this.#jobs.get(jobId);
    return job === undefined ? undefined : Object.freeze({ ...job, stageIds: Object.freeze([...job.stageIds]) });
  }

  /**
   * A stage by its number; undefined for one that never was or is forgotten.
   *
   * @example
   * ```ts
   * console.log(sc.statusTracker.getStageInfo(-1)); // undefined
   * ```
   */
  getStageInfo(stageId: number): StageInfo | undefined {
    const stage = this.#stages.get(stageId);
    return stage === undefined ? undefined : Object.freeze({ ...stage });
  }

  /** A stage of which outputs were lost is submitted again, with as many tasks as it lost. */
  #stageSubmitted({ stageKey, actionId, name, tasks, at }: Extract<EngineEvent, { kind: 'stageSubmitted' }>): void {
    const job = this.#jobs.get(actionId);
    if (job !== undefined && !job.stageIds.includes(stageKey)) job.stageIds = [...job.stageIds, stageKey];
    const known = this.#stages.get(stageKey);
    if (known === undefined) {
      this.#stages.set(stageKey, {
        stageId: stageKey,
        name,
        submissionTime: at,
        numTasks: tasks,
        numActiveTasks: 0,
        numCompletedTasks: 0,
        numFailedTasks: 0,
      });
      forgetOldest(this.#stages, () => true);
    } else known.numTasks = Math.max(known.numTasks, known.numCompletedTasks + tasks);
  }
}

function forgetOldest<T>(known: Map<number, T>, mayGo: (item: T) => boolean): void {
  for (const [id, item] of known) {
    if (known.size <= KEPT) return;
    if (mayGo(item)) known.delete(id);
  }
}
