import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import { checkKnownOptions } from '../data/io/known-options.ts';
import type { DeferredPartitioner } from '../plan/lineage/partitioner.ts';
import { hashInto, type Partitions, partitionerOf } from './node-builder.ts';
import { Persistence } from './persistence.ts';
import { type PipeOptions, pipeThrough, splitCommand } from './pipe.ts';
import type { RDD } from './rdd.ts';
import { type FunctionOptions, functionToShip } from './rdd-core.ts';
import { checkSeed, randomSeed, sampleOperation } from './sampling.ts';

/** The partitions of the first RDD, whatever the others have. */
export const asFirst: DeferredPartitioner = { kind: 'deferred', of: 'hash', ascending: true, parents: 'first' };

/** What a function over the same partition of several RDDs gives: rows of the new partition. */
type Rows<U> = Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>;

/** Transformations that combine RDDs, number, draw or pipe rows: each adds to the lineage and runs nothing. */
export abstract class Combinations<T> extends Persistence<T> {
  /**
   * The rows of this RDD and then of the others, doubles kept. Narrow. RDDs with the same partitioner keep it: then partition i of the
   * result is the partitions i of all.
   *
   * @example
   * ```ts
   * console.log(await sc.range(2).union(sc.range(3)).collect()); // [0, 1, 0, 1, 2]
   * ```
   */
  union(...others: readonly RDD<T>[]): RDD<T> {
    return this.withNode('union', { kind: 'union', parents: this.nodesWith('union', others) });
  }

  /**
   * The different rows that both RDDs have, compared by value. Wide.
   *
   * @example
   * ```ts
   * const both = sc.parallelize([1, 1, 2, 3]).intersection(sc.parallelize([1, 3, 3, 4]));
   * console.log(await both.sortBy((n) => n).collect()); // [1, 3]
   * ```
   */
  intersection(other: RDD<T>, partitions?: Partitions): RDD<T> {
    this.nodesWith('intersection', [other]);
    const left = this.step<[T, null]>('intersection', { op: 'asKey' }, false);
    const right = other.step<[T, null]>('intersection', { op: 'asKey' }, false);
    return left
      .cogrouped<[T, null]>('intersection', [right], partitionerOf('intersection', partitions), 'leftSemi')
      .shuffled<[T, null]>('intersection', hashInto('intersection', undefined), { kind: 'distinct' })
      .step<T>('intersection', { op: 'keys' }, false);
  }

  /**
   * The rows that `other` has not, compared by value; doubles stay. Wide; as many partitions as this RDD by default.
   *
   * @example
   * ```ts
   * const rest = sc.parallelize([1, 1, 2, 3]).subtract(sc.parallelize([2]));
   * console.log(await rest.sortBy((n) => n).collect()); // [1, 1, 3]
   * ```
   */
  subtract(other: RDD<T>, partitions?: Partitions): RDD<T> {
    this.nodesWith('subtract', [other]);
    const left = this.narrow<[T, T]>('subtract', (row: T) => row, undefined, false, 'keyBy');
    const right = other.step<[T, null]>('subtract', { op: 'asKey' }, false);
    const partitioner = partitions === undefined ? asFirst : partitionerOf('subtract', partitions);
    return left
      .cogrouped<[T, [T, null]]>('subtract', [right], partitioner, 'leftAnti')
      .narrow<T>('subtract', ([, [row]]: [T, [T, null]]) => row, undefined, false, 'map');
  }

  /**
   * Every pair of a row of this RDD and one of the other: partition `i * n + j` holds those of partitions i and j (of n). Narrow, but
   * each partition is computed as often as the other RDD has partitions: cache what is costly.
   *
   * @example
   * ```ts
   * const pairs = sc.parallelize([1, 2], 1).cartesian(sc.parallelize(['a', 'b'], 1));
   * console.log(await pairs.collect()); // [[1, 'a'], [1, 'b'], [2, 'a'], [2, 'b']]
   * ```
   */
  cartesian<U>(other: RDD<U>): RDD<[T, U]> {
    this.nodesWith('cartesian', [other]);
    return this.withNode('cartesian', { kind: 'cartesian', left: this.node, right: other.node });
  }

  /**
   * The first row with the first of the other, and so on. Both must have equally many partitions, and equally many rows in each: as a
   * `map` of the other has. Narrow.
   * @throws {MillraceError} MR_OPTION_INVALID at the action for unequal numbers of partitions, MR_SCHEMA for unequal numbers of rows
   *
   * @example
   * ```ts
   * const numbers = sc.range(3);
   * console.log(await numbers.zip(numbers.map((n) => n * n)).collect()); // [[0, 0], [1, 1], [2, 4]]
   * ```
   */
  zip<U>(other: RDD<U>): RDD<[T, U]> {
    return this.withNode('zip', { kind: 'zipped', parents: this.nodesWith('zip', [other]), fn: undefined });
  }

