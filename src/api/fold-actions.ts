import { captureCallSite } from '../base/call-site.ts';
import type { FunctionToShip } from '../base/closures/user-function.ts';
import { deepCopy } from '../base/deep-copy.ts';
import { MillraceError } from '../base/errors.ts';
import { compareValues } from '../data/columnar/ordering.ts';
import { CustomPartitioner } from '../plan/lineage/partitioner.ts';
import type { StageLowering } from '../plan/stages/lower.ts';
import type { ActionPlan } from '../plan/stages/task-plan.ts';
import { Actions, checkLimit, emptyError } from './actions.ts';
import { calledHere } from './called-here.ts';
import type { RDD } from './rdd.ts';
import { type ActionOptions, type FunctionOptions, functionToShip } from './rdd-core.ts';

/**
 * How rows are compared: a function of one row gives what is compared, in millrace's order of values (see `sortBy`); one of two rows
 * compares them itself, as for `Array.prototype.sort`. Which of both is seen from the number of parameters.
 */
export type RowOrder<T> = (row: T, other: T) => unknown;

/** Actions that fold all rows into one value or pick rows by their order. */
export abstract class FoldActions<T> extends Actions<T> {
  /**
   * Merges all rows with `merge`, which must be associative and commutative: in each partition, then across.
   * @throws {MillraceError} MR_EMPTY when there is no row
   *
   * @example
   * ```ts
   * console.log(await sc.range(1, 6).reduce((a, b) => a * b)); // 120
   * ```
   */
  async reduce(merge: (a: T, b: T) => T, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#reduce('reduce', merge, options);
  }

  /**
   * As {@link reduce}, starting from a copy of `zero` in every partition and once more at the end, as in Spark: use a neutral element.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([1, 2, 3]).fold(0, (a, b) => a + b)); // 6
   * ```
   */
  fold(zero: T, merge: (a: T, b: T) => T, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#aggregate('fold', zero, merge, merge, options);
  }

  /**
   * Folds the rows of each partition into a copy of `zero` with `merge`, then those results, in partition order, into another copy with
   * `combine`. Both may change and return their first argument.
   *
   * @example
   * ```ts
   * const [sum, count] = await sc.range(5).aggregate(
   *   [0, 0],
   *   ([sum, count], n) => [sum! + n, count! + 1],
   *   (a, b) => [a[0]! + b[0]!, a[1]! + b[1]!],
   * );
   * console.log(sum, count); // 10 5
   * ```
   */
  aggregate<U>(
    zero: U,
    merge: (state: U, row: T) => U,
    combine: (a: U, b: U) => U,
    options?: ActionOptions & FunctionOptions,
  ): Promise<U> {
    return this.#aggregate('aggregate', zero, merge, combine, options);
  }

  /**
   * As {@link reduce}, merging the results of partitions in `depth` rounds in the workers before the program merges the rest: for many
   * partitions with large results. Neighbouring partitions meet, in their order.
   * @throws {MillraceError} MR_EMPTY when there is no row
   *
   * @example
   * ```ts
   * console.log(await sc.range(0, 100, 1, 20).treeReduce((a, b) => a + b)); // 4950
   * ```
   */
  async treeReduce(merge: (a: T, b: T) => T, depth = 2, options?: ActionOptions & FunctionOptions): Promise<T> {
    checkDepth('treeReduce', depth);
    const merged = this.#mergedInRounds('treeReduce', merge, depth, options);
    return merged.#reduce('treeReduce', merge, options);
  }

