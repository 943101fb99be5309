import { MillraceError } from '../base/errors.ts';
import {
  type DistinctSketch,
  estimateDistinct,
  mergeSketches,
  newSketch,
  sketchPrecision,
} from '../data/columnar/distinct-sketch.ts';
import { compareValues } from '../data/columnar/ordering.ts';
import type { NumberStats } from '../plan/stages/task-plan.ts';
import { emptyError } from './actions.ts';
import { FoldActions } from './fold-actions.ts';
import type { ActionOptions } from './rdd-core.ts';
import { StatCounter } from './stat-counter.ts';

/** Bounds and how many rows are in each bucket between two of them. */
export type Histogram<B> = [bounds: B[], counts: number[]];

/** Actions on rows that are numbers, and estimates. */
export abstract class NumberActions<T> extends FoldActions<T> {
  /**
   * The sum of all rows; 0 when there is none.
   * @throws {MillraceError} MR_SCHEMA if a row is no number
   *
   * @example
   * ```ts
   * console.log(await sc.range(5).sum()); // 10
   * ```
   */
  async sum(this: NumberActions<number>, options?: ActionOptions): Promise<number> {
    return (await this.#stats('sum', options)).sum;
  }

  /**
   * The mean of all rows; 0 when there is none, as in Spark.
   *
   * @example
   * ```ts
   * console.log(await sc.range(5).mean()); // 2
   * ```
   */
  async mean(this: NumberActions<number>, options?: ActionOptions): Promise<number> {
    const { sum, count } = await this.#stats('mean', options);
    return count === 0 ? 0 : sum / count;
  }

  /**
   * Count, sum, mean, variance, minimum and maximum in one pass.
   *
   * @example
   * ```ts
   * const stats = await sc.parallelize([1, 2, 3, 4]).stats();
   * console.log(stats.count, stats.min, stats.stdev); // 4 1 1.118033988749895
   * ```
   */
  async stats(this: NumberActions<number>, options?: ActionOptions): Promise<StatCounter> {
    return this.#stats('stats', options);
  }

  /**
   * The variance of the rows: the mean square of their differences from the mean. NaN when there is none.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([1, 2, 3, 4]).variance()); // 1.25
   * ```
   */
  async variance(this: NumberActions<number>, options?: ActionOptions): Promise<number> {
    return (await this.#stats('variance', options)).variance;
  }

  /**
   * The standard deviation of the rows: the square root of {@link variance}.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([2, 4]).stdev()); // 1
   * ```
   */
  async stdev(this: NumberActions<number>, options?: ActionOptions): Promise<number> {
    return (await this.#stats('stdev', options)).stdev;
  }

  /**
   * The variance of what the rows are a sample of: divides by the count less one. NaN for fewer than two rows.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([2, 4]).sampleVariance()); // 2
   * ```
   */
  async sampleVariance(this: NumberActions<number>, options?: ActionOptions): Promise<number> {
    return (await this.#stats('sampleVariance', options)).sampleVariance;
  }

  /**
   * The square root of {@link sampleVariance}.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize([1, 3, 5]).sampleStdev()); // 2
   * ```
   */
  async sampleStdev(this: NumberActions<number>, options?: ActionOptions): Promise<number> {
    return (await this.#stats('sampleStdev', options)).sampleStdev;
  }

  /**
   * How many rows are in each bucket: `[bounds, counts]`. A bucket includes its lower bound; only the last includes its upper one too.
   *
   * A number of buckets divides the range from the least to the greatest row evenly (one more pass finds it); rows that are all alike
   * are one bucket. Bounds may be of any type that has an order; null, NaN and what lies outside of them is not counted.
   *
   * @throws {MillraceError} MR_EMPTY for a number of buckets without rows, MR_SCHEMA with rows that are NaN or infinite,
   *   MR_OPTION_INVALID for bounds that are fewer than two, not sorted, or double
   *
   * @example
   * ```ts
   * console.log(await sc.range(51).histogram(2)); // [[0, 25, 50], [25, 26]]
   * console.log(await sc.range(51).histogram([0, 5, 25, 50])); // [[0, 5, 25, 50], [5, 20, 26]]
   * ```
   */
  async histogram(this: NumberActions<number>, buckets: number, options?: ActionOptions): Promise<Histogram<number>>;
  async histogram(bounds: readonly T[], options?: ActionOptions): Promise<Histogram<T>>;
  async histogram(buckets: number | readonly unknown[], options?: ActionOptions): Promise<Histogram<unknown>> {
    const own = this.inOneGroup(options);
    const bounds = typeof buckets === 'number' ? await this.#evenBounds(buckets, own) : checkedBounds(buckets);
    const parts = (await this.runPlan('histogram', { kind: 'histogram', bounds }, own)).flat(1) as number[][];
    const counts = Array.from({ length: bounds.length - 1 }, (_, bucket) =>
      parts.reduce((sum, part) => sum + (part[bucket] ?? 0), 0),
    );
    return [bounds, counts];
  }

  /**
   * About how many different rows there are, by a HyperLogLog sketch of some kilobytes a partition.
   *
   * @param relativeSD the relative standard deviation of the estimate, at least 0.001: smaller takes more memory
   *
   * @example
   * ```ts
   * console.log(await sc.range(10_000).map((n) => n % 100).countApproxDistinct(0.01)); // about 100
   * ```
   */
  async countApproxDistinct(relativeSD = 0.05, options?: ActionOptions): Promise<number> {
    const precision = checkedPrecision('countApproxDistinct', relativeSD);
    const sketches = await this.step<DistinctSketch>(
      'countApproxDistinct',
      { op: 'builtIn', operation: { kind: 'sketch', precision, of: 'rows' } },
      false,
    ).collect(options);
    return estimateDistinct(sketches.reduce(mergeSketches, newSketch(precision)));
  }

  async #stats(action: string, options: ActionOptions | undefined): Promise<StatCounter> {
    return StatCounter.ofParts((await this.runPlan(action, { kind: 'stats' }, options)).flat(1) as NumberStats[]);
  }

  async #evenBounds(buckets: number, options: ActionOptions | undefined): Promise<number[]> {
    if (!Number.isInteger(buckets) || buckets < 1)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `histogram: needs at least 1 bucket, got ${buckets}. Or give the sorted bounds of the buckets.`,
      );
    const { count, min, max } = await this.#stats('histogram', options);
    if (count === 0) throw emptyError('histogram');
    if (!Number.isFinite(min) || !Number.isFinite(max))
      throw new MillraceError(
        'MR_SCHEMA',
        'histogram: rows that are NaN or infinite have no even buckets. Filter them out, or give the bounds.',
      );
    if (min === max) return [min, max];
    const bounds = Array.from({ length: buckets }, (_, bucket) => min + (bucket * (max - min)) / buckets);
    return [...bounds, max];
  }
}

export function checkedPrecision(operator: string, relativeSD: number): number {
  if (typeof relativeSD === 'number' && relativeSD >= 0.001 && relativeSD < Number.POSITIVE_INFINITY)
    return sketchPrecision(relativeSD);
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `${operator}: relativeSD must be a number of at least 0.001, got ${String(relativeSD)}. For an exact count use distinct().count().`,
  );
}

function checkedBounds(bounds: readonly unknown[]): unknown[] {
  const isAscending = (bound: unknown, index: number): boolean =>
    index === 0 || compareValues(bounds[index - 1], bound) < 0;
  if (Array.isArray(bounds) && bounds.length >= 2 && bounds.every(isAscending)) return [...bounds];
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `histogram: the bounds must be at least two, sorted, and no two alike, got ${String(bounds)}.`,
  );
}
