import type { BinaryValues } from './binary-values.ts';
import { FixedValues } from './fixed-values.ts';
import { type Hash64, xxHash64 } from './xxhash64.ts';

/**
 * A split block bloom filter: the upper half of a hash picks a block of 32 bytes, the lower half a bit in each of its words.
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 */
export const blockBytes = 32;
const salts = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];
const maxFilterBytes = 1 << 20;

/** Which of `blocks` blocks a hash belongs to: the high bits of a product, without its rounding. */
export function blockOf({ high }: Hash64, blocks: number): number {
  return Math.floor((high * blocks) / 4294967296);
}

/** Whether the block may have the hash in it; false is certain. */
export function blockHas(block: Uint8Array, { low }: Hash64): boolean {
  const view = new DataView(block.buffer, block.byteOffset, blockBytes);
  return salts.every((salt, word) => (view.getUint32(word * 4, true) >>> (Math.imul(low, salt) >>> 27)) & 1);
}

/** A filter over the distinct of some packed values, sized for one false answer in a hundred. */
export function bloomFilterOf(values: FixedValues | BinaryValues): Uint8Array {
  const hashes = new Map<string, Hash64>();
  for (let index = 0; index < values.count; index++) {
    const hash = xxHash64(valueBytes(values, index));
    hashes.set(`${hash.high},${hash.low}`, hash);
  }
  // 10 bits a value, as a power of two.
  const wanted = Math.max(blockBytes, (hashes.size * 10) / 8);
  const size = Math.min(2 ** Math.ceil(Math.log2(wanted)), maxFilterBytes);
  const filter = new Uint8Array(size);
  const words = new Uint32Array(filter.buffer);
  for (const hash of hashes.values()) {
    const first = blockOf(hash, size / blockBytes) * (blockBytes / 4);
    for (let word = 0; word < salts.length; word++)
      words[first + word]! |= 1 << (Math.imul(hash.low, salts[word]!) >>> 27);
  }
  return filter;
}

function valueBytes(values: FixedValues | BinaryValues, index: number): Uint8Array {
  if (values instanceof FixedValues) return values.bytes.subarray(index * values.width, (index + 1) * values.width);
  return values.heap.subarray(values.offsets[index]!, values.offsets[index + 1]!);
}