  /**
   * As {@link aggregate}, combining the results of partitions in `depth` rounds in the workers: see {@link treeReduce}. Each partition
   * starts from a copy of `zero`; the program adds none.
   *
   * @example
   * ```ts
   * const longest = await sc.parallelize(['a', 'abc', 'ab'], 3).treeAggregate(
   *   0,
   *   (most, word) => Math.max(most, word.length),
   *   (a, b) => Math.max(a, b),
   * );
   * console.log(longest); // 3
   * ```
   */
  async treeAggregate<U>(
    zero: U,
    merge: (state: U, row: T) => U,
    combine: (a: U, b: U) => U,
    depth = 2,
    options?: ActionOptions & FunctionOptions,
  ): Promise<U> {
    checkDepth('treeAggregate', depth);
    const callSite = captureCallSite(this.treeAggregate);
    const folded = this.step<U>(
      'treeAggregate',
      {
        op: 'foldPartition',
        zero: functionToShip(() => zero, 'treeAggregate', callSite),
        merge: functionToShip(merge, 'treeAggregate', callSite, options),
      },
      false,
    );
    if (folded.getNumPartitions() === 0) return deepCopy(zero);
    const combined = folded.#mergedInRounds('treeAggregate', combine, depth, options);
    return combined.#reduce('treeAggregate', combine, options);
  }

  /**
   * The least row, of equal ones the first. Numbers are compared by value, NaN greatest; see `sortBy`.
   *
   * @param by what is compared, or a comparison of two rows: see {@link RowOrder}
   * @throws {MillraceError} MR_EMPTY when there is no row
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['ccc', 'a', 'bb']).min((word) => -word.length)); // 'ccc'
   * ```
   */
  min(by?: RowOrder<T>, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#extreme('min', -1, by, options);
  }

  /**
   * The greatest row, of equal ones the first; see {@link min}.
   * @throws {MillraceError} MR_EMPTY when there is no row
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([2, 10, 3]).max()); // 10
   * console.log(await sc.parallelize([2, 10, 3]).max((a, b) => String(a).localeCompare(String(b)))); // 3
   * ```
   */
  max(by?: RowOrder<T>, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#extreme('max', 1, by, options);
  }

  /**
   * The greatest `n` rows, greatest first. Each worker keeps no more than about `n` rows; for very many, use `sortBy`.
   *
   * @param by what is compared, or a comparison of two rows: see {@link RowOrder}
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([4, 9, 1, 7]).top(2)); // [9, 7]
   * ```
   */
  top(n: number, by?: RowOrder<T>, options?: ActionOptions & FunctionOptions): Promise<T[]> {
    return this.#ordered('top', -1, n, by, options);
  }

  /**
   * The least `n` rows, least first; of equal ones the earlier first. NaN comes after all other numbers.
   *
   * @param by what is compared, or a comparison of two rows: see {@link RowOrder}
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([4, 9, 1, 7]).takeOrdered(2)); // [1, 4]
   * console.log(await sc.parallelize([4, 9, 1, 7]).takeOrdered(2, (n) => -n)); // [9, 7]
   * ```
   */
  takeOrdered(n: number, by?: RowOrder<T>, options?: ActionOptions & FunctionOptions): Promise<T[]> {
    return this.#ordered('takeOrdered', 1, n, by, options);
  }

