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

/** What came of looking at an execution: ended here, its owner lives, or it is not as it was: another ended it, or its owner came back. */
type Reaped =
  | { readonly kind: 'ended'; readonly execution: JobExecution }
  | { readonly kind: 'alive' }
  | { readonly kind: 'changed' };

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
      const reaped = await this.reapIfOrphan(active);
      if (reaped.kind !== 'ended') continue;
      ended.push(reaped.execution);
      await onEnded(active, reaped.execution);
    }
    return ended;
  }

  async reapIfOrphan(active: ActiveExecution): Promise<Reaped> {
    const { store, hub, owner, isRunning, isLaunching } = this.#host;
    if (isRunning(active.id)) return { kind: 'alive' };
    // An own execution that does not run here has lost its run, whose end could not be stored.
    const isLeft = active.owner === owner && !isLaunching(active.id);
    const isDead = isLeft || (active.owner !== undefined && isOwnerDead(active.owner));
    if (!isDead && !active.isExpired) return { kind: 'alive' };
    const now = this.#host.now();
    const execution = await reap(store, active, isDead, now);
    if (execution === undefined) return { kind: 'changed' };
    const { id: executionId, jobName } = active;
    hub.emit({ kind: 'executionOrphaned', at: new Date(now), executionId, jobName, status: 'FAILED' });
    return { kind: 'ended', execution };
  }
}
