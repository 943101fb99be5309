import { captureCallSite } from '../base/call-site.ts';
import { deepCopy } from '../base/deep-copy.ts';
import { defined } from '../base/defined.ts';
import { MillraceError } from '../base/errors.ts';
import { KeyTable } from '../data/columnar/key.ts';
import { compareValues } from '../data/columnar/ordering.ts';
import type { StageLowering } from '../plan/stages/lower.ts';
import type { ActionPlan, NumberStats } from '../plan/stages/task-plan.ts';
import {
  type ActionOptions,
  type FunctionOptions,
  functionToShip,
  RddCore,
  rowsOfValue,
  runPartitions,
} from './rdd-core.ts';

/** Actions: what runs the lineage and gives a value to the program. Each takes `{ signal, pool }` last. */
export abstract class Actions<T> extends RddCore<T> {
  /** Every row, in partition order. They must fit in the program's memory. */
  async collect(options?: ActionOptions): Promise<T[]> {
    const parts = await this.#run('collect', { kind: 'collect' }, options);
    return parts.length === 1 ? (parts[0] as T[]) : (parts.flat(1) as T[]);
  }

  /** The number of rows. Only counts leave the workers. */
  async count(options?: ActionOptions): Promise<number> {
    const parts = await this.#run('count', { kind: 'count' }, options);
    return parts.reduce((sum, [count]) => sum + (count as number), 0);
  }

  /**
   * The first `n` rows in partition order. Computes as few partitions as it can: one, then four times as many, or what the rows seen
   * so far suggest.
   */
  async take(n: number, options?: ActionOptions): Promise<T[]> {
    if (!Number.isInteger(n) || n < 0)
      throw new MillraceError('MR_OPTION_INVALID', `take: n must be an integer of at least 0, got ${String(n)}.`);
    const rows: T[] = [];
    const total = n === 0 ? 0 : this.getNumPartitions();
    let next = 0;
    let width = 1;
    while (rows.length < n && next < total) {
      const partitions = Array.from({ length: Math.min(width, total - next) }, (_, i) => next + i);
      const missing = n - rows.length;
      const parts = await this.#run('take', { kind: 'take', limit: missing }, options, partitions);
      for (const part of parts) rows.push(...(part.slice(0, n - rows.length) as T[]));
      next += partitions.length;
      width =
        rows.length === 0
          ? next * 4
          : Math.max(1, Math.min(next * 4, Math.ceil((1.5 * n * next) / rows.length) - next));
    }
    return rows;
  }

  /** The first row; MR_EMPTY when there is none. */
  async first(options?: ActionOptions): Promise<T> {
    const rows = await this.take(1, options);
    if (rows.length === 0) throw emptyError('first');
    return rows[0] as T;
  }

  /** Whether there is no row at all. */
  async isEmpty(options?: ActionOptions): Promise<boolean> {
    return (await this.take(1, options)).length === 0;
  }

  /** Merges all rows with `merge`, which must be associative and commutative. MR_EMPTY when there is none. */
  async reduce(merge: (a: T, b: T) => T, options?: ActionOptions & FunctionOptions): Promise<T> {
    const ship = functionToShip(merge, 'reduce', captureCallSite(this.reduce), options);
    const plan = (lowering: StageLowering): ActionPlan => ({ kind: 'reduce', merge: lowering.functionIndex(ship) });
    const values = (await this.#runPlan('reduce', plan, options)).flat(1) as T[];
    if (values.length === 0) throw emptyError('reduce');
    return values.reduce((a, b) => merge(a, b));
  }

  /** As reduce, starting from `zero` in every partition and once more at the end, as in Spark: use a neutral element. */
  fold(zero: T, merge: (a: T, b: T) => T, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#aggregate('fold', zero, merge, merge, options);
  }

  /**
   * Folds the rows of each partition into a copy of `zero` with `merge`, then those results with `combine`.
   * `merge` may change and return its first argument.
   */
  aggregate<U>(
    zero: U,
    merge: (state: U, row: T) => U,
    combine: (a: U, b: U) => U,
    options?: ActionOptions & FunctionOptions,
  ): Promise<U> {
    return this.#aggregate('aggregate', zero, merge, combine, options);
  }

  /** Runs `fn` on every row, in the workers, for its effects there; async functions are awaited. */
  async foreach(fn: (row: T) => unknown, options?: ActionOptions & FunctionOptions): Promise<void> {
    const callSite = captureCallSite(this.foreach);
    const node = Object.freeze({
      kind: 'narrow',
      id: this.runner.nextId(),
      operator: 'foreach',
      callSite,
      parent: this.node,
      step: { op: 'foreach', fn: functionToShip(fn, 'foreach', callSite, options) },
      preservesPartitioning: false,
    } as const);
    await this.runner.run({
      name: 'foreach',
      callSite,
      signal: options?.signal,
      pool: options?.pool,
      node,
      plan: () => ({ kind: 'drain' }),
      onValue: () => {},
    });
  }

  /** Runs `fn` once a partition with an iterator over its rows. */
  async foreachPartition(
    fn: (rows: IterableIterator<T>, index: number) => unknown,
    options?: ActionOptions & FunctionOptions,
  ): Promise<void> {
    const ship = functionToShip(fn, 'foreachPartition', captureCallSite(this.foreachPartition), options);
    await this.#runPlan(
      'foreachPartition',
      (lowering) => ({ kind: 'apply', fn: lowering.functionIndex(ship), discard: true }),
      options,
    );
  }

