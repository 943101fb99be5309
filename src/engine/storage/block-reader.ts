import { decodeBatch } from '../../data/columnar/row-codec.ts';
import type { Block, MapOutput } from '../protocol/block.ts';
import { BlockFileReader } from './block-file.ts';

/**
 * The encoded batches of a block, one at a time.
 * @throws {BlockLost} when a file cannot be read or is not what was written
 */
export function* blockBatches(block: Block): Iterable<Uint8Array> {
  if (block.kind === 'memory') {
    yield* block.batches;
    return;
  }
  const reader = new BlockFileReader(block.path);
  try {
    for (const extent of block.batches) yield reader.read(extent);
  } finally {
    reader.close();
  }
}

/** The rows of a block, batch by batch. */
export function* blockRows(block: Block): Iterable<unknown[]> {
  for (const bytes of blockBatches(block)) yield decodeBatch(bytes);
}

/** The encoded batches that a map task wrote for one reduce partition; {@link BlockLost} when they cannot be read. */
export function* mapOutputBatches(output: MapOutput, partition: number): Iterable<Uint8Array> {
  const first = output.starts[partition] ?? 0;
  const end = output.starts[partition + 1] ?? first;
  if (first === end) return;
  const { segments } = output;
  const at = (index: number, field: number): number => segments.extents[index * 3 + field] ?? 0;
  if (segments.kind === 'memory') {
    for (let i = first; i < end; i++) {
      const buffer = segments.buffers[at(i, 0)];
      if (buffer !== undefined) yield buffer.subarray(at(i, 1), at(i, 1) + at(i, 2));
    }
    return;
  }
  const reader = new BlockFileReader(segments.path);
  try {
    for (let i = first; i < end; i++) yield reader.read({ offset: at(i, 0), length: at(i, 1), checksum: at(i, 2) });
  } finally {
    reader.close();
  }
}
