import type { JobExecution } from '../definition/job-execution.ts';
import type { ExecutionStore } from '../repository/execution-store.ts';
import { type ActiveExecution, activeExecutions, type Orphan, reap } from '../repository/reaper-store.ts';
import type { EventHub } from './event-hub.ts';
import { isOwnerDead } from './owner-identity.ts';

/** What a reaper needs of its operator. */
export interface ReaperHost {
  readonly store: ExecutionStore;
  readonly hub: EventHub;
  /** The operator's own name as an owner. */
  readonly owner: string;
  readonly now: () => number;
  /** Whether the execution runs in this operator. */
  readonly isRunning: (executionId: string) => boolean;
  /** Whether it is being launched here. */
  readonly isLaunching: (executionId: string) => boolean;
  /** Ends an orphan and launches it again, in one transaction; undefined when it is not to be, or cannot be, launched. */
  readonly restart: (orphan: Orphan) => Promise<JobExecution | undefined>;
}

/** Finds executions whose owner is gone and ends them (ST-23). */
export class Reaper {
  readonly #host: ReaperHost;

  constructor(host: ReaperHost) {
    this.#host = host;
  }

  /** One pass over what is active. @returns what it ended */
  async pass(): Promise<readonly JobExecution[]> {
    const ended: JobExecution[] = [];
    for (const active of await activeExecutions(this.#host.store)) {
      const orphan = this.#orphanOf(active);
      const execution = orphan === undefined ? undefined : await this.take(orphan);
      if (execution !== undefined) ended.push(execution);
    }
    return ended;
  }

  /** What an execution is: an orphan, alive, or undefined once it has ended. */
  async look(executionId: string): Promise<Orphan | 'alive' | undefined> {
    const [active] = await activeExecutions(this.#host.store, executionId);
    return active && (this.#orphanOf(active) ?? 'alive');
  }

  /** Ends an orphan, and starts it again if that is wanted. @returns it as ended; undefined when another was first */
  async take(orphan: Orphan): Promise<JobExecution | undefined> {
    return (await this.#host.restart(orphan)) ?? (await this.end(orphan));
  }

  /** @returns undefined when its owner lives */
  #orphanOf(active: ActiveExecution): Orphan | undefined {
    const { owner, isRunning, isLaunching } = this.#host;
    if (isRunning(active.id)) return undefined;
    // An own execution that does not run here has lost its run, whose end could not be stored.
    const isLeft = active.owner === owner && !isLaunching(active.id);
    const isDead = isLeft || (active.owner !== undefined && isOwnerDead(active.owner));
    return isDead || active.isExpired ? { ...active, isDead } : undefined;
  }

  /** @returns the execution as ended; undefined when another was first */
  async end(orphan: Orphan): Promise<JobExecution | undefined> {
    const now = this.#host.now();
    const ended = await reap(this.#host.store, orphan, now);
    if (ended !== undefined) this.tell(ended, now);
    return ended;
  }

  /** That an orphan was ended. */
  tell({ id: executionId, jobName }: JobExecution, now: number): void {
    this.#host.hub.emit({ kind: 'executionOrphaned', at: new Date(now), executionId, jobName, status: 'FAILED' });
  }
}
