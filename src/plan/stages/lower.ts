import type { FunctionToShip } from '../../base/closures/user-function.ts';
import { defined } from '../../base/defined.ts';
import type { AggregatorPlan, FunctionIndex, LoopStep } from '../codegen/loop-step.ts';
import { coalescedGroup, type LineageLayout } from '../lineage/layout.ts';
import type { Aggregator, NarrowStep, NodeOf, RddNode } from '../lineage/node.ts';
import type { Partitioner, RangePartitioner } from '../lineage/partitioner.ts';
import type { StorageLevelName } from '../lineage/storage-level.ts';
import type { PartitionerPlan, TaskNode } from './task-plan.ts';

export interface LowerSettings {
  readonly layout: LineageLayout;
  readonly levelOf: (node: RddNode) => StorageLevelName;
  readonly boundsOf: (partitioner: RangePartitioner) => readonly unknown[];
  /** The source with everything that listing and inference found out filled in. */
  readonly sourceOf: (node: NodeOf<'source'>) => NodeOf<'source'>['source'];
  /** Told of every RDD whose rows the driver has to hand in. */
  readonly onParallelized: (node: NodeOf<'parallelized'>) => void;
  /** Told of every RDD that zipWithIndex made. */
  readonly onIndexed: (node: NodeOf<'narrow'>) => void;
}

/** Steps fused into one generated loop at most: beyond this V8 no longer optimises the function. */
const MAX_FUSED_STEPS = 64;

/**
 * Turns the lineage of one stage into the plan its tasks carry out, and lists the functions to ship with it.
 *
 * Narrow operators become loop steps of a pipeline; the plan refers to a function by its position in {@link functions}.
 */
export class StageLowering {
  readonly #settings: LowerSettings;
  readonly #functions: FunctionToShip[] = [];
  readonly #indexes = new Map<FunctionToShip, FunctionIndex>();
  readonly #done = new Map<RddNode, TaskNode>();

  constructor(settings: LowerSettings) {
    this.#settings = settings;
  }

  get functions(): readonly FunctionToShip[] {
    return this.#functions;
  }

  functionIndex(fn: FunctionToShip): FunctionIndex {
    const known = this.#indexes.get(fn);
    if (known !== undefined) return known;
    this.#indexes.set(fn, this.#functions.length);
    return this.#functions.push(fn) - 1;
  }

  partitioner(partitioner: Partitioner): PartitionerPlan {
    const { numPartitions } = partitioner;
    switch (partitioner.kind) {
      case 'hash':
      case 'roundRobin':
        return { kind: partitioner.kind, numPartitions };
      case 'range':
        return {
          kind: 'range',
          numPartitions,
          ascending: partitioner.ascending,
          bounds: this.#settings.boundsOf(partitioner),
        };
      case 'custom':
        return {
          kind: 'custom',
          numPartitions,
          fn: this.functionIndex({ fn: partitioner.partition, operator: 'partitionBy', callSite: undefined }),
        };
    }
  }

  aggregator(aggregator: Aggregator): AggregatorPlan {
    switch (aggregator.kind) {
      case 'reduce':
        return { kind: 'reduce', merge: this.functionIndex(aggregator.merge) };
      case 'combine':
        return {
          kind: 'combine',
          createCombiner: this.functionIndex(aggregator.createCombiner),
          mergeValue: this.functionIndex(aggregator.mergeValue),
          mergeCombiners: this.functionIndex(aggregator.mergeCombiners),
        };
      case 'aggregate':
        return {
          kind: 'aggregate',
          zero: this.functionIndex(aggregator.zero),
          mergeValue: this.functionIndex(aggregator.mergeValue),
          mergeCombiners: this.functionIndex(aggregator.mergeCombiners),
        };
      case 'group':
      case 'distinct':
        return { kind: aggregator.kind };
    }
  }

  lower(node: RddNode): TaskNode {
    const known = this.#done.get(node);
    if (known !== undefined) return known;
    const level = this.#settings.levelOf(node);
    const input = this.#uncached(node);
    const lowered: TaskNode = level === 'NONE' ? input : { kind: 'cached', nodeId: node.id, level, input };
    this.#done.set(node, lowered);
    return lowered;
  }

