import { formatCallSite } from '../../base/call-site.ts';
import type { LineageLayout } from '../lineage/layout.ts';
import type { NarrowStep, NodeOf, RddNode } from '../lineage/node.ts';
import type { Partitioner } from '../lineage/partitioner.ts';
import type { StorageLevelName } from '../lineage/storage-level.ts';
import { combinesOnMapSide } from './lower.ts';
import { allStages, type SplitSettings, splitStages } from './split-stages.ts';
import type { Stage, StageOutput } from './stage.ts';

export interface ExplainSettings extends SplitSettings {
  readonly levelOf: (node: RddNode) => StorageLevelName;
  /** Partitions of a persisted RDD that are in the cache now. */
  readonly cachedPartitions: (node: RddNode) => number;
  /** What of a source is read where these steps are all that sees its rows; undefined for formats that are read whole. */
  readonly readsOf: (node: NodeOf<'source'>, steps: readonly NarrowStep[]) => string | undefined;
  /** What an RDD was named with setName. */
  readonly nameOf: (node: RddNode) => string | undefined;
}

/** The stages an action on `root` would run, in order, each with its operators from the input upwards. */
export function explain(root: RddNode, settings: ExplainSettings): string {
  return allStages(splitStages(root, settings))
    .map((stage) => [stageLine(stage), ...operatorLines(stage, settings)].join('\n'))
    .join('\n');
}

function stageLine(stage: Stage): string {
  const after = stage.parents.length === 0 ? '' : ` after ${stage.parents.map(({ id }) => id).join(', ')}`;
  const tasks = `${stage.numTasks} task${stage.numTasks === 1 ? '' : 's'}`;
  return `stage ${stage.id}: ${tasks}${after}, tier T0, ${outputOf(stage.output)}`;
}

function outputOf(output: StageOutput): string {
  switch (output.kind) {
    case 'result':
      return 'result';
    case 'rowCounts':
      return `counts of rows for ${output.node.operator} at ${formatCallSite(output.node.callSite)}`;
    case 'sample':
      return `sample of keys for ${partitionerText(output.partitioner)}`;
    case 'shuffle': {
      const combine =
        output.aggregator !== undefined && combinesOnMapSide(output.aggregator) ? ', combined by key before' : '';
      return `shuffle by ${partitionerText(output.partitioner)}${combine}`;
    }
  }
}

function partitionerText(partitioner: Partitioner): string {
  return `${partitioner.kind}(${partitioner.numPartitions})`;
}

function operatorLines(stage: Stage, settings: ExplainSettings): readonly string[] {
  const lines: string[] = [];
  const printed = new Set<RddNode>();
  const visit = (node: RddNode, depth: number, above: readonly NarrowStep[]): void => {
    const isRepeated = printed.has(node);
    printed.add(node);
    lines.push(`${'  '.repeat(depth + 1)}${describe(node, settings)}${isRepeated ? ' (see above)' : ''}`);
    if (isRepeated) return;
    const reads = node.kind === 'source' ? settings.readsOf(node, above) : undefined;
    if (reads !== undefined) lines.push(`${'  '.repeat(depth + 2)}${reads}`);
    const cached = settings.cachedPartitions(node);
    if (cached > 0 && cached === settings.layout.numPartitions(node)) return;
    const dependencies = settings.layout.dependencies(node);
    const steps = node.kind === 'narrow' && settings.levelOf(node.parent) === 'NONE' ? [node.step, ...above] : [];
    const narrow = dependencies.filter((dependency) => dependency.kind === 'narrow');
    for (const dependency of dependencies) {
      if (dependency.kind === 'narrow') visit(dependency.parent, narrow.length > 1 ? depth + 1 : depth, steps);
      else lines.push(`${'  '.repeat(depth + 2)}reads the shuffle of ${dependency.parent.operator}`);
    }
  };
  visit(stage.root, 0, []);
  return lines;
}

/** `reduceByKey at report.ts:12 [4], hash(4), cached MEMORY_ONLY 2/4` */
function describe(node: RddNode, settings: ExplainSettings): string {
  const { layout, levelOf, cachedPartitions, nameOf } = settings;
  const name = nameOf(node);
  const partitioner = layout.partitioner(node);
  const level = levelOf(node);
  const count = layout.numPartitions(node);
  return [
    `${node.operator}${name === undefined ? '' : ` "${name}"`} at ${formatCallSite(node.callSite)} [${count}]`,
    ...(partitioner === undefined ? [] : [partitionerText(partitioner)]),
    ...(level === 'NONE' ? [] : [`cached ${level} ${cachedPartitions(node)}/${count}`]),
  ].join(', ');
}

/**
 * The lineage as Spark's toDebugString prints it: children above parents, a new column of `|` behind every shuffle. What was printed
 * before is named once more, but not what is below it.
 */
export function debugString(root: RddNode, layout: LineageLayout, levelOf: ExplainSettings['levelOf']): string {
  const lines: string[] = [];
  const printed = new Set<RddNode>();
  const describeSelf = (node: RddNode): string => {
    const level = levelOf(node);
    return `${node.operator} [${node.id}] at ${formatCallSite(node.callSite)}${level === 'NONE' ? '' : ` [${level}]`}`;
  };
  /** `below` is put before the lines of what `node` depends on. */
  const visit = (node: RddNode, first: string, below: string): void => {
    const isRepeated = printed.has(node);
    printed.add(node);
    const dependencies = isRepeated ? [] : layout.dependencies(node);
    lines.push(`${first}${describeSelf(node)}${isRepeated ? ' (see above)' : ''}`);
    for (const [index, { kind, parent }] of dependencies.entries()) {
      if (kind === 'narrow') visit(parent, below, below);
      else {
        const count = `(${layout.numPartitions(parent)})`;
        const before = below.replace(/\|\s+$/, '');
        visit(parent, `${before}+-${count} `, before + (index === dependencies.length - 1 ? '  ' : '| ') + bar(count));
      }
    }
  };
  const count = `(${layout.numPartitions(root)})`;
  visit(root, `${count} `, bar(count));
  return lines.join('\n');
}

/** A `|` below the middle of a count of partitions, as wide as the count and a blank. */
function bar(count: string): string {
  const left = Math.floor((count.length - 1) / 2);
  return `${' '.repeat(left)}|${' '.repeat(count.length - left)}`;
}
