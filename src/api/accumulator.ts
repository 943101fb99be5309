import { shipAs } from '../base/closures/shippable.ts';

/**
 * A value that tasks add to and the program reads: counters, sums, sets. Each committed task counts once, whatever was retried,
 * recomputed or run twice. Tasks cannot read it.
 *
 * @typeParam V what is added
 * @typeParam R what it amounts to
 */
export class Accumulator<V, R = V> {
  readonly id: number;
  readonly #zero: R;
  readonly #merge: (state: R, value: V | R) => R;
  #value: R;

  /** @internal Made by `sc.accumulator`. */
  constructor(id: number, zero: R, merge: (state: R, value: V | R) => R) {
    this.id = id;
    this.#zero = zero;
    this.#merge = merge;
    this.#value = zero;
  }

  get value(): R {
    return this.#value;
  }

  /** Adds a value: in a closure, or in the program itself. */
  add(value: V): void {
    this.#value = this.#merge(this.#value, value);
  }

  /** Starts again from zero. */
  reset(): void {
    this.#value = this.#zero;
  }

  /** @internal Takes over what a task added. */
  absorb(partial: R): void {
    this.#value = this.#merge(this.#value, partial);
  }

  static {
    shipAs(Accumulator.prototype, (accumulator: Accumulator<unknown>) => ({
      kind: 'value',
      reviver: 'accumulator',
      data: { id: accumulator.id, zero: accumulator.#zero, merge: accumulator.#merge },
    }));
  }
}
