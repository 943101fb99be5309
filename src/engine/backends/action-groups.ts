/** Which group an action belongs to, as Spark's job groups: the one that is set when it starts, unless the action names another. */
export class ActionGroups {
  readonly #running = new Map<number, string | undefined>();
  /** The group of actions that name none. */
  current: string | undefined;
  /** What actions are for, as people are told. */
  description: string | undefined;

  started(actionId: number, group: string | undefined): void {
    this.#running.set(actionId, group);
  }

  ended(actionId: number): void {
    this.#running.delete(actionId);
  }

  /** The actions of a group that are running now. */
  runningIn(group: string): readonly number[] {
    return [...this.#running].flatMap(([actionId, of]) => (of === group ? [actionId] : []));
  }
}
