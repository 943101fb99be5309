import type { EncodedRows, NodeOf } from '../../plan/lineage/node.ts';
import type { Block } from '../protocol/block.ts';
import { BlockWriter } from '../storage/block-writer.ts';

/** The rows given to `parallelize` or `fromArrow`, as blocks: each partition is encoded when it is first needed and kept as long as the RDD. */
export class ParallelizedBlocks {
  readonly #blocks = new WeakMap<NodeOf<'parallelized'>, Map<number, Block>>();

  of(node: NodeOf<'parallelized'>, partition: number): Block {
    const blocks = this.#blocks.get(node) ?? new Map<number, Block>();
    this.#blocks.set(node, blocks);
    let block = blocks.get(partition);
    if (block === undefined) {
      const { rows, numPartitions } = node;
      const first = Math.floor((partition * rows.length) / numPartitions);
      const end = Math.floor(((partition + 1) * rows.length) / numPartitions);
      block = 'encode' in rows ? encodedBlock(rows, first, end) : blockOf(rows.slice(first, end));
      blocks.set(partition, block);
    }
    return block;
  }
}

function blockOf(rows: readonly unknown[]): Block {
  const writer = new BlockWriter();
  writer.write(rows);
  return writer.finish();
}

function encodedBlock(rows: EncodedRows, start: number, end: number): Block {
  const batches = rows.encode(start, end);
  return {
    kind: 'memory',
    batches,
    rows: end - start,
    sizeBytes: batches.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}
