import { deepCopy } from '../../base/deep-copy.ts';
import { encodeBatch } from '../../data/columnar/row-codec.ts';

/** What a task adds to accumulators; sent with its outcome, so that a try that failed counts nothing. */
export class AccumulatorUpdates {
  readonly #values = new Map<number, unknown>();

  add(id: number, value: unknown, zero: unknown, merge: (a: unknown, b: unknown) => unknown): void {
    this.#values.set(id, merge(this.#values.has(id) ? this.#values.get(id) : deepCopy(zero), value));
  }

  clear(): void {
    this.#values.clear();
  }

  /** An encoded batch of `[id, value]` rows. */
  encode(): Uint8Array | undefined {
    return this.#values.size === 0 ? undefined : encodeBatch([...this.#values]);
  }
}
