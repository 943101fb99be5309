import { BinaryValues, hugeColumn, maxHeapBytes } from './binary-values.ts';
import { FixedValues } from './fixed-values.ts';

/** Columns of one width, one behind the other. */
export function concatFixed(pieces: readonly FixedValues[]): FixedValues {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const count = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const all = new FixedValues(first?.width ?? 4, count, first?.isBoolean);
  for (const { bytes, width, count: length } of pieces) {
    all.bytes.set(bytes.subarray(0, length * width), all.count * width);
    all.count += length;
  }
  return all;
}

/** Columns of values of any length, one behind the other. */
export function concatBinary(pieces: readonly BinaryValues[]): BinaryValues {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const count = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const size = pieces.reduce((sum, { offsets, count: length }) => sum + offsets[length]! - offsets[0]!, 0);
  if (size > maxHeapBytes) throw hugeColumn();
  const all = new BinaryValues(count, size);
  for (const { heap, offsets, count: length } of pieces) {
    const start = offsets[0]!;
    const end = all.offsets[all.count]!;
    all.heap.set(heap.subarray(start, offsets[length]), end);
    const shift = end - start;
    for (let index = 1, to = all.count + 1; index <= length; index++, to++) all.offsets[to] = offsets[index]! + shift;
    all.count += length;
  }
  return all;
}

/** Safe integers of 64 bits as float64. */
export function floatsOf({ bytes, count }: FixedValues): FixedValues {
  const words = new Int32Array(bytes.buffer);
  const floats = new Float64Array(count);
  for (let index = 0; index < count; index++)
    floats[index] = words[index * 2 + 1]! * 4294967296 + (words[index * 2]! >>> 0);
  return FixedValues.of(8, new Uint8Array(floats.buffer));
}
