import type { TaskFailureReason } from '../protocol/task.ts';

/** One stage for all actions that need it: a shuffle's stage keeps its key for as long as the shuffle lives. */
export type StageKey = number;

export interface StageDescription {
  readonly key: StageKey;
  readonly parents: readonly StageKey[];
  /** Set for a stage that writes a shuffle: what a failed fetch names. */
  readonly shuffleId: number | undefined;
  /** The partitions to compute; for a shuffle, all. */
  readonly partitions: readonly number[];
}

export interface TaskSubmission {
  readonly partition: number;
  /** Counts how often the task was handed out, from 1: no two tries of a task have the same number. */
  readonly attempt: number;
  /** A second try of a task that is at work already, for it takes long. */
  readonly speculative: boolean;
}

/** What the scheduler has to do next. */
export type Order =
  | {
      readonly kind: 'submit';
      readonly stage: StageKey;
      /** The action that gets the tasks going; others may wait for them too. */
      readonly actionId: number;
      readonly tasks: readonly TaskSubmission[];
    }
  | { readonly kind: 'completeStage'; readonly stage: StageKey }
  /** Nobody wants the running tasks of this stage any more. */
  | { readonly kind: 'cancelStage'; readonly stage: StageKey }
  | { readonly kind: 'finishAction'; readonly actionId: number }
  | {
      readonly kind: 'failAction';
      readonly actionId: number;
      readonly stage: StageKey;
      readonly partition: number;
      /** How often the task has failed. */
      readonly failures: number;
      readonly reason: TaskFailureReason;
    };

interface StageState extends Omit<StageDescription, 'parents'> {
  /** More may come: a stage planned over a complete cache needs what is below it once a block of that is lost. */
  readonly parents: Set<StageKey>;
  /** Partitions without a result; those in flight included. */
  readonly missing: Set<number>;
  /** How many tries of a partition are under way. */
  readonly inFlight: Map<number, number>;
  /** How often a partition was handed out. */
  readonly attempts: Map<number, number>;
  readonly failures: Map<number, number>;
  readonly actions: Set<number>;
  /** Losses of inputs since a task of this stage last succeeded: not the tasks that met with them. */
  fetchFailures: number;
}

interface ActionState {
  readonly result: StageKey;
  readonly stages: ReadonlySet<StageKey>;
}

/** Losses in a row after which a stage is given up: its inputs are lost faster than they are made. */
const MAX_FETCH_FAILURES = 32;

/**
 * What runs next and what an outcome means: pure transitions, no threads, no clock, no promises.
 *
 * Invariants, checked by its tests: a task is submitted only when all parents of its stage are complete; a partition has at most one
 * result; an action finishes or fails exactly once.
 *
 * @see Spark's DAGScheduler; Zaharia et al., NSDI 2012, section 5.1
 */
export class DagState {
  readonly #maxTaskFailures: number;
  readonly #stages = new Map<StageKey, StageState>();
  readonly #actions = new Map<number, ActionState>();

  constructor(maxTaskFailures: number) {
    this.#maxTaskFailures = maxTaskFailures;
  }

  has(stage: StageKey): boolean {
    return this.#stages.has(stage);
  }

  isComplete(stage: StageKey): boolean {
    return this.#stages.get(stage)?.missing.size === 0;
  }

  /**
   * Complete, or at work for an action: what it was planned with holds, and a new plan need not look below it. A stage that was left
   * unfinished is planned anew; what it has already is kept.
   */
  isInUse(stage: StageKey): boolean {
    const state = this.#stages.get(stage);
    return state !== undefined && (state.missing.size === 0 || state.actions.size > 0);
  }