  /** How often each value occurs; values are compared as keys are. */
  async countByValue(options?: ActionOptions): Promise<Map<T, number>> {
    return mergeCounts(await this.#run('countByValue', { kind: 'countBy', of: 'row' }, options)) as Map<T, number>;
  }

  /** How many rows each key has. */
  async countByKey<K>(this: Actions<readonly [K, unknown]>, options?: ActionOptions): Promise<Map<K, number>> {
    return mergeCounts(await this.#run('countByKey', { kind: 'countBy', of: 'key' }, options)) as Map<K, number>;
  }

  /** All pairs as a Map; of equal keys the last one wins. */
  async collectAsMap<K, V>(this: Actions<readonly [K, V]>, options?: ActionOptions): Promise<Map<K, V>> {
    const table = new KeyTable();
    const values: V[] = [];
    for (const [key, value] of await this.collect(options)) values[table.slot(key)] = value;
    return new Map(values.map((value, slot) => [table.keyAt(slot) as K, value]));
  }

  /** The least row in millrace's order of values; MR_EMPTY when there is none. `by` gives what is compared. */
  min(by?: (row: T) => unknown, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#extreme('min', -1, by, options);
  }

  /** The greatest row; see {@link min}. */
  max(by?: (row: T) => unknown, options?: ActionOptions & FunctionOptions): Promise<T> {
    return this.#extreme('max', 1, by, options);
  }

  /** The sum of all rows; 0 when there is none. */
  async sum(this: Actions<number>, options?: ActionOptions): Promise<number> {
    const parts = (await this.#run('sum', { kind: 'stats' }, options)).flat(1) as NumberStats[];
    return parts.reduce((sum, part) => sum + part.sum, 0);
  }

  /** The mean of all rows; 0 when there is none, as in Spark. */
  async mean(this: Actions<number>, options?: ActionOptions): Promise<number> {
    const parts = (await this.#run('mean', { kind: 'stats' }, options)).flat(1) as NumberStats[];
    const count = parts.reduce((all, part) => all + part.count, 0);
    return count === 0 ? 0 : parts.reduce((sum, part) => sum + part.sum, 0) / count;
  }

  /** The values of one key, in partition order. Computes only the partition of the key where the partitioner is known. */
  async lookup<K, V>(this: Actions<readonly [K, V]>, key: K, options?: ActionOptions): Promise<V[]> {
    const partition = this.runner.partitionOfKey(this.node, key);
    const partitions = partition === undefined ? undefined : [partition];
    return (await this.#run('lookup', { kind: 'lookup', key }, options, partitions)).flat(1) as V[];
  }

  /** The rows one partition after the other: no more than one partition is held at a time. */
  async *toLocalIterator(options?: ActionOptions): AsyncGenerator<T, void, undefined> {
    const total = this.getNumPartitions();
    for (let partition = 0; partition < total; partition++) {
      const [rows] = await this.#run('toLocalIterator', { kind: 'collect' }, options, [partition]);
      yield* defined(rows, 'rows') as T[];
    }
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
    const states = (await this.#runPlan(name, plan, options)).flat(1) as U[];
    return states.reduce((a, b) => combine(a, b), deepCopy(zero));
  }

  async #extreme(
    name: string,
    sign: 1 | -1,
    by: ((row: T) => unknown) | undefined,
    options: (ActionOptions & FunctionOptions) | undefined,
  ): Promise<T> {
    const order = by ?? ((row: T): unknown => row);
    const ship = functionToShip(order, name, captureCallSite(this.#extreme), options);
    const plan = (lowering: StageLowering): ActionPlan => ({
      kind: 'extreme',
      by: lowering.functionIndex(ship),
      sign,
    });
    const values = (await this.#runPlan(name, plan, options)).flat(1) as T[];
    if (values.length === 0) throw emptyError(name);
    return values.reduce((best, row) => (sign * compareValues(order(row), order(best)) > 0 ? row : best));
  }

  #run(
    name: string,
    plan: ActionPlan,
    options: ActionOptions | undefined,
    partitions?: readonly number[],
  ): Promise<unknown[][]> {
    return this.#runPlan(name, () => plan, options, partitions);
  }

  #runPlan(
    name: string,
    plan: (lowering: StageLowering) => ActionPlan,
    options: ActionOptions | undefined,
    partitions?: readonly number[],
  ): Promise<unknown[][]> {
    const callSite = captureCallSite(this.#runPlan);
    const { signal, pool } = options ?? {};
    return runPartitions(this, { name, callSite, partitions, signal, pool }, plan, rowsOfValue);
  }
}

function emptyError(action: string): MillraceError {
  return new MillraceError('MR_EMPTY', `${action}: the RDD has no rows. Ask isEmpty() first, or use fold or take.`);
}

/** The counts of all partitions, by value. */
function mergeCounts(parts: readonly (readonly unknown[])[]): Map<unknown, number> {
  const table = new KeyTable();
  const counts: number[] = [];
  for (const part of parts)
    for (const pair of part) {
      const [value, count] = pair as [unknown, number];
      const slot = table.slot(value);
      counts[slot] = (counts[slot] ?? 0) + count;
    }
  return new Map(counts.map((count, slot) => [table.keyAt(slot), count]));
}
