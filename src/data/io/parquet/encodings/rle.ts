import { ParquetFormatError } from '../format/parquet-format-error.ts';

/**
 * The hybrid of run lengths and bit packing that levels, dictionary codes and v2 booleans use.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md (RLE = 3)
 */

/** Reads `count` values of at most 32 bits into `values` from `at`. */
export function decodeHybrid(
  bytes: Uint8Array,
  start: number,
  stop: number,
  bitWidth: number,
  values: Int32Array,
  at: number,
  count: number,
): void {
  let position = start;
  let end = at;
  const last = at + count;
  const valueBytes = (bitWidth + 7) >> 3;
  while (end < last) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (position >= stop || shift > 28) throw new ParquetFormatError('the values of a page are cut off');
      const byte = bytes[position++]!;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    header >>>= 0;
    if ((header & 1) === 0) {
      if (position + valueBytes > stop) throw new ParquetFormatError('the values of a page are cut off');
      let value = 0;
      for (let index = 0; index < valueBytes; index++) value |= bytes[position++]! << (index * 8);
      const runEnd = Math.min(end + (header >>> 1), last);
      values.fill(value, end, runEnd);
      end = runEnd;
      continue;
    }
    const wanted = Math.min((header >>> 1) * 8, last - end);
    if (position + Math.ceil((wanted * bitWidth) / 8) > stop)
      throw new ParquetFormatError('the values of a page are cut off');
    unpackBits(bytes, position, bitWidth, values, end, wanted);
    position += (header >>> 1) * bitWidth;
    end += wanted;
  }
}

/** Unpacks `count` little-endian values of `bitWidth` bits, at most 32 each. */
export function unpackBits(
  bytes: Uint8Array,
  start: number,
  bitWidth: number,
  values: Int32Array,
  at: number,
  count: number,
): void {
  const last = at + count;
  let position = start;
  if (bitWidth === 0) {
    values.fill(0, at, last);
  } else if (bitWidth === 8) {
    for (let end = at; end < last; ) values[end++] = bytes[position++]!;
  } else if (bitWidth === 16) {
    for (let end = at; end < last; position += 2) values[end++] = bytes[position]! | (bytes[position + 1]! << 8);
  } else if (bitWidth <= 24) {
    const mask = (1 << bitWidth) - 1;
    let buffer = 0;
    let held = 0;
    for (let end = at; end < last; ) {
      while (held < bitWidth) {
        buffer |= bytes[position++]! << held;
        held += 8;
      }
      values[end++] = buffer & mask;
      buffer >>>= bitWidth;
      held -= bitWidth;
    }
  } else {
    // Up to 32 bits at any bit offset span 5 bytes, more than a 32-bit buffer holds.
    for (let end = at, bit = 0; end < last; bit += bitWidth) {
      const from = position + (bit >> 3);
      const shift = bit & 7;
      const low =
        (bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24)) >>> shift;
      const high = shift === 0 ? 0 : (bytes[from + 4] ?? 0) << (32 - shift);
      values[end++] = bitWidth === 32 ? low | high : (low | high) & (2 ** bitWidth - 1);
    }
  }
}

/** Encodes values[from..to) as runs where 8 or more are equal, as bit-packed groups elsewhere. */
export function encodeHybrid(values: Int32Array | Uint8Array, from: number, to: number, bitWidth: number): Uint8Array {
  const valueBytes = (bitWidth + 7) >> 3;
  let output = new Uint8Array(Math.ceil(((to - from) * bitWidth) / 8) + (((to - from) >> 5) + 2) * 6 + 64);
  let end = 0;
  const writeVarint = (value: number): void => {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) output[end++] = (rest & 0x7f) | 0x80;
    output[end++] = rest;
  };
  const writePacked = (start: number, stop: number): void => {
    const groups = Math.ceil((stop - start) / 8);
    writeVarint(((groups << 1) | 1) >>> 0);
    let buffer = 0;
    let held = 0;
    for (let index = start; index < start + groups * 8; index++) {
      const value = index < stop ? values[index]! : 0;
      // What is held is less than a byte, so up to 24 bits fit beside it.
      if (bitWidth <= 24) {
        buffer |= value << held;
        held += bitWidth;
        for (; held >= 8; held -= 8) {
          output[end++] = buffer;
          buffer >>>= 8;
        }
        continue;
      }
      for (let bits = bitWidth, rest = value; bits > 0; ) {
        const taken = Math.min(8 - held, bits);
        buffer |= (rest & ((1 << taken) - 1)) << held;
        rest >>>= taken;
        bits -= taken;
        held += taken;
        if (held === 8) {
          output[end++] = buffer;
          buffer = 0;
          held = 0;
        }
      }
    }
  };
  let packedStart = from;
  for (let index = from; index < to; ) {
    const value = values[index]!;
    let runEnd = index + 1;
    while (runEnd < to && values[runEnd] === value) runEnd++;
    // Bit-packed groups hold a multiple of 8 values, so a run gives up what completes the group before it.
    const runStart = index + ((8 - ((index - packedStart) & 7)) & 7);
    if (runEnd - runStart >= 8) {
      if (output.length - end < Math.ceil(((runStart - packedStart) * bitWidth) / 8) + 32) {
        const grown = new Uint8Array(output.length * 2 + 64);
        grown.set(output);
        output = grown;
      }
      if (runStart > packedStart) writePacked(packedStart, runStart);
      writeVarint((runEnd - runStart) * 2);
      for (let byte = 0; byte < valueBytes; byte++) output[end++] = (value >>> (byte * 8)) & 0xff;
      packedStart = runEnd;
    }
    index = runEnd;
  }
  if (packedStart < to) {
    if (output.length - end < Math.ceil(((to - packedStart + 8) * bitWidth) / 8) + 32) {
      const grown = new Uint8Array(output.length * 2 + Math.ceil(((to - packedStart) * bitWidth) / 8));
      grown.set(output);
      output = grown;
    }
    writePacked(packedStart, to);
  }
  return output.subarray(0, end);
}