  /** @param stages everything the action may need, parents first; stages in use stay as they are */
  actionSubmitted(actionId: number, result: StageKey, stages: readonly StageDescription[]): readonly Order[] {
    const keys = new Set<StageKey>();
    for (const stage of stages) {
      keys.add(stage.key);
      if (!this.isInUse(stage.key))
        this.#stages.set(stage.key, {
          ...stage,
          parents: new Set(stage.parents),
          missing: this.#stages.get(stage.key)?.missing ?? new Set(stage.partitions),
          inFlight: new Map(),
          attempts: new Map(),
          failures: new Map(),
          actions: new Set(),
          fetchFailures: 0,
        });
      this.#stages.get(stage.key)?.actions.add(actionId);
    }
    this.#actions.set(actionId, { result, stages: keys });
    return this.isComplete(result) ? this.#finish(actionId) : this.#advance(result, actionId);
  }

  /** Whether the result of a try is wanted: false when another try gave one. */
  isMissing(stage: StageKey, partition: number): boolean {
    return this.#stages.get(stage)?.missing.has(partition) ?? false;
  }

  /** One more try of a task at work; undefined when there is nothing to gain. */
  taskCopied(stage: StageKey, partition: number): TaskSubmission | undefined {
    const state = this.#stages.get(stage);
    return state === undefined || !state.missing.has(partition) ? undefined : handOut(state, partition, true);
  }

  /** @returns nothing to do if the partition has a result already (a speculative or late copy) */
  taskSucceeded(stage: StageKey, partition: number): readonly Order[] {
    const state = this.#stages.get(stage);
    if (state === undefined) return [];
    takeBack(state, partition);
    state.fetchFailures = 0;
    if (!state.missing.delete(partition) || state.missing.size > 0) return [];
    const orders: Order[] = [{ kind: 'completeStage', stage }];
    for (const [actionId, action] of this.#actions) {
      if (!action.stages.has(stage)) continue;
      orders.push(...(action.result === stage ? this.#finish(actionId) : this.#advance(action.result, actionId)));
    }
    return orders;
  }

  taskFailed(stage: StageKey, partition: number, reason: TaskFailureReason): readonly Order[] {
    const state = this.#stages.get(stage);
    if (state === undefined) return [];
    takeBack(state, partition);
    if (!state.missing.has(partition)) return [];
    const fail = (): readonly Order[] => this.#failActions(state, partition, reason);
    switch (reason.kind) {
      case 'notRun':
      case 'blockLost':
        return this.#advanceAll(state);
      case 'userFunction':
      case 'workerLost':
      case 'error': {
        const failures = (state.failures.get(partition) ?? 0) + 1;
        state.failures.set(partition, failures);
        if (failures >= this.#maxTaskFailures || (reason.kind === 'error' && !reason.canRetry)) return fail();
        return this.#advanceAll(state);
      }
      case 'fetchFailed': {
        const writer = [...this.#stages.values()].find(({ shuffleId }) => shuffleId === reason.shuffleId);
        if (writer === undefined) return fail();
        if (reason.mapPartitions.some((lost) => !writer.missing.has(lost))) state.fetchFailures++;
        if (state.fetchFailures > MAX_FETCH_FAILURES) return fail();
        for (const lost of reason.mapPartitions) writer.missing.add(lost);
        state.parents.add(writer.key);
        return this.#advanceAll(state);
      }
    }
  }

  /** The action is over, by its own end, a failure or a cancellation: what only it needed is dropped. */
  actionEnded(actionId: number): readonly Order[] {
    const action = this.#actions.get(actionId);
    if (action === undefined) return [];
    this.#actions.delete(actionId);
    const orders: Order[] = [];
    for (const key of action.stages) {
      const state = this.#stages.get(key);
      if (state === undefined) continue;
      state.actions.delete(actionId);
      if (state.actions.size > 0) continue;
      if (state.inFlight.size > 0) orders.push({ kind: 'cancelStage', stage: key });
      state.inFlight.clear();
      state.failures.clear();
      if (state.shuffleId === undefined) this.#stages.delete(key);
    }
    return orders;
  }

  /** The shuffle's lineage is gone: nobody can ask for it again. */
  stageForgotten(stage: StageKey): void {
    this.#stages.delete(stage);
  }

  #finish(actionId: number): readonly Order[] {
    return [...this.actionEnded(actionId), { kind: 'finishAction', actionId }];
  }

  #failActions(state: StageState, partition: number, reason: TaskFailureReason): readonly Order[] {
    const actions = [...state.actions];
    const failures = Math.max(1, state.failures.get(partition) ?? 1);
    return actions.flatMap((actionId): Order[] => [
      ...this.actionEnded(actionId),
      { kind: 'failAction', actionId, stage: state.key, partition, failures, reason },
    ]);
  }

  #advanceAll(state: StageState): readonly Order[] {
    return [...state.actions].flatMap((actionId) => this.#advance(state.key, actionId));
  }

  /** Submits what `key` still misses, or first what its parents miss. Parents found on the way work for this action too. */
  #advance(key: StageKey, actionId: number): readonly Order[] {
    const state = this.#stages.get(key);
    if (state === undefined || state.missing.size === 0) return [];
    state.actions.add(actionId);
    this.#join(actionId, key);
    const blocked = [...state.parents].filter((parent) => this.#stages.has(parent) && !this.isComplete(parent));
    if (blocked.length > 0) return blocked.flatMap((parent) => this.#advance(parent, actionId));
    const tasks: TaskSubmission[] = [];
    for (const partition of state.missing) {
      if (state.inFlight.has(partition)) continue;
      tasks.push(handOut(state, partition, false));
    }
    return tasks.length === 0 ? [] : [{ kind: 'submit', stage: key, actionId, tasks }];
  }

  #join(actionId: number, key: StageKey): void {
    const action = this.#actions.get(actionId);
    if (action !== undefined && !action.stages.has(key))
      this.#actions.set(actionId, { ...action, stages: new Set([...action.stages, key]) });
  }
}

function handOut(state: StageState, partition: number, speculative: boolean): TaskSubmission {
  const attempt = (state.attempts.get(partition) ?? 0) + 1;
  state.attempts.set(partition, attempt);
  state.inFlight.set(partition, (state.inFlight.get(partition) ?? 0) + 1);
  return { partition, attempt, speculative };
}

function takeBack(state: StageState, partition: number): void {
  const left = (state.inFlight.get(partition) ?? 0) - 1;
  if (left > 0) state.inFlight.set(partition, left);
  else state.inFlight.delete(partition);
}
