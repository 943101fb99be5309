import { serialize } from 'node:v8';
import { captureClosures } from '../base/closures/capture.ts';
import { shipAs } from '../base/closures/shippable.ts';
import { MillraceError } from '../base/errors.ts';
import type { BroadcastReference } from '../engine/protocol/task.ts';
import { toShared } from '../engine/scheduler/stage-run.ts';

/**
 * A value sent to every worker once, however many tasks and actions use it: a lookup table, a model. Read it in a closure as
 * `broadcast.value`. It is a snapshot of the moment it was made.
 *
 * @example
 * ```ts
 * const names = sc.broadcast(new Map([['de', 'Germany'], ['fr', 'France']]));
 * console.log(await sc.parallelize(['fr', 'de']).map((code) => names.value.get(code)).collect()); // ['France', 'Germany']
 * names.destroy();
 * ```
 */
export class Broadcast<T> {
  readonly id: number;
  readonly #note: (reference: BroadcastReference) => void;
  #value: T | undefined;
  #reference: BroadcastReference | undefined;

  /** @internal Made by `sc.broadcast`. */
  constructor(id: number, value: T, note: (reference: BroadcastReference) => void) {
    this.id = id;
    this.#value = value;
    this.#note = note;
    const closures = captureClosures([{ fn: () => value, operator: 'broadcast', callSite: undefined }]);
    const payload = toShared(serialize({ ...closures, shared: [] }));
    this.#reference = { id, payload, shared: closures.shared };
  }

  /**
   * The value: in the program what was given, in a closure the worker's copy.
   *
   * @example
   * ```ts
   * const limit = sc.broadcast(3);
   * console.log(await sc.range(10).filter((n) => n < limit.value).count()); // 3
   * ```
   */
  get value(): T {
    this.#check();
    return this.#value as T;
  }

  /**
   * Frees the value. A closure that names the broadcast fails from now on.
   *
   * @example
   * ```ts
   * const table = sc.broadcast([1, 2, 3]);
   * table.destroy();
   * ```
   */
  destroy(): void {
    this.#value = undefined;
    this.#reference = undefined;
  }

  static {
    shipAs(Broadcast.prototype, (broadcast: Broadcast<unknown>) => {
      broadcast.#note(broadcast.#check());
      return { kind: 'value', reviver: 'broadcast', data: { id: broadcast.id } };
    });
  }

  #check(): BroadcastReference {
    if (this.#reference === undefined)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `broadcast ${this.id} was destroyed. Make a new one with sc.broadcast.`,
      );
    return this.#reference;
  }
}
