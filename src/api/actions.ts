import { captureCallSite } from '../base/call-site.ts';
import { defined } from '../base/defined.ts';
import { MillraceError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { KeyTable } from '../data/columnar/key.ts';
import { pairOf } from '../data/columnar/pair.ts';
import type { StageLowering } from '../plan/stages/lower.ts';
import type { ActionPlan } from '../plan/stages/task-plan.ts';
import { NodeBuilder } from './node-builder.ts';
import {
  type ActionOptions,
  checkActionOptions,
  type FunctionOptions,
  functionToShip,
  rowsOfValue,
  runPartitions,
} from './rdd-core.ts';
import { randomSeed, sampleOperation, sampleSizeFraction } from './sampling.ts';

/** Actions: what runs the lineage and gives a value to the program. Each takes `{ signal, pool }` last. */
export abstract class Actions<T> extends NodeBuilder<T> {
  /**
   * Every row, in partition order. They must fit in the program's memory.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([3, 1, 2]).map((n) => n * 10).collect()); // [30, 10, 20]
   * ```
   */
  async collect(options?: ActionOptions): Promise<T[]> {
    const parts = await this.runPlan('collect', { kind: 'collect' }, options);
    return parts.length === 1 ? (parts[0] as T[]) : (parts.flat(1) as T[]);
  }

  /**
   * The number of rows. Only counts leave the workers.
   *
   * @example
   * ```ts
   * console.log(await sc.range(1000).filter((n) => n % 3 === 0).count()); // 334
   * ```
   */
  async count(options?: ActionOptions): Promise<number> {
    const parts = await this.runPlan('count', { kind: 'count' }, options);
    return parts.reduce((sum, [count]) => sum + (count as number), 0);
  }

  /**
   * The first `n` rows in partition order, none where `n` is 0 or less. Computes as few partitions as it can: one, then four times as many, or what the rows seen
   * so far suggest.
   *
   * @example
   * ```ts
   * console.log(await sc.range(0, 1e9).map((n) => n * n).take(3)); // [0, 1, 4]
   * ```
   */
  async take(n: number, options?: ActionOptions): Promise<T[]> {
    checkLimit('take', n);
    const own = this.inOneGroup(options);
    const rows: T[] = [];
    const total = n <= 0 ? 0 : this.getNumPartitions();
    let next = 0;
    let width = 1;
    while (rows.length < n && next < total) {
      const partitions = Array.from({ length: Math.min(width, total - next) }, (_, i) => next + i);
      const missing = n - rows.length;
      const parts = await this.runPlan('take', { kind: 'take', limit: missing }, own, partitions);
      for (const part of parts) for (const row of part.slice(0, n - rows.length)) rows.push(row as T);
      next += partitions.length;
      width =
        rows.length === 0
          ? next * 4
          : Math.max(1, Math.min(next * 4, Math.ceil((1.5 * n * next) / rows.length) - next));
    }
    return rows;
  }

  /**
   * The first row.
   * @throws {MillraceError} MR_EMPTY when there is none
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['a', 'b']).first()); // 'a'
   * ```
   */
  async first(options?: ActionOptions): Promise<T> {
    const rows = await this.take(1, options);
    if (rows.length === 0) throw emptyError('first');
    return rows[0] as T;
  }

  /**
   * Whether there is no row at all. Computes as few partitions as {@link take}.
   *
   * @example
   * ```ts
   * console.log(await sc.range(10).filter((n) => n > 10).isEmpty()); // true
   * ```
   */
  async isEmpty(options?: ActionOptions): Promise<boolean> {
    return (await this.take(1, options)).length === 0;
  }

  /**
   * `n` rows drawn at random, in random order; without replacement no more than there are. Counts the rows first.
   * The same seed over the same partitions draws the same rows.
   *
   * @example
   * ```ts
   * const drawn = await sc.range(100).takeSample(false, 5, 42);
   * console.log(drawn.length, new Set(drawn).size); // 5 5
   * ```
   */
  async takeSample(
    withReplacement: boolean,
    n: number,
    seed: number = randomSeed(),
    options?: ActionOptions,
  ): Promise<T[]> {
    checkLimit('takeSample', n);
    if (n < 0) throw new MillraceError('MR_OPTION_INVALID', `takeSample: n must be at least 0, got ${n}.`);
    const operation = sampleOperation('takeSample', withReplacement, 0, seed);
    const own = this.inOneGroup(options);
    const total = n === 0 ? 0 : await this.count(own);
    if (total === 0) return [];
    const random = new Random(seed);
    if (!withReplacement && n >= total) return shuffledRows(await this.collect(own), random);
    const fraction = sampleSizeFraction(withReplacement, n, total);
    for (;;) {
      const drawn = { ...operation, fraction, seed: random.nextUint32() };
      const rows = await this.step<T>('takeSample', { op: 'builtIn', operation: drawn }, true).collect(own);
      if (rows.length >= n) return shuffledRows(rows, random).slice(0, n);
    }
  }

  /**
   * Runs `fn` on every row, in the workers, for its effects there; async functions are awaited. Nothing comes back but what
   * accumulators count.
   *
   * @example
   * ```ts
   * const sum = sc.accumulator(0);
   * await sc.range(5).foreach((n) => sum.add(n));
   * console.log(sum.value); // 10
   * ```
   */
  async foreach(fn: (row: T) => unknown, options?: ActionOptions & FunctionOptions): Promise<void> {
    await this.narrow<never>('foreach', fn, options, false).runPlan('foreach', { kind: 'drain' }, options);
  }

  /**
   * Runs `fn` once a partition with an iterator over its rows, and the partition's index.
   *
   * @example
   * ```ts
   * const partitions = sc.accumulator(0);
   * await sc.range(0, 100, 1, 4).foreachPartition(() => partitions.add(1));
   * console.log(partitions.value); // 4
   * ```
   */
  async foreachPartition(
    fn: (rows: IterableIterator<T>, index: number) => unknown,
    options?: ActionOptions & FunctionOptions,
  ): Promise<void> {
    const ship = functionToShip(fn, 'foreachPartition', captureCallSite(this.foreachPartition), options);
    const plan = (lowering: StageLowering): ActionPlan => ({
      kind: 'apply',
      fn: lowering.functionIndex(ship),
      discard: true,
    });
    await this.runPlan('foreachPartition', plan, options);
  }

  /**
   * How often each value occurs; values are compared as keys are.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['a', 'b', 'a']).countByValue()); // Map { 'a' => 2, 'b' => 1 }
   * ```
   */
  async countByValue(options?: ActionOptions): Promise<Map<T, number>> {
    return mergeCounts(await this.runPlan('countByValue', { kind: 'countBy', of: 'row' }, options)) as Map<T, number>;
  }

  /**
   * How many rows each key has.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 1], ['b', 1], ['a', 1]]);
   * console.log(await pairs.countByKey()); // Map { 'a' => 2, 'b' => 1 }
   * ```
   */
  async countByKey<K>(this: Actions<readonly [K, unknown]>, options?: ActionOptions): Promise<Map<K, number>> {
    return mergeCounts(await this.runPlan('countByKey', { kind: 'countBy', of: 'key' }, options)) as Map<K, number>;
  }

  /**
   * All pairs as a Map; of equal keys the last one wins.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 1], ['b', 2], ['a', 3]]);
   * console.log(await pairs.collectAsMap()); // Map { 'a' => 3, 'b' => 2 }
   * ```
   */
  async collectAsMap<K, V>(this: Actions<readonly [K, V]>, options?: ActionOptions): Promise<Map<K, V>> {
    const table = new KeyTable();
    const values: V[] = [];
    for (const row of await this.collect(options)) {
      const [key, value] = pairOf(row);
      values[table.slot(key)] = value as V;
    }
    return new Map(values.map((value, slot) => [table.keyAt(slot) as K, value]));
  }

  /**
   * The values of one key, in partition order. Computes only the partition of the key where the partitioner is known.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize<[string, number]>([['a', 1], ['b', 2], ['a', 3]]);
   * console.log(await pairs.lookup('a')); // [1, 3]
   * ```
   */
  async lookup<K, V>(this: Actions<readonly [K, V]>, key: K, options?: ActionOptions): Promise<V[]> {
    const partition = this.runner.partitionOfKey(this.node, key);
    const partitions = partition === undefined ? undefined : [partition];
    return (await this.runPlan('lookup', { kind: 'lookup', key }, options, partitions)).flat(1) as V[];
  }

  /**
   * The rows one partition after the other: no more than one partition is held at a time.
   *
   * @example
   * ```ts
   * for await (const n of sc.range(3).toLocalIterator()) console.log(n); // 0, 1, 2
   * ```
   */
  async *toLocalIterator(options?: ActionOptions): AsyncGenerator<T, void, undefined> {
    const total = this.getNumPartitions();
    const own = this.inOneGroup(options);
    for (let partition = 0; partition < total; partition++) {
      const [rows] = await this.runPlan('toLocalIterator', { kind: 'collect' }, own, [partition]);
      yield* defined(rows, 'rows') as T[];
    }
  }

  /** @internal The options of an action that runs several times: all of them in the group that is set now. */
  inOneGroup(options: ActionOptions | undefined): ActionOptions {
    return { ...options, group: options?.group ?? this.runner.groups.current };
  }

  /** @internal Runs an action and gives the values of each partition, in partition order. */
  runPlan(
    name: string,
    plan: ActionPlan | ((lowering: StageLowering) => ActionPlan),
    options: ActionOptions | undefined,
    partitions?: readonly number[],
  ): Promise<unknown[][]> {
    const callSite = captureCallSite(this.runPlan);
    checkActionOptions(name, options);
    const { signal, pool, group } = options ?? {};
    const planOf = typeof plan === 'function' ? plan : (): ActionPlan => plan;
    return runPartitions(this, { name, callSite, partitions, signal, pool, group }, planOf, rowsOfValue);
  }
}

export function emptyError(action: string): MillraceError {
  return new MillraceError('MR_EMPTY', `${action}: the RDD has no rows. Ask isEmpty() first, or use fold or take.`);
}

/** How many rows were asked for: none below 0, as in Spark. */
export function checkLimit(action: string, n: number): void {
  if (!Number.isInteger(n))
    throw new MillraceError('MR_OPTION_INVALID', `${action}: n must be an integer, got ${String(n)}.`);
}

/** Fisher and Yates; changes and returns `rows`. */
function shuffledRows<T>(rows: T[], random: Random): T[] {
  for (let last = rows.length - 1; last > 0; last--) {
    const at = random.nextInt(last + 1);
    const row = rows[last] as T;
    rows[last] = rows[at] as T;
    rows[at] = row;
  }
  return rows;
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
