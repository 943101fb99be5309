import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import type { Aggregator, NarrowStep, RddNode } from '../plan/lineage/node.ts';
import {
  type DeferredPartitioner,
  HashPartitioner,
  RangePartitioner,
  RoundRobinPartitioner,
} from '../plan/lineage/partitioner.ts';
import { StorageLevel } from '../plan/lineage/storage-level.ts';
import type { RDD } from './rdd.ts';
import { type FunctionOptions, functionToShip } from './rdd-core.ts';
import { SaveActions } from './save-actions.ts';

type Without<N, K extends string> = N extends unknown ? Omit<N, K> : never;
type NewNode = Without<RddNode, 'id' | 'operator' | 'callSite'>;

const byHash: DeferredPartitioner = { kind: 'deferred', of: 'hash', ascending: true };

/** The hash partitioner of an operator that was told how many partitions to make, or was not. */
export function hashInto(operator: string, partitions: number | undefined): HashPartitioner | DeferredPartitioner {
  if (partitions === undefined) return byHash;
  checkPartitions(operator, partitions);
  return new HashPartitioner(partitions);
}

function checkPartitions(operator: string, partitions: number): void {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: the number of partitions must be an integer of at least 1, got ${String(partitions)}. Leave it out to use that of the input.`,
    );
}

/** Transformations: each adds one node to the lineage and runs nothing. */
export abstract class Transformations<T> extends SaveActions<T> {
  /** A new RDD over the same context. */
  protected abstract derived<U>(node: RddNode): RDD<U>;

  /** Each row replaced by `fn(row)`. Narrow. An async `fn` is awaited, 16 rows at a time, order kept. */
  map<U>(fn: (row: T) => U, options?: FunctionOptions): RDD<Awaited<U>> {
    return this.narrow('map', fn, options, false);
  }

  /** The rows for which `fn` gives something true. Narrow; keeps the partitioner. */
  filter<U extends T>(fn: (row: T) => row is U, options?: FunctionOptions): RDD<U>;
  filter(fn: (row: T) => unknown, options?: FunctionOptions): RDD<T>;
  filter(fn: (row: T) => unknown, options?: FunctionOptions): RDD<T> {
    return this.narrow('filter', fn, options, true);
  }

  /** Each row replaced by the items of the iterable `fn(row)`. Narrow. */
  flatMap<U>(fn: (row: T) => Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>, options?: FunctionOptions): RDD<U> {
    return this.narrow('flatMap', fn, options, false);
  }

  /**
   * Each partition replaced by the items of `fn(rows, index)`, where `rows` iterates over it once. For what is set up once a partition:
   * a connection, a parser, a buffer. Narrow.
   */
  mapPartitions<U>(
    fn: (rows: IterableIterator<T>, index: number) => Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>,
    options?: FunctionOptions & { readonly preservesPartitioning?: boolean },
  ): RDD<U> {
    return this.partitionwise('mapPartitions', fn, options, false);
  }

  /** As {@link mapPartitions}, with the partition's index first, as in Spark. */
  mapPartitionsWithIndex<U>(
    fn: (index: number, rows: IterableIterator<T>) => Iterable<U> | AsyncIterable<U> | Promise<Iterable<U>>,
    options?: FunctionOptions & { readonly preservesPartitioning?: boolean },
  ): RDD<U> {
    return this.partitionwise('mapPartitionsWithIndex', fn, options, true);
  }

  /** Each row as the pair `[fn(row), row]`. Narrow. */
  keyBy<K>(fn: (row: T) => K, options?: FunctionOptions): RDD<[Awaited<K>, T]> {
    return this.narrow('keyBy', fn, options, false);
  }

  /** Each partition as one array of its rows. Narrow. */
  glom(): RDD<T[]> {
    return this.step('glom', { op: 'glom' }, false);
  }

  /** Each different row once; rows are compared by value. Wide. */
  distinct(partitions?: number): RDD<T> {
    const withKey = this.step<[T, null]>('distinct', { op: 'asKey' }, false);
    const unique = withKey.shuffled<[T, null]>('distinct', hashInto('distinct', partitions), { kind: 'distinct' });
    return unique.step('distinct', { op: 'keys' }, false);
  }

  /** The rows of this RDD and then of the others, doubles kept. Narrow. */
  union(...others: readonly RDD<T>[]): RDD<T> {
    return this.withNode('union', { kind: 'union', parents: [this.node, ...others.map(({ node }) => node)] });
  }

  /** Rows grouped by `fn(row)`. Wide; every row crosses. Merging with reduceByKey or aggregateByKey moves less. */
  groupBy<K>(fn: (row: T) => K, partitions?: number | undefined, options?: FunctionOptions): RDD<[Awaited<K>, T[]]> {
    return this.narrow<[K, T]>('groupBy', fn, options, false, 'keyBy').shuffled(
      'groupBy',
      hashInto('groupBy', partitions),
      { kind: 'group' },
    );
  }

  /** Rows in the order of `by(row)`: see {@link compareValues}; stable. Wide, and one more light action to sample the keys. */
  sortBy<K>(by: (row: T) => K, ascending = true, partitions?: number, options?: FunctionOptions): RDD<T> {
    const keyed = this.narrow<[K, T]>('sortBy', by, options, false, 'keyBy');
    return keyed.sorted('sortBy', ascending, partitions).step('sortBy', { op: 'values' }, false);
  }

  /** The same rows dealt out evenly over `partitions`. Wide. */
  repartition(partitions: number): RDD<T> {
    checkPartitions('repartition', partitions);
    return this.shuffled('repartition', new RoundRobinPartitioner(partitions), undefined);
  }

  /** Fewer partitions by joining neighbours, without a shuffle; with `shuffle` as {@link repartition}. */
  coalesce(partitions: number, shuffle = false): RDD<T> {
    checkPartitions('coalesce', partitions);
    if (shuffle) return this.shuffled('coalesce', new RoundRobinPartitioner(partitions), undefined);
    return this.withNode('coalesce', { kind: 'coalesced', parent: this.node, numPartitions: partitions });
  }

  /** Keeps the computed partitions in memory: `persist(StorageLevel.MEMORY_ONLY)`. */
  cache(): RDD<T> {
    return this.persist();
  }

  /** Keeps each partition when it is first computed, at `level`, so that later actions read it. Changes and returns this RDD. */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): RDD<T> {
    this.runner.persist(this.node, level.name);
    return this.self();
  }

  /** Drops what was kept. Changes and returns this RDD. */
  unpersist(): RDD<T> {
    this.runner.unpersist(this.node);
    return this.self();
  }

  /** The level it is kept at. */
  getStorageLevel(): StorageLevel {
    return StorageLevel[this.runner.levelOf(this.node)];
  }

  /** A name for explain and events. Changes and returns this RDD. */
  setName(name: string): RDD<T> {
    this.runner.setName(this.node, name);
    return this.self();
  }

  /** The name given with setName. */
  get name(): string | undefined {
    return this.runner.nameOf(this.node);
  }

  /** The stages an action would run: tasks, shuffles and their partitioners, operators with call sites, cache marks, tier. */
  explain(): string {
    return this.runner.explain(this.node);
  }

  /** The lineage, as Spark prints it. */
  toDebugString(): string {
    return this.runner.debugString(this.node);
  }

  protected abstract self(): RDD<T>;

  /** @internal */
  narrow<U>(
    operator: string,
    fn: unknown,
    options: FunctionOptions | undefined,
    preservesPartitioning: boolean,
    op: Exclude<Extract<NarrowStep, { fn: unknown }>['op'], 'mapPartitions'> | undefined = undefined,
  ): RDD<U> {
    const callSite = captureCallSite(this.narrow);
    const step = { op: op ?? (operator as 'map'), fn: functionToShip(fn, operator, callSite, options) };
    return this.step(operator, step, preservesPartitioning);
  }

  /** @internal */
  partitionwise<U>(
    operator: string,
    fn: unknown,
    options: (FunctionOptions & { readonly preservesPartitioning?: boolean }) | undefined,
    indexFirst: boolean,
  ): RDD<U> {
    const callSite = captureCallSite(this.partitionwise);
    const step = { op: 'mapPartitions', fn: functionToShip(fn, operator, callSite, options), indexFirst } as const;
    return this.step(operator, step, options?.preservesPartitioning ?? false);
  }

  /** @internal */
  step<U>(operator: string, step: NarrowStep, preservesPartitioning: boolean): RDD<U> {
    return this.withNode(operator, { kind: 'narrow', parent: this.node, step, preservesPartitioning });
  }

  /** @internal */
  shuffled<U>(
    operator: string,
    partitioner: Extract<RddNode, { kind: 'shuffled' }>['partitioner'],
    aggregator: Aggregator | undefined,
    ordering?: 'ascending' | 'descending',
  ): RDD<U> {
    const shuffleId = this.runner.nextId();
    return this.withNode(operator, {
      kind: 'shuffled',
      parent: this.node,
      shuffleId,
      partitioner,
      aggregator,
      ordering,
    });
  }

  /** @internal Pairs sorted by key. */
  sorted(operator: string, ascending: boolean, partitions: number | undefined): RDD<T> {
    if (partitions !== undefined) checkPartitions(operator, partitions);
    const partitioner =
      partitions === undefined
        ? ({ kind: 'deferred', of: 'range', ascending } as const)
        : new RangePartitioner(partitions, ascending);
    return this.shuffled(operator, partitioner, undefined, ascending ? 'ascending' : 'descending');
  }

  /** @internal */
  withNode<U>(operator: string, node: NewNode): RDD<U> {
    const callSite = captureCallSite(this.withNode);
    return this.derived(Object.freeze({ ...node, id: this.runner.nextId(), operator, callSite } as RddNode));
  }
}
