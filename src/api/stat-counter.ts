import type { NumberStats } from '../plan/stages/task-plan.ts';

const none: NumberStats = {
  count: 0,
  sum: 0,
  mean: 0,
  m2: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
};

/**
 * Count, sum, mean, variance, minimum and maximum of numbers, found in one pass; those of two sets merge into those of both.
 * Without numbers the mean is 0, the variances are NaN, the minimum is Infinity and the maximum -Infinity, as in Spark.
 *
 * @see Spark's StatCounter; Chan et al., Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979
 *
 * @example
 * ```ts
 * const stats = await sc.parallelize([1, 2, 3, 4]).stats();
 * console.log(stats.count, stats.mean, stats.variance, stats.max); // 4 2.5 1.25 4
 * ```
 */
export class StatCounter {
  readonly count: number;
  readonly sum: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Sum of squared differences from the mean. */
  readonly #m2: number;

  /** @internal Made by `stats` and {@link of}. */
  constructor({ count, sum, mean, m2, min, max }: NumberStats) {
    this.count = count;
    this.sum = sum;
    this.mean = mean;
    this.min = min;
    this.max = max;
    this.#m2 = m2;
  }

  /**
   * Of numbers in the program.
   *
   * @example
   * ```ts
   * import { StatCounter } from 'millrace';
   * console.log(StatCounter.of([1, 2, 3]).mean); // 2
   * ```
   */
  static of(values: Iterable<number>): StatCounter {
    let stats = none;
    for (const value of values)
      stats = mergeStats(stats, { count: 1, sum: value, mean: value, m2: 0, min: value, max: value });
    return new StatCounter(stats);
  }

  /** @internal Of the numbers of all partitions, in their order. */
  static ofParts(parts: readonly NumberStats[]): StatCounter {
    return new StatCounter(parts.reduce(mergeStats, none));
  }

  /**
   * The mean square of the differences from the mean: their sum divided by the count.
   *
   * @example
   * ```ts
   * import { StatCounter } from 'millrace';
   * console.log(StatCounter.of([2, 4]).variance); // 1
   * ```
   */
  get variance(): number {
    return this.count === 0 ? Number.NaN : this.#m2 / this.count;
  }

  /**
   * The variance of what the numbers are a sample of: divided by the count less one; NaN for fewer than two.
   *
   * @example
   * ```ts
   * import { StatCounter } from 'millrace';
   * console.log(StatCounter.of([2, 4]).sampleVariance); // 2
   * ```
   */
  get sampleVariance(): number {
    return this.count < 2 ? Number.NaN : this.#m2 / (this.count - 1);
  }

  /**
   * The square root of {@link variance}.
   *
   * @example
   * ```ts
   * import { StatCounter } from 'millrace';
   * console.log(StatCounter.of([2, 4]).stdev); // 1
   * ```
   */
  get stdev(): number {
    return Math.sqrt(this.variance);
  }

  /**
   * The square root of {@link sampleVariance}.
   *
   * @example
   * ```ts
   * import { StatCounter } from 'millrace';
   * console.log(StatCounter.of([1, 3, 5]).sampleStdev); // 2
   * ```
   */
  get sampleStdev(): number {
    return Math.sqrt(this.sampleVariance);
  }

  /**
   * Of the numbers of both. Changes neither.
   *
   * @example
   * ```ts
   * import { StatCounter } from 'millrace';
   * console.log(StatCounter.of([1, 2]).merge(StatCounter.of([3])).count); // 3
   * ```
   */
  merge(other: StatCounter): StatCounter {
    return new StatCounter(mergeStats(this.#stats, other.#stats));
  }

  get #stats(): NumberStats {
    const { count, sum, mean, min, max } = this;
    return { count, sum, mean, m2: this.#m2, min, max };
  }

  toString(): string {
    const { count, mean, stdev, max, min } = this;
    return `(count: ${count}, mean: ${mean}, stdev: ${stdev}, max: ${max}, min: ${min})`;
  }
}

function mergeStats(a: NumberStats, b: NumberStats): NumberStats {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  return {
    count,
    sum: a.sum + b.sum,
    mean: a.mean + (delta * b.count) / count,
    m2: a.m2 + b.m2 + (delta * delta * a.count * b.count) / count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}
