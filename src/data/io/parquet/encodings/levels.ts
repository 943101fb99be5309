import { ParquetFormatError } from '../format/parquet-format-error.ts';

/**
 * Definition and repetition levels: small numbers, one byte each once decoded.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md (RLE = 3)
 */

/** How many bits the values 0 to `maximum` take. */
export function bitWidthOf(maximum: number): number {
  return 32 - Math.clz32(maximum);
}

/** Reads `count` levels of at most 8 bits into `levels` from `at`. */
export function decodeLevels(
  bytes: Uint8Array,
  start: number,
  stop: number,
  bitWidth: number,
  levels: Uint8Array,
  at: number,
  count: number,
): void {
  let position = start;
  let end = at;
  const last = at + count;
  const mask = (1 << bitWidth) - 1;
  while (end < last) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (position >= stop || shift > 28) throw new ParquetFormatError('the levels of a page are cut off');
      const byte = bytes[position++]!;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    header >>>= 0;
    if ((header & 1) === 0) {
      if (position >= stop) throw new ParquetFormatError('the levels of a page are cut off');
      const level = bytes[position++]!;
      if (level > mask) throw new ParquetFormatError(`a page has a level of ${level}, more than ${bitWidth} bits hold`);
      const runEnd = Math.min(end + (header >>> 1), last);
      levels.fill(level, end, runEnd);
      end = runEnd;
      continue;
    }
    const runEnd = Math.min(end + (header >>> 1) * 8, last);
    if (position + Math.ceil(((runEnd - end) * bitWidth) / 8) > stop)
      throw new ParquetFormatError('the levels of a page are cut off');
    const runStart = position;
    if (bitWidth === 1) {
      let byte = 0;
      for (let index = 0; end < runEnd; index++) {
        if ((index & 7) === 0) byte = bytes[position++]!;
        levels[end++] = byte & 1;
        byte >>= 1;
      }
    } else {
      let buffer = 0;
      let held = 0;
      while (end < runEnd) {
        if (held < bitWidth) {
          buffer |= bytes[position++]! << held;
          held += 8;
        }
        levels[end++] = buffer & mask;
        buffer >>>= bitWidth;
        held -= bitWidth;
      }
    }
    position = runStart + (header >>> 1) * bitWidth;
  }
}

/** Whether the levels are one run of `level`, which is how a page without nulls begins. */
export function allLevelsAre(
  level: number,
  bytes: Uint8Array,
  start: number,
  stop: number,
  bitWidth: number,
  count: number,
): boolean {
  let header = 0;
  let position = start;
  for (let shift = 0; shift <= 28; shift += 7) {
    const byte = bytes[position++]!;
    header |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return position < stop && bitWidth <= 8 && (header & 1) === 0 && header >>> 1 >= count && bytes[position] === level;
}

/** How many levels are the highest one there may be; a higher one is an error. */
export function countHighest(levels: Uint8Array, at: number, count: number, maximum: number): number {
  let found = 0;
  let above = 0;
  for (let index = at, last = at + count; index < last; index++) {
    const level = levels[index]!;
    if (level === maximum) found++;
    else if (level > maximum) above++;
  }
  if (above > 0)
    throw new ParquetFormatError(`a page has ${above} levels above ${maximum}, the highest that its column has`);
  return found;
}

/**
 * The deprecated packing of levels from the most significant bit on. @returns the bytes it took
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md (BIT_PACKED = 4)
 */
export function decodeBitPackedLevels(
  bytes: Uint8Array,
  start: number,
  bitWidth: number,
  levels: Uint8Array,
  at: number,
  count: number,
): number {
  const size = Math.ceil((count * bitWidth) / 8);
  if (start + size > bytes.length) throw new ParquetFormatError('the levels of a page are cut off');
  for (let index = 0; index < count; index++) {
    let level = 0;
    for (let bit = index * bitWidth; bit < (index + 1) * bitWidth; bit++)
      level = (level << 1) | ((bytes[start + (bit >> 3)]! >> (7 - (bit & 7))) & 1);
    levels[at + index] = level;
  }
  return size;
}
