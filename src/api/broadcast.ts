import { serialize } from 'node:v8';
import { captureClosures } from '../base/closures/capture.ts';
import { shipAs } from '../base/closures/shippable.ts';
import { MillraceError } from '../base/errors.ts';
import type { BroadcastReference } from '../engine/protocol/task.ts';
import { toShared } from '../engine/scheduler/stage-run.ts';

/** What a broadcast asks of the engine. */
interface BroadcastHolders {
  /** Called when a closure that names it is captured. */
  noteBroadcast(reference: BroadcastReference): void;
  releaseBroadcast(id: number): void;
  collectBroadcasts<R>(capture: () => R): { readonly result: R; readonly broadcasts: readonly BroadcastReference[] };
}

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
  readonly #workers: BroadcastHolders;
  /** Those that the value itself names. */
  readonly #inside: readonly BroadcastReference[];
  #value: T | undefined;
  #reference: BroadcastReference | undefined;

  /** @internal Made by `sc.broadcast`. */
  constructor(id: number, value: T, workers: BroadcastHolders) {
    this.id = id;
    this.#value = value;
    this.#workers = workers;
    const { result: closures, broadcasts } = workers.collectBroadcasts(() =>
      captureClosures([{ fn: () => value, operator: 'broadcast', callSite: undefined }]),
    );
    this.#inside = broadcasts;
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
   * Frees the copies in the workers before their next tasks. Where it is used again, it is sent again.
   *
   * @example
   * ```ts
   * const table = sc.broadcast([1, 2, 3]);
   * await sc.range(3).map((n) => table.value[n]).count();
   * table.unpersist();
   * ```
   */
  unpersist(): void {
    this.#workers.releaseBroadcast(this.#check().id);
  }

  /**
   * Frees the value, in the workers as {@link unpersist} does. A closure that names the broadcast fails from now on.
   *
   * @example
   * ```ts
   * const table = sc.broadcast([1, 2, 3]);
   * table.destroy();
   * ```
   */
  destroy(): void {
    if (this.#reference !== undefined) this.#workers.releaseBroadcast(this.id);
    this.#value = undefined;
    this.#reference = undefined;
  }

  static {
    shipAs(Broadcast.prototype, (broadcast: Broadcast<unknown>) => {
      const reference = broadcast.#check();
      for (const needed of [...broadcast.#inside, reference]) broadcast.#workers.noteBroadcast(needed);
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
