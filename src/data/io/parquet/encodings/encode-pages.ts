import { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';
import { bitWidthOf } from './levels.ts';
import type { PageBytes } from './page-bytes.ts';
import { encodeHybrid } from './rle.ts';

/** PLAIN: values as they are, each of variable length behind its own. */
export function encodePlain(values: FixedValues | BinaryValues, from: number, to: number, page: PageBytes): void {
  if (values instanceof BinaryValues) {
    plainBinary(values, from, to, page);
    return;
  }
  const { bytes, width } = values;
  if (values.isBoolean) page.add(plainBooleans(bytes, from, to));
  else page.add(bytes.subarray(from * width, to * width));
}

function plainBooleans(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil((to - from) / 8));
  for (let index = from; index < to; index++) bits[(index - from) >> 3]! |= bytes[index]! << ((index - from) & 7);
  return bits;
}

/** Copies four bytes at a time: what that writes behind a value, the next one writes over. */
function plainBinary({ heap, offsets }: BinaryValues, from: number, to: number, page: PageBytes): void {
  const size = offsets[to]! - offsets[from]! + (to - from) * 4;
  let end = page.reserve(size + 4);
  const output = page.bytes;
  const target = new DataView(output.buffer);
  const source = new DataView(heap.buffer, heap.byteOffset, heap.byteLength);
  const lastWord = heap.length - 4;
  for (let index = from; index < to; index++) {
    const start = offsets[index]!;
    const length = offsets[index + 1]! - start;
    target.setInt32(end, length, true);
    end += 4;
    if (length > 256) output.set(heap.subarray(start, start + length), end);
    else {
      let byte = 0;
      for (; byte < length && start + byte <= lastWord; byte += 4)
        target.setInt32(end + byte, source.getInt32(start + byte, true), true);
      for (; byte < length; byte++) output[end + byte] = heap[start + byte]!;
    }
    end += length;
  }
  page.length -= 4;
}

/** PLAIN_DICTIONARY, as v1 pages call it: the bit width of the codes, then their runs. */
export function encodeCodes(codes: Int32Array, entries: number, from: number, to: number, page: PageBytes): void {
  const bitWidth = Math.max(bitWidthOf(entries - 1), 1);
  page.add(Uint8Array.of(bitWidth));
  page.add(encodeHybrid(codes, from, to, bitWidth));
}

/** The levels of a v1 page whose entries all have the same: one run behind its length. */
export function encodeSameLevels(level: number, count: number, page: PageBytes): void {
  const output = [0, 0, 0, 0];
  for (let rest = count * 2; ; rest = Math.floor(rest / 128)) {
    output.push(rest < 128 ? rest : (rest % 128) | 128);
    if (rest < 128) break;
  }
  output.push(level);
  output[0] = output.length - 4;
  page.add(Uint8Array.from(output));
}

/** The levels of a v1 page: runs behind their length. */
export function encodeLevels(levels: Uint8Array, from: number, to: number, maximum: number, page: PageBytes): void {
  const runs = encodeHybrid(levels, from, to, bitWidthOf(maximum));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, runs.length, true);
  page.add(length);
  page.add(runs);
}
