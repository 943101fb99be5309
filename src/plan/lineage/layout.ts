import { formatCallSite } from '../../base/call-site.ts';
import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import type { NodeOf, RddNode } from './node.ts';
import {
  type DeferredPartitioner,
  HashPartitioner,
  type Partitioner,
  RangePartitioner,
  samePartitioning,
} from './partitioner.ts';

/** A parent whose partitions are read as they are. */
export interface NarrowDependency {
  readonly kind: 'narrow';
  readonly parent: RddNode;
}

/** A parent whose rows are dealt out anew; the edge at which stages are cut. */
export interface ShuffleDependency {
  readonly kind: 'shuffle';
  readonly parent: RddNode;
  readonly shuffleId: number;
  readonly partitioner: Partitioner;
}

export type Dependency = NarrowDependency | ShuffleDependency;

/**
 * How many partitions each RDD has, where its keys lie and what it depends on.
 *
 * Answers wait until an action asks, because they may need the files of a source to be listed; each is worked out once a node.
 */
export class LineageLayout {
  readonly #splitsOf: (node: NodeOf<'source'>) => number;
  readonly #counts = new WeakMap<RddNode, number>();
  readonly #partitioners = new WeakMap<RddNode, Partitioner>();
  readonly #shared = new WeakMap<RddNode, { readonly partitioner: Partitioner | undefined }>();
  readonly #checkpoints = new WeakMap<RddNode, NodeOf<'checkpointed'>>();

  /** @param splitsOf how many splits the files of a source were cut into */
  constructor(splitsOf: (node: NodeOf<'source'>) => number) {
    this.#splitsOf = splitsOf;
  }

  /**
   * From now on `node` is computed from `checkpoint`, which has the same partitions, and from nothing else.
   * @returns what stands for `node`, and lets go of what that was computed from
   */
  cut(node: RddNode, checkpoint: RddNode): NodeOf<'checkpointed'> {
    const { id, operator, callSite } = node;
    const [numPartitions, partitioner] = [this.numPartitions(node), this.partitioner(node)];
    const kind = 'checkpointed';
    const left = Object.freeze({
      kind,
      id,
      operator,
      callSite,
      parent: checkpoint,
      numPartitions,
      partitioner,
    } as const);
    this.#checkpoints.set(node, left);
    return left;
  }

  /** What stands for `node` since its lineage was cut. */
  checkpointOf(node: RddNode): NodeOf<'checkpointed'> | undefined {
    return node.kind === 'checkpointed' ? node : this.#checkpoints.get(node);
  }

  numPartitions(node: RddNode): number {
    let at = node;
    while (at.kind === 'narrow') at = at.parent;
    let count = this.#counts.get(at);
    if (count === undefined) {
      count = this.#count(at);
      this.#counts.set(at, count);
    }
    return count;
  }

  /** Where the keys of `node` lie, when that is known. */
  partitioner(node: RddNode): Partitioner | undefined {
    let at = node;
    while (at.kind === 'narrow' && at.preservesPartitioning) at = at.parent;
    if (at.kind === 'union') return this.#sharedPartitioner(at);
    if (at.kind === 'checkpointed') return at.partitioner;
    return at.kind === 'shuffled' || at.kind === 'cogrouped' ? this.#resolve(at) : undefined;
  }

  /** The partitioner of `node` as far as it is known without listing any file. */
  knownPartitioner(node: RddNode): Partitioner | undefined {
    let at = node;
    while (at.kind === 'narrow' && at.preservesPartitioning) at = at.parent;
    if (at.kind === 'checkpointed') return at.partitioner;
    if (at.kind !== 'shuffled' && at.kind !== 'cogrouped') return undefined;
    return at.partitioner.kind === 'deferred' ? this.#partitioners.get(at) : at.partitioner;
  }

  /** Whether a union puts the partitions of its parents upon each other, for all have the same partitioner, and not side by side. */
  isStacked(node: NodeOf<'union'>): boolean {
    return this.#sharedPartitioner(node) !== undefined;
  }

  dependencies(node: RddNode): readonly Dependency[] {
    const checkpoint = this.checkpointOf(node);
    if (checkpoint !== undefined) return [{ kind: 'narrow', parent: checkpoint.parent }];
    switch (node.kind) {
      case 'parallelized':
      case 'range':
      case 'source':
        return [];
      case 'narrow':
      case 'coalesced':
      case 'pruned':
      case 'checkpointed':
        return [{ kind: 'narrow', parent: node.parent }];
      case 'union':
      case 'zipped':
        return node.parents.map((parent) => ({ kind: 'narrow', parent }));
      case 'cartesian':
        return [
          { kind: 'narrow', parent: node.left },
          { kind: 'narrow', parent: node.right },
        ];
      case 'shuffled':
        return [this.#exchange(node.parent, this.#resolve(node), node.shuffleId)];
      case 'cogrouped':
        return node.parents.map((parent, side) =>
          this.#exchange(parent, this.#resolve(node), defined(node.shuffleIds[side], `shuffle id of side ${side}`)),
        );
    }
  }

  /** A shuffle, unless the rows of `parent` lie already where `partitioner` puts them. */
  #exchange(parent: RddNode, partitioner: Partitioner, shuffleId: number): Dependency {
    return samePartitioning(this.partitioner(parent), partitioner)
      ? { kind: 'narrow', parent }
      : { kind: 'shuffle', parent, shuffleId, partitioner };
  }

