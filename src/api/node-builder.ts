import { captureCallSite } from '../base/call-site.ts';
import { MillraceError } from '../base/errors.ts';
import type { Aggregator, JoinType, NarrowStep, NodeOf, RddNode } from '../plan/lineage/node.ts';
import {
  CustomPartitioner,
  type DeferredPartitioner,
  HashPartitioner,
  type Partitioner,
  RangePartitioner,
  RoundRobinPartitioner,
} from '../plan/lineage/partitioner.ts';
import type { RDD } from './rdd.ts';
import { type FunctionOptions, functionToShip, RddCore } from './rdd-core.ts';

type Without<N, K extends string> = N extends unknown ? Omit<N, K> : never;
type NewNode = Without<RddNode, 'id' | 'operator' | 'callSite'>;

/** How many partitions the result has, or who deals the keys out; by default those of the largest input. */
export type Partitions = number | Partitioner | undefined;

/** What operators over whole partitions take last; `true` alone says that they keep the partitioner, as in Spark. */
export interface PartitionwiseOptions extends FunctionOptions {
  /** Keys stay what they were, so that what comes next need not shuffle. */
  readonly preservesPartitioning?: boolean | undefined;
}

const partitionerClasses = [HashPartitioner, RangePartitioner, RoundRobinPartitioner, CustomPartitioner] as const;
const byHash: DeferredPartitioner = { kind: 'deferred', of: 'hash', ascending: true };

/** The hash partitioner of an operator that was told how many partitions to make, or was not. */
export function hashInto(operator: string, partitions: number | undefined): HashPartitioner | DeferredPartitioner {
  if (partitions === undefined) return byHash;
  checkPartitions(operator, partitions);
  return new HashPartitioner(partitions);
}

export function partitionerOf(operator: string, partitions: Partitions): Partitioner | DeferredPartitioner {
  if (typeof partitions !== 'object') return hashInto(operator, partitions);
  if (partitions instanceof RoundRobinPartitioner && operator !== 'partitionBy')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: a RoundRobinPartitioner does not bring equal keys together. Use a HashPartitioner, or a number of partitions.`,
    );
  if (partitionerClasses.some((known) => partitions instanceof known)) return partitions;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `${operator}: needs a number of partitions or a partitioner, got ${partitions === null ? 'null' : JSON.stringify(partitions)}.`,
  );
}

export function checkPartitions(operator: string, partitions: number): void {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: the number of partitions must be an integer of at least 1, got ${String(partitions)}. Leave it out to use that of the input.`,
    );
}

export function checkBoolean(operator: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: ${name} must be true or false, got ${typeof value === 'function' ? 'a function' : String(value)}.`,
    );
}

/** How operators add nodes to the lineage: nothing here runs anything. */
export abstract class NodeBuilder<T> extends RddCore<T> {
  /** A new RDD over the same context. */
  protected abstract derived<U>(node: RddNode): RDD<U>;

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
    options: PartitionwiseOptions | boolean | undefined,
    indexFirst: boolean,
  ): RDD<U> {
    const known = typeof options === 'boolean' ? { preservesPartitioning: options } : options;
    const callSite = captureCallSite(this.partitionwise);
    const step = { op: 'mapPartitions', fn: functionToShip(fn, operator, callSite, known), indexFirst } as const;
    return this.step(operator, step, known?.preservesPartitioning ?? false);
  }

  /** @internal */
  step<U>(operator: string, step: NarrowStep, preservesPartitioning: boolean): RDD<U> {
    return this.withNode(operator, { kind: 'narrow', parent: this.node, step, preservesPartitioning });
  }

  /** @internal */
  shuffled<U>(
    operator: string,
    partitioner: NodeOf<'shuffled'>['partitioner'],
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
    checkBoolean(operator, 'ascending', ascending);
    if (partitions !== undefined) checkPartitions(operator, partitions);
    const partitioner =
      partitions === undefined
        ? ({ kind: 'deferred', of: 'range', ascending } as const)
        : new RangePartitioner(partitions, ascending);
    return this.shuffled(operator, partitioner, undefined, ascending ? 'ascending' : 'descending');
  }

  /** @internal Pairs of this RDD and the others by key; with `join`, of one other, joined. */
  cogrouped<U>(
    operator: string,
    others: readonly RddCore<unknown>[],
    partitioner: NodeOf<'cogrouped'>['partitioner'],
    join?: JoinType,
  ): RDD<U> {
    const parents = this.nodesWith(operator, others);
    const shuffleIds = parents.map(() => this.runner.nextId());
    return this.withNode(operator, { kind: 'cogrouped', parents, shuffleIds, join, partitioner });
  }

  /** @internal The nodes of this RDD and the others, which must belong to the same context. */
  nodesWith(operator: string, others: readonly RddCore<unknown>[]): readonly RddNode[] {
    for (const other of others) {
      if (!(other instanceof RddCore))
        throw new MillraceError('MR_OPTION_INVALID', `${operator}: needs an RDD, got ${describeOther(other)}.`);
      if (other.runner !== this.runner)
        throw new MillraceError('MR_OPTION_INVALID', `${operator}: the RDDs must come from the same context.`);
    }
    return [this.node, ...others.map(({ node }) => node)];
  }

  /** @internal */
  withNode<U>(operator: string, node: NewNode): RDD<U> {
    const callSite = captureCallSite(this.withNode);
    return this.derived(Object.freeze({ ...node, id: this.runner.nextId(), operator, callSite } as RddNode));
  }
}

function describeOther(other: unknown): string {
  if (!Array.isArray(other)) return String(other);
  return other.every((item) => item instanceof RddCore)
    ? 'an array of them: give them one by one, or use sc.union'
    : 'an array: make it an RDD with sc.parallelize';
}
