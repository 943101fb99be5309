import { AsyncLocalStorage } from 'node:async_hooks';

export interface ActionGroup {
  readonly id: string;
  readonly description: string | undefined;
}

/**
 * Which group an action belongs to, as Spark's job groups: set for what the caller starts from then on, in it and in the asynchronous
 * functions it calls; others that run at the same time have their own.
 */
export class ActionGroups {
  readonly #current = new AsyncLocalStorage<ActionGroup | undefined>();
  readonly #running = new Map<number, string | undefined>();

  enter(group: ActionGroup | undefined): void {
    this.#current.enterWith(group);
  }

  get current(): ActionGroup | undefined {
    return this.#current.getStore();
  }

  started(actionId: number): void {
    this.#running.set(actionId, this.current?.id);
  }

  ended(actionId: number): void {
    this.#running.delete(actionId);
  }

  /** The actions of a group that are running now. */
  runningIn(id: string): readonly number[] {
    return [...this.#running].flatMap(([actionId, group]) => (group === id ? [actionId] : []));
  }
}
