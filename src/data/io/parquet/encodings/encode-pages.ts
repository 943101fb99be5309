import { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';
import { bitWidthOf } from './levels.ts';
import { encodeHybrid } from './rle.ts';

/** PLAIN: values as they are, each of variable length behind its own. */
export function encodePlain(values: FixedValues | BinaryValues, from: number, to: number): Uint8Array {
  if (values instanceof BinaryValues) return plainBinary(values, from, to);
  const { bytes, width } = values;
  if (!values.isBoolean) return bytes.subarray(from * width, to * width);
  const bits = new Uint8Array(Math.ceil((to - from) / 8));
  for (let index = from; index < to; index++) bits[(index - from) >> 3]! |= bytes[index]! << ((index - from) & 7);
  return bits;
}

function plainBinary({ heap, offsets }: BinaryValues, from: number, to: number): Uint8Array {
  const output = new Uint8Array(offsets[to]! - offsets[from]! + (to - from) * 4);
  let end = 0;
  for (let index = from; index < to; index++) {
    const start = offsets[index]!;
    const length = offsets[index + 1]! - start;
    output[end++] = length & 0xff;
    output[end++] = (length >> 8) & 0xff;
    output[end++] = (length >> 16) & 0xff;
    output[end++] = length >>> 24;
    if (length <= 64) for (let byte = 0; byte < length; byte++) output[end + byte] = heap[start + byte]!;
    else output.set(heap.subarray(start, start + length), end);
    end += length;
  }
  return output;
}

/** PLAIN_DICTIONARY, as v1 pages call it: the bit width of the codes, then their runs. */
export function encodeCodes(codes: Int32Array, entries: number, from: number, to: number): Uint8Array {
  const bitWidth = Math.max(bitWidthOf(entries - 1), 1);
  const runs = encodeHybrid(codes, from, to, bitWidth);
  const output = new Uint8Array(runs.length + 1);
  output[0] = bitWidth;
  output.set(runs, 1);
  return output;
}

/** The levels of a v1 page whose entries all have the same: one run behind its length. */
export function encodeSameLevels(level: number, count: number): Uint8Array {
  const output = [0, 0, 0, 0];
  for (let rest = count * 2; ; rest = Math.floor(rest / 128)) {
    output.push(rest < 128 ? rest : (rest % 128) | 128);
    if (rest < 128) break;
  }
  output.push(level);
  output[0] = output.length - 4;
  return Uint8Array.from(output);
}

/** The levels of a v1 page: runs behind their length. */
export function encodeLevels(levels: Uint8Array, from: number, to: number, maximum: number): Uint8Array {
  const runs = encodeHybrid(levels, from, to, bitWidthOf(maximum));
  const output = new Uint8Array(runs.length + 4);
  new DataView(output.buffer).setUint32(0, runs.length, true);
  output.set(runs, 4);
  return output;
}
