import type { JobExecution } from '../definition/job-execution.ts';
import type { ExecutionStore } from '../repository/execution-store.ts';
import { type ActiveExecution, activeExecutions, reap } from '../repository/reaper-store.ts';
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
}

/** Finds executions whose owner is gone and ends them (ST-23). */
export class Reaper {
  readonly #host: ReaperHost;

  constructor(host: ReaperHost) {
    this.#host = host;
  }

  /** One pass over what is active; `onEnded` is called for each that it ends before it looks at the next. */
  async pass(
    onEnded: (orphan: ActiveExecution, execution: JobExecution) => Promise<void>,
  ): Promise<readonly JobExecution[]> {
    const ended: JobExecution[] = [];
    for (const active of await activeExecutions(this.#host.store)) {
      const execution = await this.reapIfOrphan(active);
      if (execution === undefined) continue;
      ended.push(execution);
      await onEnded(active, execution);
    }
    return ended;
  }

  /** @returns the execution as ended; undefined when it is no orphan, or another was first */
  async reapIfOrphan(active: ActiveExecution): Promise<JobExecution | undefined> {
    const { store, hub, owner, isRunning, isLaunching } = this.#host;
    if (isRunning(active.id)) return undefined;
    // An own execution that does not run here has lost its run, whose end could not be stored.
    const isLeft = active.owner === owner && !isLaunching(active.id);
    const isDead = isLeft || (active.owner !== undefined && isOwnerDead(active.owner));
    if (!isDead && !active.isExpired) return undefined;
    const now = this.#host.now();
    const ended = await reap(store, active, isDead, now);
    if (ended === undefined) return undefined;
    const { id: executionId, jobName } = active;
    hub.emit({ kind: 'executionOrphaned', at: new Date(now), executionId, jobName, status: 'FAILED' });
    return ended;
  }
}