  async #reduce(
    name: string,
    merge: (a: T, b: T) => T,
    options: (ActionOptions & FunctionOptions) | undefined,
  ): Promise<T> {
    const callSite = captureCallSite(this.#reduce);
    const ship = functionToShip(merge, name, callSite, options);
    const plan = (lowering: StageLowering): ActionPlan => ({ kind: 'reduce', merge: lowering.functionIndex(ship) });
    const values = (await this.runPlan(name, plan, options)).flat(1) as T[];
    if (values.length === 0) throw emptyError(name);
    const mergeHere = calledHere(merge, name, callSite);
    return values.reduce((a, b) => mergeHere(a, b));
  }

  async #aggregate<U>(
    name: string,
    zero: U,
    merge: (state: U, row: T) => U,
    combine: (a: U, b: U) => U,
    options: (ActionOptions & FunctionOptions) | undefined,
  ): Promise<U> {
    const callSite = captureCallSite(this.#aggregate);
    const ship = functionToShip(merge, name, callSite, options);
    const shipZero = functionToShip(() => zero, name, callSite);
    const plan = (lowering: StageLowering): ActionPlan => ({
      kind: 'aggregate',
      zero: lowering.functionIndex(shipZero),
      merge: lowering.functionIndex(ship),
    });
    const combineHere = calledHere(combine, name, callSite);
    const start = deepCopy(zero);
    const states = (await this.runPlan(name, plan, options)).flat(1) as U[];
    return states.reduce((a, b) => combineHere(a, b), start);
  }

  /**
   * Rows merged until few partitions are left, at most `depth - 1` times: each time those of neighbouring partitions meet.
   * @see Spark's RDD.treeAggregate
   */
  #mergedInRounds(
    operator: string,
    merge: (a: T, b: T) => T,
    depth: number,
    options: FunctionOptions | undefined,
  ): RDD<T> {
    const callSite = captureCallSite(this.#mergedInRounds);
    let rows = this.self();
    let partitions = rows.getNumPartitions();
    const scale = Math.max(2, Math.ceil(partitions ** (1 / depth)));
    while (partitions > scale + Math.ceil(partitions / scale)) {
      const from = partitions;
      const to = Math.floor(partitions / scale);
      partitions = to;
      const keyed = rows.partitionwise<[number, T]>(
        operator,
        function* (items: IterableIterator<T>, index: number): Iterable<[number, T]> {
          const group = Math.floor((index * to) / from);
          for (const item of items) yield [group, item];
        },
        undefined,
        false,
      );
      const reducer = { kind: 'reduce', merge: functionToShip(merge, operator, callSite, options) } as const;
      rows = keyed
        .shuffled<[number, T]>(operator, new CustomPartitioner(to, (group: number) => group), reducer)
        .step<T>(operator, { op: 'values' }, false);
    }
    return rows;
  }

  async #extreme(
    name: string,
    sign: 1 | -1,
    by: RowOrder<T> | undefined,
    options: (ActionOptions & FunctionOptions) | undefined,
  ): Promise<T> {
    const { ship, isComparison, compare } = shippedOrder(name, by, options);
    const plan = (lowering: StageLowering): ActionPlan => ({
      kind: 'extreme',
      by: lowering.functionIndex(ship),
      isComparison,
      sign,
    });
    const values = (await this.runPlan(name, plan, options)).flat(1) as T[];
    if (values.length === 0) throw emptyError(name);
    return values.reduce((best, row) => (sign * compare(row, best) > 0 ? row : best));
  }

  async #ordered(
    name: string,
    sign: 1 | -1,
    limit: number,
    by: RowOrder<T> | undefined,
    options: (ActionOptions & FunctionOptions) | undefined,
  ): Promise<T[]> {
    checkLimit(name, limit);
    const { ship, isComparison, compare } = shippedOrder(name, by, options);
    if (limit <= 0) return [];
    const plan = (lowering: StageLowering): ActionPlan => ({
      kind: 'ordered',
      by: lowering.functionIndex(ship),
      isComparison,
      sign,
      limit,
    });
    const rows = (await this.runPlan(name, plan, options)).flat(1) as T[];
    return rows.sort((a, b) => sign * compare(a, b)).slice(0, limit);
  }
}

interface ShippedOrder<T> {
  readonly ship: FunctionToShip;
  readonly isComparison: boolean;
  compare(a: T, b: T): number;
}

function shippedOrder<T>(
  name: string,
  by: RowOrder<T> | undefined,
  options: FunctionOptions | undefined,
): ShippedOrder<T> {
  const order = by ?? ((row: T): unknown => row);
  const callSite = captureCallSite(shippedOrder);
  const ship = functionToShip(order, name, callSite, options);
  const isComparison = order.length >= 2;
  const orderHere = calledHere(order, name, callSite);
  const keyOf = orderHere as (row: T) => unknown;
  const compare = isComparison
    ? (a: T, b: T): number => Number(orderHere(a, b))
    : (a: T, b: T): number => compareValues(keyOf(a), keyOf(b));
  return { ship, isComparison, compare };
}

function checkDepth(operator: string, depth: number): void {
  if (!Number.isInteger(depth) || depth < 1)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: depth must be an integer of at least 1, got ${String(depth)}.`,
    );
}
