import { BinaryValues, hugeColumn, maxHeapBytes } from './binary-values.ts';
import { FixedValues } from './fixed-values.ts';

/** Memory that every call takes anew: fresh memory for each column would cost more than the copy. */
const scratch = { bytes: new Uint8Array(0), heap: new Uint8Array(0) };
/** Larger columns get memory of their own, which does not stay. */
const mostScratchBytes = 16 * 1024 * 1024;

/** Columns of one width, one behind the other. They hold until the next call. */
export function concatFixed(pieces: readonly FixedValues[]): FixedValues {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const { width = 4, isBoolean = false } = first ?? {};
  const count = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const all = FixedValues.of(width, bytesFor('bytes', count * width), isBoolean);
  all.count = 0;
  for (const { bytes, count: length } of pieces) {
    all.bytes.set(bytes.subarray(0, length * width), all.count * width);
    all.count += length;
  }
  return all;
}

/** Columns of values of any length, one behind the other. They hold until the next call. */
export function concatBinary(pieces: readonly BinaryValues[]): BinaryValues {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const count = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const size = pieces.reduce((sum, { offsets, count: length }) => sum + offsets[length]! - offsets[0]!, 0);
  if (size > maxHeapBytes) throw hugeColumn();
  const all = BinaryValues.of(new Int32Array(count + 1), bytesFor('heap', size));
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

/** At least so many bytes; a number of them that every width of typed arrays divides. */
function bytesFor(use: keyof typeof scratch, size: number): Uint8Array {
  if (scratch[use].length >= size) return scratch[use];
  const bytes = new Uint8Array(Math.ceil(size / 4096) * 4096);
  if (size <= mostScratchBytes) scratch[use] = bytes;
  return bytes;
}

/** Safe integers of 64 bits as float64. */
export function floatsOf({ bytes, count }: FixedValues): FixedValues {
  const words = new Int32Array(bytes.buffer);
  const floats = new Float64Array(count);
  for (let index = 0; index < count; index++)
    floats[index] = words[index * 2 + 1]! * 4294967296 + (words[index * 2]! >>> 0);
  return FixedValues.of(8, new Uint8Array(floats.buffer));
}