  #count(node: Exclude<RddNode, { kind: 'narrow' }>): number {
    switch (node.kind) {
      case 'parallelized':
      case 'range':
      case 'checkpointed':
        return node.numPartitions;
      case 'coalesced':
        return Math.min(node.numPartitions, this.numPartitions(node.parent));
      case 'pruned':
        return node.partitions.length;
      case 'source':
        return this.#splitsOf(node);
      case 'union':
        return (
          this.#sharedPartitioner(node)?.numPartitions ??
          node.parents.reduce((sum, parent) => sum + this.numPartitions(parent), 0)
        );
      case 'zipped':
        return this.#countZipped(node);
      case 'cartesian':
        return this.numPartitions(node.left) * this.numPartitions(node.right);
      case 'shuffled':
      case 'cogrouped':
        return this.#resolve(node).numPartitions;
    }
  }

  /** Spark's PartitionerAwareUnionRDD: the partitioner that all parents share. Unions of unions are looked at from the bottom up. */
  #sharedPartitioner(node: NodeOf<'union'>): Partitioner | undefined {
    const known = this.#shared.get(node);
    if (known !== undefined) return known.partitioner;
    const unions = new Set([node]);
    for (const union of unions)
      for (const parent of union.parents) {
        let at = parent;
        while (at.kind === 'narrow') at = at.parent;
        if (at.kind === 'union' && !this.#shared.has(at)) unions.add(at);
      }
    for (const union of [...unions].reverse()) {
      this.#share(union);
      this.numPartitions(union);
    }
    return this.#shared.get(node)?.partitioner;
  }

  #share(node: NodeOf<'union'>): void {
    const [first, ...rest] = node.parents;
    const partitioner = first === undefined ? undefined : this.partitioner(first);
    const isShared =
      partitioner !== undefined &&
      partitioner.kind !== 'roundRobin' &&
      rest.every((parent) => samePartitioning(this.partitioner(parent), partitioner));
    this.#shared.set(node, { partitioner: isShared ? partitioner : undefined });
  }

  #countZipped(node: NodeOf<'zipped'>): number {
    const counts = node.parents.map((parent) => this.numPartitions(parent));
    const count = defined(counts[0], 'first zipped parent');
    if (counts.every((other) => other === count)) return count;
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${node.operator} at ${formatCallSite(node.callSite)}: the RDDs must have equally many partitions, but have ${counts.join(', ')}. Use repartition, or coalesce, first.`,
    );
  }

  #resolve(node: NodeOf<'shuffled'> | NodeOf<'cogrouped'>): Partitioner {
    if (node.partitioner.kind !== 'deferred') return node.partitioner;
    let partitioner = this.#partitioners.get(node);
    if (partitioner === undefined) {
      const parents = node.kind === 'shuffled' ? [node.parent] : node.parents;
      const asked = node.partitioner.parents === 'first' ? parents.slice(0, 1) : parents;
      partitioner = this.#largest(node.partitioner, asked);
      this.#partitioners.set(node, partitioner);
    }
    return partitioner;
  }

  /**
   * Spark's default: the partitioner of the largest parent that has one, unless the largest parent has ten times as many partitions or
   * more; else a hash over as many partitions as the largest parent.
   */
  #largest(deferred: DeferredPartitioner, parents: readonly RddNode[]): Partitioner {
    const count = Math.max(1, ...parents.map((parent) => this.numPartitions(parent)));
    if (deferred.of === 'range') return new RangePartitioner(count, deferred.ascending);
    let best: Partitioner | undefined;
    for (const parent of parents) {
      const partitioner = this.partitioner(parent);
      if (partitioner === undefined || partitioner.kind === 'roundRobin') continue;
      if (best === undefined || partitioner.numPartitions > best.numPartitions) best = partitioner;
    }
    return best !== undefined && best.numPartitions * 10 > count ? best : new HashPartitioner(count);
  }
}

/** The parent partitions that partition `index` of a coalesced node reads: contiguous runs of near-equal length. */
export function coalescedGroup(parentPartitions: number, numPartitions: number, index: number): readonly number[] {
  const first = Math.floor((index * parentPartitions) / numPartitions);
  const end = Math.floor(((index + 1) * parentPartitions) / numPartitions);
  return Array.from({ length: end - first }, (_, i) => first + i);
}
