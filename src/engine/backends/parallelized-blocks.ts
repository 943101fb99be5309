import type { NodeOf } from '../../plan/lineage/node.ts';
import type { Block } from '../protocol/block.ts';
import { BlockWriter } from '../storage/block-writer.ts';

/** The rows given to `parallelize`, as blocks: each partition is encoded when it is first needed and kept as long as the RDD. */
export class ParallelizedBlocks {
  readonly #blocks = new WeakMap<NodeOf<'parallelized'>, Map<number, Block>>();

  of(node: NodeOf<'parallelized'>, partition: number): Block {
    const blocks = this.#blocks.get(node) ?? new Map<number, Block>();
    this.#blocks.set(node, blocks);
    let block = blocks.get(partition);
    if (block === undefined) {
      const { rows, numPartitions } = node;
      const writer = new BlockWriter();
      const first = Math.floor((partition * rows.length) / numPartitions);
      writer.write(rows.slice(first, Math.floor(((partition + 1) * rows.length) / numPartitions)));
      block = writer.finish();
      blocks.set(partition, block);
    }
    return block;
  }
}
