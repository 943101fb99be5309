import { shipAs } from '../base/closures/shippable.ts';
import { deepCopy } from '../base/deep-copy.ts';

/** How an accumulator adds up: what a value becomes before it is merged, and merging of two states, of which it may change the first. */
export interface Accumulation<V, S> {
  readonly zero: S;
  readonly stateOf: ((value: V) => S) | undefined;
  readonly merge: (state: S, other: S) => S;
}

/** What all accumulators share: the state, and how it travels into closures. */
export abstract class AccumulatorBase<V, S> {
  readonly id: number;
  /** The name given when it was made, for people. */
  readonly name: string | undefined;
  readonly #how: Accumulation<V, S>;
  #state: S;

  /** @internal Made by the context. */
  constructor(id: number, name: string | undefined, how: Accumulation<V, S>) {
    this.id = id;
    this.name = name;
    this.#how = how;
    this.#state = deepCopy(how.zero);
  }

  /**
   * Adds a value: in a closure, or in the program itself.
   *
   * @example
   * ```ts
   * const rows = sc.accumulator(0);
   * rows.add(5);
   * console.log(rows.value); // 5
   * ```
   */
  add(value: V): void {
    const { stateOf } = this.#how;
    this.absorb(stateOf === undefined ? (value as unknown as S) : stateOf(value));
  }

  /**
   * Starts again from zero.
   *
   * @example
   * ```ts
   * const rows = sc.accumulator(0);
   * rows.add(5);
   * rows.reset();
   * console.log(rows.value); // 0
   * ```
   */
  reset(): void {
    this.#state = deepCopy(this.#how.zero);
  }

  /** @internal Takes over what a task added. */
  absorb(partial: S): void {
    this.#state = this.#how.merge(this.#state, partial);
  }

  /** @internal */
  get state(): S {
    return this.#state;
  }

  static {
    shipAs(AccumulatorBase.prototype, (accumulator: AccumulatorBase<unknown, unknown>) => {
      const { zero, stateOf, merge } = accumulator.#how;
      return { kind: 'value', reviver: 'accumulator', data: { id: accumulator.id, zero, stateOf, merge } };
    });
  }
}

/**
 * A value that tasks add to and the program reads: counters, sums, sets. Each committed task counts once, whatever was retried,
 * recomputed or run twice. Tasks cannot read it.
 *
 * @typeParam V what is added
 * @typeParam R what it amounts to
 *
 * @example
 * ```ts
 * const longest = sc.accumulator('', (a, b) => (b.length > a.length ? b : a));
 * await sc.parallelize(['a', 'abc', 'ab']).foreach((word) => longest.add(word));
 * console.log(longest.value); // 'abc'
 * ```
 */
export class Accumulator<V, R = V> extends AccumulatorBase<V, R> {
  /**
   * What was added so far. Tasks cannot ask: they only add.
   *
   * @example
   * ```ts
   * const words = sc.accumulator(new Set<string>(), (a, b) => new Set([...a, ...b]));
   * await sc.parallelize(['a', 'b', 'a']).foreach((word) => words.add(new Set([word])));
   * console.log(words.value.size); // 2
   * ```
   */
  get value(): R {
    return this.state;
  }
}

interface NumberState {
  readonly sum: number;
  readonly count: number;
}

/**
 * An accumulator of numbers that knows their sum, count and mean: `sc.longAccumulator` and `sc.doubleAccumulator`.
 *
 * @example
 * ```ts
 * const seconds = sc.doubleAccumulator('seconds');
 * await sc.parallelize([0.5, 1.5]).foreach((n) => seconds.add(n));
 * console.log(seconds.sum, seconds.count, seconds.avg); // 2 2 1
 * ```
 */
export class NumberAccumulator extends AccumulatorBase<number, NumberState> {
  /** @internal */
  constructor(id: number, name: string | undefined, check: (value: number) => void) {
    super(id, name, {
      zero: { sum: 0, count: 0 },
      stateOf: (value) => {
        check(value);
        return { sum: value, count: 1 };
      },
      merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
    });
  }

  /** The sum. */
  get value(): number {
    return this.state.sum;
  }

  /** The sum; 0 when nothing was added. */
  get sum(): number {
    return this.state.sum;
  }

  /** How many numbers were added. */
  get count(): number {
    return this.state.count;
  }

  /** The mean; NaN when nothing was added. */
  get avg(): number {
    return this.state.sum / this.state.count;
  }

  /** Whether nothing was added. */
  get isZero(): boolean {
    return this.state.count === 0;
  }
}

/** Carried into the workers: imports nothing. */
export function checkWhole(value: unknown): void {
  if (!Number.isInteger(value))
    throw new TypeError(`a longAccumulator adds whole numbers, got ${String(value)}. Use sc.doubleAccumulator.`);
}

/** Carried into the workers: imports nothing. */
export function checkNumber(value: unknown): void {
  if (typeof value !== 'number')
    throw new TypeError(`a doubleAccumulator adds numbers, got ${value === null ? 'null' : typeof value}.`);
}

/** How values are gathered in a list. */
export const collecting: Accumulation<unknown, unknown[]> = {
  zero: [],
  stateOf: (value) => [value],
  merge: (list, others) => {
    for (const value of others) list.push(value);
    return list;
  },
};
