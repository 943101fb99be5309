import { defined } from '../../base/defined.ts';
import type { StageKey, TaskSubmission } from './dag-state.ts';

/** How concurrent actions share the workers. */
export type SchedulingMode = 'FIFO' | 'FAIR';

export interface PoolSettings {
  readonly mode: SchedulingMode;
  /** Share of the workers, relative to other pools. */
  readonly weight: number;
  /** Workers the pool gets before others get more than theirs. */
  readonly minShare: number;
}

/** The pool of actions that name none. */
export const DEFAULT_POOL = 'default';

/** The settings of a pool, listed or not: as in Spark, actions inside a named pool run in order of submission unless it says FAIR. */
export function poolSettings(
  name: string,
  options: { readonly scheduling: SchedulingMode; readonly pools: Readonly<Record<string, Partial<PoolSettings>>> },
): PoolSettings {
  const mode = name === DEFAULT_POOL ? options.scheduling : 'FIFO';
  return { mode, weight: 1, minShare: 0, ...(Object.hasOwn(options.pools, name) ? options.pools[name] : undefined) };
}

/** The waiting and running tasks of one stage. */
export interface TaskSet {
  readonly stage: StageKey;
  readonly pool: string;
  /** Submission order of the action: who goes first in FIFO; inside an action the older stage. */
  readonly priority: number;
  readonly pending: TaskSubmission[];
  running: number;
  /** Smoothed duration of its tasks, from which the size of a batch follows. */
  averageMs: number | undefined;
  /** How long each task took that has ended; kept for speculation only. */
  readonly endedMs: number[];
  /** Nobody wants its tasks any more: what still comes back is dropped. */
  isCancelled: boolean;
}

/** A batch is meant to last this long: its round trip of about 0.1 ms is then lost in it. */
const TARGET_BATCH_MS = 10;
const MAX_BATCH = 1024;

/**
 * How many tasks of a set go to a worker in one message: one while nothing is known, then as many as fill {@link TARGET_BATCH_MS},
 * but never so many that other workers would idle at the end.
 */
export function batchSize(set: TaskSet, workers: number): number {
  if (set.averageMs === undefined) return 1;
  const filling = Math.max(1, Math.floor(TARGET_BATCH_MS / Math.max(set.averageMs, 0.001)));
  const share = Math.max(1, Math.ceil(set.pending.length / (2 * workers)));
  return Math.min(filling, share, MAX_BATCH);
}

export function noteDuration(set: TaskSet, durationMs: number): void {
  set.averageMs = set.averageMs === undefined ? durationMs : set.averageMs * 0.7 + durationMs * 0.3;
}

/**
 * The order in which task sets get a free worker; sets without waiting tasks count with what they have running. FIFO pools take their sets by priority. Between pools, and inside FAIR ones, whoever
 * has the smallest share of running tasks for its weight comes first.
 *
 * @see Spark, Job Scheduling, "Fair Scheduler Pools"
 */
export function scheduleOrder(sets: readonly TaskSet[], pools: (name: string) => PoolSettings): readonly TaskSet[] {
  const byPool = new Map<string, TaskSet[]>();
  for (const set of sets) byPool.set(set.pool, [...(byPool.get(set.pool) ?? []), set]);
  const running = (name: string): number =>
    defined(byPool.get(name), 'pool').reduce((sum, set) => sum + set.running, 0);
  const names = [...byPool.keys()].sort((a, b) =>
    compareShares(
      { running: running(a), ...pools(a), first: firstPriority(byPool.get(a)) },
      { running: running(b), ...pools(b), first: firstPriority(byPool.get(b)) },
    ),
  );
  return names.flatMap((name) =>
    defined(byPool.get(name), 'pool').sort((a, b) =>
      pools(name).mode === 'FIFO'
        ? compareAge(a, b)
        : compareShares(
            { running: a.running, minShare: 0, weight: 1, first: a.priority },
            { running: b.running, minShare: 0, weight: 1, first: b.priority },
          ) || compareAge(a, b),
    ),
  );
}

interface Share {
  readonly running: number;
  readonly minShare: number;
  readonly weight: number;
  readonly first: number;
}

/** Spark's fair order: those below their minimum first, then the smallest share for the weight, then the oldest. */
function compareShares(a: Share, b: Share): number {
  const [aNeedy, bNeedy] = [a.running < a.minShare, b.running < b.minShare];
  if (aNeedy !== bNeedy) return aNeedy ? -1 : 1;
  const [aShare, bShare] = aNeedy
    ? [a.running / Math.max(a.minShare, 1), b.running / Math.max(b.minShare, 1)]
    : [a.running / a.weight, b.running / b.weight];
  return aShare - bShare || a.first - b.first;
}

function compareAge(a: TaskSet, b: TaskSet): number {
  return a.priority - b.priority || a.stage - b.stage;
}

function firstPriority(sets: readonly TaskSet[] | undefined): number {
  return Math.min(...(sets ?? []).map((set) => set.priority));
}
