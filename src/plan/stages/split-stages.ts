import type { Dependency, LineageLayout, ShuffleDependency } from '../lineage/layout.ts';
import type { RddNode } from '../lineage/node.ts';
import type { RangePartitioner } from '../lineage/partitioner.ts';
import type { Stage, StageOutput } from './stage.ts';

export interface SplitSettings {
  readonly layout: LineageLayout;
  /** True for an RDD whose partitions are all cached: nothing below it needs to run. */
  readonly isMaterialized: (node: RddNode) => boolean;
  /** True for a shuffle whose output is there or on its way: its stage is named, what is below it is not planned. */
  readonly isInUse: (shuffleId: number) => boolean;
  /** True for a range partitioner whose bounds are known already. */
  readonly hasBounds: (partitioner: RangePartitioner) => boolean;
  /** True for an RDD made by zipWithIndex whose partitions have been counted. */
  readonly hasRowCounts: (node: RddNode) => boolean;
}

interface ShuffleEdge {
  readonly dependency: ShuffleDependency;
  readonly child: RddNode;
}

/**
 * Cuts the lineage of `root` at every shuffle.
 *
 * @returns the result stage; its ancestors hang on `parents`
 * @see Zaharia et al., Resilient Distributed Datasets, NSDI 2012, section 5.1
 */
export function splitStages(root: RddNode, settings: SplitSettings): Stage {
  const { layout, isMaterialized, isInUse, hasBounds, hasRowCounts } = settings;
  const byShuffle = new Map<number, Stage>();
  const bySample = new Map<RangePartitioner, Stage>();
  const byIndexed = new Map<RddNode, Stage>();
  let nextId = 0;

  function build(node: RddNode, output: StageOutput, before: readonly Stage[]): Stage {
    const { shuffles, indexed } = edgesBelow(node);
    const parents = [...before, ...indexed.flatMap(countStage), ...shuffles.map(shuffleStage)];
    const unique = [...new Set(parents)];
    return { id: nextId++, root: node, numTasks: layout.numPartitions(node), parents: unique, output };
  }

  /** The nearest shuffles below `node`, each once, and what needs counting on the way to them. */
  function edgesBelow(node: RddNode): { readonly shuffles: ShuffleEdge[]; readonly indexed: RddNode[] } {
    const found: ShuffleEdge[] = [];
    const indexed: RddNode[] = [];
    const seen = new Set<RddNode>();
    const stack = [node];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (seen.has(at) || isMaterialized(at)) continue;
      seen.add(at);
      if (isIndexed(at) && !hasRowCounts(at)) indexed.push(at);
      const dependencies: readonly Dependency[] = layout.dependencies(at);
      for (const dependency of dependencies) {
        if (dependency.kind === 'shuffle') found.push({ dependency, child: at });
        else stack.push(dependency.parent);
      }
    }
    const shuffles = found.sort((a, b) => a.dependency.shuffleId - b.dependency.shuffleId);
    return { shuffles, indexed: indexed.sort((a, b) => a.id - b.id) };
  }

  function shuffleStage({ dependency, child }: ShuffleEdge): Stage {
    const known = byShuffle.get(dependency.shuffleId);
    if (known !== undefined) return known;
    const { parent, shuffleId, partitioner } = dependency;
    const aggregator = child.kind === 'shuffled' ? child.aggregator : undefined;
    const output: StageOutput = { kind: 'shuffle', shuffleId, partitioner, aggregator };
    const needsSample = partitioner.kind === 'range' && !hasBounds(partitioner);
    const stage = isInUse(shuffleId)
      ? { id: nextId++, root: parent, numTasks: layout.numPartitions(parent), parents: [], output }
      : build(parent, output, needsSample ? [sampleStage(parent, partitioner)] : []);
    byShuffle.set(shuffleId, stage);
    return stage;
  }

  function sampleStage(parent: RddNode, partitioner: RangePartitioner): Stage {
    const known = bySample.get(partitioner);
    if (known !== undefined) return known;
    const stage = build(parent, { kind: 'sample', partitioner }, []);
    bySample.set(partitioner, stage);
    return stage;
  }

  /** None where there is one partition only: its rows are counted from 0. */
  function countStage(node: RddNode): readonly Stage[] {
    const known = byIndexed.get(node);
    if (known !== undefined) return [known];
    const numTasks = layout.numPartitions(node) - 1;
    if (numTasks < 1 || node.kind !== 'narrow') return [];
    const stage = { ...build(node.parent, { kind: 'rowCounts', node }, []), numTasks };
    byIndexed.set(node, stage);
    return [stage];
  }

  return build(root, { kind: 'result' }, []);
}

function isIndexed(node: RddNode): boolean {
  return node.kind === 'narrow' && node.step.op === 'builtIn' && node.step.operation.kind === 'index';
}

/** Every stage of the plan once, parents before children. */
export function allStages(result: Stage): readonly Stage[] {
  const seen = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (seen.has(stage)) return;
    for (const parent of stage.parents) visit(parent);
    seen.add(stage);
  };
  visit(result);
  return [...seen];
}