  #uncached(node: RddNode): TaskNode {
    const checkpoint = this.#settings.layout.checkpointOf(node);
    if (checkpoint !== undefined) return this.lower(checkpoint.parent);
    return node.kind === 'narrow' ? this.#narrowChain(node) : this.#operator(node);
  }

  /** Whether the rows of a narrow operator are neither kept, nor wanted by another one, nor in a checkpoint. */
  #isFusible(node: RddNode): node is NodeOf<'narrow'> {
    const { levelOf, layout } = this.#settings;
    const isKept = levelOf(node) !== 'NONE' || layout.checkpointOf(node) !== undefined;
    return node.kind === 'narrow' && !isKept && !this.#done.has(node);
  }

  /** Walks a chain of narrow operators down to what is cached, shared or not narrow, then fuses its steps from the bottom up. */
  #narrowChain(top: NodeOf<'narrow'>): TaskNode {
    const chain: NodeOf<'narrow'>[] = [top];
    let below = top.parent;
    while (this.#isFusible(below)) {
      chain.push(below);
      below = below.parent;
    }
    let plan = this.lower(below);
    let steps: LoopStep[] = [];
    const flush = (): void => {
      if (steps.length > 0) plan = { kind: 'pipeline', input: fedInto(plan, steps), steps };
      steps = [];
    };
    for (const node of chain.reverse()) {
      const { id, step } = node;
      if (isWholePartition(step)) {
        if (step.op === 'builtIn' && step.operation.kind === 'index') this.#settings.onIndexed(node);
        flush();
        plan = this.#partitionStep(step, plan, { id, numPartitions: this.#settings.layout.numPartitions(top) });
      } else {
        if (steps.length === MAX_FUSED_STEPS) flush();
        steps.push(this.#loopStep(step));
      }
    }
    flush();
    return plan;
  }

  #partitionStep(
    step: PartitionStep,
    input: TaskNode,
    { id, numPartitions }: { readonly id: number; readonly numPartitions: number },
  ): TaskNode {
    switch (step.op) {
      case 'glom':
        return { kind: 'glom', input };
      case 'mapPartitions':
        return { kind: 'mapPartitions', input, fn: this.functionIndex(step.fn), indexFirst: step.indexFirst };
      case 'foldPartition':
        return {
          kind: 'foldPartition',
          input,
          zero: this.functionIndex(step.zero),
          merge: this.functionIndex(step.merge),
        };
      case 'builtIn':
        return { kind: 'builtIn', nodeId: id, input, operation: step.operation, numPartitions };
    }
  }

  #loopStep(step: Exclude<NarrowStep, PartitionStep>): LoopStep {
    switch (step.op) {
      case 'keys':
      case 'values':
      case 'asKey':
        return { op: step.op };
      case 'map':
      case 'filter':
      case 'flatMap':
      case 'keyBy':
      case 'mapValues':
      case 'flatMapValues':
      case 'foreach':
        return { op: step.op, fn: this.functionIndex(step.fn) };
    }
  }

  #operator(node: Exclude<RddNode, NodeOf<'narrow'>>): TaskNode {
    const { layout } = this.#settings;
    switch (node.kind) {
      case 'parallelized':
        this.#settings.onParallelized(node);
        return { kind: 'blocks', nodeId: node.id, numPartitions: node.numPartitions };
      case 'range': {
        const { start, end, step, numPartitions } = node;
        return { kind: 'range', start, end, step, numPartitions };
      }
      case 'source':
        return {
          kind: 'source',
          nodeId: node.id,
          source: this.#settings.sourceOf(node),
          numPartitions: layout.numPartitions(node),
        };
      case 'union':
        if (layout.isStacked(node))
          return { kind: 'stacked', inputs: node.parents.map((parent) => this.lower(parent)) };
        return {
          kind: 'union',
          inputs: this.#united(node).map((parent) => ({
            node: this.lower(parent),
            numPartitions: layout.numPartitions(parent),
          })),
        };
      case 'coalesced': {
        const count = layout.numPartitions(node);
        const from = layout.numPartitions(node.parent);
        const groups = Array.from({ length: count }, (_, index) => coalescedGroup(from, count, index));
        return { kind: 'gather', input: this.lower(node.parent), groups };
      }
      case 'checkpointed':
        return this.lower(node.parent);
      case 'pruned':
        return { kind: 'gather', input: this.lower(node.parent), groups: node.partitions.map((index) => [index]) };
      case 'zipped':
        return {
          kind: 'zip',
          inputs: node.parents.map((parent) => this.lower(parent)),
          fn: node.fn === undefined ? undefined : this.functionIndex(node.fn),
        };
      case 'cartesian':
        return {
          kind: 'cartesian',
          left: this.lower(node.left),
          right: this.lower(node.right),
          rightPartitions: layout.numPartitions(node.right),
        };
      case 'shuffled':
        return this.#shuffled(node);
      case 'cogrouped':
        return node.join === undefined
          ? { kind: 'cogroup', inputs: node.parents.map((_, side) => this.#exchanged(node, side)) }
          : { kind: 'join', inputs: [this.#exchanged(node, 0), this.#exchanged(node, 1)], join: node.join };
    }
  }

  /** The parents of a union, with those of unions among them in their place: a loop of unions is one list. */
  #united(node: NodeOf<'union'>): readonly RddNode[] {
    const { levelOf, layout } = this.#settings;
    const parents: RddNode[] = [];
    const stack: RddNode[] = node.parents.toReversed();
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const isKept = levelOf(at) !== 'NONE' || layout.checkpointOf(at) !== undefined || this.#done.has(at);
      if (at.kind === 'union' && !isKept && !layout.isStacked(at)) stack.push(...at.parents.toReversed());
      else parents.push(at);
    }
    return parents;
  }

  #shuffled(node: NodeOf<'shuffled'>): TaskNode {
    let plan = this.#exchanged(node, 0);
    if (node.aggregator !== undefined) {
      const crosses = this.#settings.layout.dependencies(node)[0]?.kind === 'shuffle';
      const mapSide = crosses && combinesOnMapSide(node.aggregator);
      plan = {
        kind: 'combine',
        input: plan,
        aggregator: this.aggregator(node.aggregator),
        of: mapSide ? 'combiners' : 'values',
      };
    }
    return node.ordering === undefined
      ? plan
      : { kind: 'sort', input: plan, descending: node.ordering === 'descending' };
  }

  #exchanged(node: NodeOf<'shuffled'> | NodeOf<'cogrouped'>, side: number): TaskNode {
    const dependency = defined(this.#settings.layout.dependencies(node)[side], `dependency ${side}`);
    return dependency.kind === 'narrow'
      ? this.lower(dependency.parent)
      : {
          kind: 'shuffleRead',
          shuffleId: dependency.shuffleId,
          numPartitions: dependency.partitioner.numPartitions,
        };
  }
}

/** A source that is read for these steps only, so that it may leave out what they cannot miss. */
function fedInto(input: TaskNode, steps: readonly LoopStep[]): TaskNode {
  return input.kind === 'source' ? { ...input, feeds: steps } : input;
}

type PartitionStep = Extract<NarrowStep, { readonly op: 'mapPartitions' | 'glom' | 'foldPartition' | 'builtIn' }>;

function isWholePartition(step: NarrowStep): step is PartitionStep {
  return step.op === 'mapPartitions' || step.op === 'glom' || step.op === 'foldPartition' || step.op === 'builtIn';
}

/** Whether rows of equal keys are merged before they are dealt out: not when that could not make them fewer. */
export function combinesOnMapSide(aggregator: Aggregator): boolean {
  switch (aggregator.kind) {
    case 'combine':
      return aggregator.mapSideCombine;
    case 'group':
      return false;
    case 'reduce':
    case 'aggregate':
    case 'distinct':
      return true;
  }
}