  /**
   * `fn` gets an iterator over the same partition of each RDD, then the partition's index; the items it gives are the new partition. The
   * RDDs must have equally many partitions, their rows need not be equally many. Narrow.
   *
   * @example
   * ```ts
   * const left = sc.parallelize([1, 2, 3], 2);
   * const sizes = left.zipPartitions(sc.parallelize(['a', 'b', 'c', 'd'], 2), (a, b) => [[...a].length, [...b].length]);
   * console.log(await sizes.collect()); // [1, 2, 2, 2]
   * ```
   */
  zipPartitions<A, U>(
    other: RDD<A>,
    fn: (rows: IterableIterator<T>, others: IterableIterator<A>, index: number) => Rows<U>,
    options?: FunctionOptions,
  ): RDD<U>;
  zipPartitions<A, B, U>(
    second: RDD<A>,
    third: RDD<B>,
    fn: (rows: IterableIterator<T>, b: IterableIterator<A>, c: IterableIterator<B>, index: number) => Rows<U>,
    options?: FunctionOptions,
  ): RDD<U>;
  zipPartitions<A, B, C, U>(
    second: RDD<A>,
    third: RDD<B>,
    fourth: RDD<C>,
    fn: (
      rows: IterableIterator<T>,
      b: IterableIterator<A>,
      c: IterableIterator<B>,
      d: IterableIterator<C>,
      index: number,
    ) => Rows<U>,
    options?: FunctionOptions,
  ): RDD<U>;
  zipPartitions<U>(...args: readonly unknown[]): RDD<U> {
    const at = args.findIndex((arg) => typeof arg === 'function');
    const others = (at < 0 ? args : args.slice(0, at)) as readonly RDD<unknown>[];
    const callSite = captureCallSite(this.zipPartitions);
    const fn = functionToShip(args[at], 'zipPartitions', callSite, args[at + 1] as FunctionOptions | undefined);
    return this.withNode('zipPartitions', { kind: 'zipped', parents: this.nodesWith('zipPartitions', others), fn });
  }

  /**
   * `[row, index]`: rows numbered from 0 in partition order. Where there is more than one partition, one light action counts the rows of
   * all but the last first, once an RDD. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['a', 'b', 'c']).zipWithIndex().collect()); // [['a', 0], ['b', 1], ['c', 2]]
   * ```
   */
  zipWithIndex(): RDD<[T, number]> {
    return this.step('zipWithIndex', { op: 'builtIn', operation: { kind: 'index' } }, false);
  }

  /**
   * `[row, id]` with an id that no other row has: k, n + k, 2n + k and so on in partition k of n. Needs no counting. Narrow.
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['a', 'b', 'c'], 2).zipWithUniqueId().collect()); // [['a', 0], ['b', 1], ['c', 3]]
   * ```
   */
  zipWithUniqueId(): RDD<[T, number]> {
    return this.step('zipWithUniqueId', { op: 'builtIn', operation: { kind: 'uniqueId' } }, false);
  }

  /**
   * Each row with probability `fraction`; with replacement `fraction` times on average. The same seed over the same partitions draws the
   * same rows, whatever the workers. Narrow; keeps the partitioner.
   *
   * @param seed default one drawn now
   *
   * @example
   * ```ts
   * console.log(await sc.range(1000).sample(false, 0.1, 42).count()); // about 100
   * ```
   */
  sample(withReplacement: boolean, fraction: number, seed: number = randomSeed()): RDD<T> {
    const operation = sampleOperation('sample', withReplacement, fraction, seed);
    return this.step('sample', { op: 'builtIn', operation }, true);
  }

  /**
   * The rows dealt out by chance: each is in one of the RDDs, with a probability in proportion to its weight. Narrow: each of the results
   * computes this RDD anew unless it is cached.
   *
   * @param weights at least 0 each, not all 0; they need not add up to 1
   *
   * @example
   * ```ts
   * const [training, test] = sc.range(1000).randomSplit([0.8, 0.2], 42);
   * console.log((await training!.count()) + (await test!.count())); // 1000
   * ```
   */
  randomSplit(weights: readonly number[], seed: number = randomSeed()): RDD<T>[] {
    const sum = Array.isArray(weights) ? weights.reduce((all: number, weight: number) => all + weight, 0) : Number.NaN;
    if (!(sum > 0 && Number.isFinite(sum)) || !weights.every((weight) => weight >= 0))
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `randomSplit: weights must be numbers of at least 0 with a sum above 0, got ${JSON.stringify(weights)}.`,
      );
    checkSeed('randomSplit', seed);
    let before = 0;
    return weights.map((weight) => {
      const from = before / sum;
      before += weight;
      const to = before === sum ? 1 : before / sum;
      return this.step('randomSplit', { op: 'builtIn', operation: { kind: 'split', from, to, seed } }, true);
    });
  }

  /**
   * The lines that a program prints, one process a partition: each row goes to its standard input as the line `String(row)`, each line of
   * its standard output is a row. Without a shell. Narrow; what a process prints is held in memory, as far as `take` right behind it needs it.
   *
   * @param command the program and its arguments; a text is cut at blanks, quotes hold a part together
   * @throws {MillraceError} MR_USER_FUNCTION at the action when a process ends with another exit code than 0, with what it wrote to
   *   standard error
   *
   * @example
   * ```ts
   * console.log(await sc.parallelize(['b', 'a'], 1).pipe('sort -r').collect()); // ['b', 'a']
   * const one = sc.parallelize([1], 1);
   * console.log(await one.pipe(['sh', '-c', 'echo $GREETING'], { env: { GREETING: 'hello' } }).collect()); // ['hello']
   * ```
   */
  pipe(command: string | readonly string[], options: PipeOptions = {}): RDD<string> {
    checkKnownOptions('pipe', options, ['env', 'cwd']);
    return this.partitionwise('pipe', pipeThrough(splitCommand(command), options), undefined, false);
  }
}
