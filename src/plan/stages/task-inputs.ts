import { defined } from '../../base/defined.ts';
import type { TaskNode } from './task-plan.ts';

/** The partitions of other plan nodes that partition `partition` of `node` is computed from, directly. */
export function inputsOf(node: TaskNode, partition: number): readonly (readonly [TaskNode, number])[] {
  switch (node.kind) {
    case 'blocks':
    case 'range':
    case 'source':
    case 'shuffleRead':
      return [];
    case 'pipeline':
    case 'mapPartitions':
    case 'glom':
    case 'foldPartition':
    case 'builtIn':
    case 'combine':
    case 'sort':
    case 'cached':
      return [[node.input, partition]];
    case 'stacked':
    case 'zip':
    case 'cogroup':
    case 'join':
      return node.inputs.map((input) => [input, partition]);
    case 'cartesian':
      return [
        [node.left, Math.floor(partition / node.rightPartitions)],
        [node.right, partition % node.rightPartitions],
      ];
    case 'gather':
      return defined(node.groups[partition], `group ${partition}`).map((index) => [node.input, index]);
    case 'union': {
      let index = partition;
      for (const input of node.inputs) {
        if (index < input.numPartitions) return [[input.node, index]];
        index -= input.numPartitions;
      }
      return [];
    }
  }
}

/** The plan nodes that `node` is computed from, whatever the partition. */
export function childrenOf(node: TaskNode): readonly TaskNode[] {
  switch (node.kind) {
    case 'blocks':
    case 'range':
    case 'source':
    case 'shuffleRead':
      return [];
    case 'pipeline':
    case 'mapPartitions':
    case 'glom':
    case 'foldPartition':
    case 'builtIn':
    case 'combine':
    case 'sort':
    case 'cached':
    case 'gather':
      return [node.input];
    case 'stacked':
    case 'zip':
    case 'cogroup':
    case 'join':
      return node.inputs;
    case 'cartesian':
      return [node.left, node.right];
    case 'union':
      return node.inputs.map((input) => input.node);
  }
}
