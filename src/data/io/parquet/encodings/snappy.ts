import { ParquetFormatError } from '../format/parquet-format-error.ts';

/**
 * Snappy blocks. In JS and not in wasm because pages would have to be copied in and out of its memory, which costs more
 * than what it gains: measured at 2 to 3 times the speed of hysnappy for pages of a megabyte.
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
export function decompressSnappy(input: Uint8Array, outputLength: number): Uint8Array {
  const inputLength = input.length;
  let position = 0;
  let declared = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[position++];
    if (byte === undefined || shift > 28) throw new ParquetFormatError('snappy: the length at the start is broken');
    declared += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (declared !== outputLength)
    throw new ParquetFormatError(`snappy: the block says it holds ${declared} bytes, its page ${outputLength}`);
  const output = new Uint8Array(outputLength);
  let end = 0;
  while (position < inputLength) {
    const tag = input[position++]!;
    if ((tag & 3) === 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const extra = length - 59;
        if (position + extra > inputLength) throw new ParquetFormatError('snappy: the block is cut off');
        length = input[position]!;
        if (extra > 1) length |= input[position + 1]! << 8;
        if (extra > 2) length |= input[position + 2]! << 16;
        if (extra > 3) length += input[position + 3]! * 0x1000000;
        position += extra;
      }
      length++;
      if (position + length > inputLength || end + length > outputLength)
        throw new ParquetFormatError('snappy: a literal runs past the end of the block');
      if (length <= 24) {
        for (let index = 0; index < length; index++) output[end + index] = input[position + index]!;
      } else {
        output.set(input.subarray(position, position + length), end);
      }
      position += length;
      end += length;
      continue;
    }
    let length: number;
    let offset: number;
    if ((tag & 3) === 1) {
      length = ((tag >> 2) & 7) + 4;
      offset = ((tag >> 5) << 8) | input[position]!;
      position++;
    } else if ((tag & 3) === 2) {
      length = (tag >> 2) + 1;
      offset = input[position]! | (input[position + 1]! << 8);
      position += 2;
    } else {
      length = (tag >> 2) + 1;
      offset =
        (input[position]! |
          (input[position + 1]! << 8) |
          (input[position + 2]! << 16) |
          (input[position + 3]! << 24)) >>>
        0;
      position += 4;
    }
    if (position > inputLength || offset === 0 || offset > end || end + length > outputLength)
      throw new ParquetFormatError('snappy: a copy reaches outside of the block');
    copyWithin(output, end, offset, length);
    end += length;
  }
  if (end !== outputLength)
    throw new ParquetFormatError(`snappy: the block holds ${end} bytes where its page says ${outputLength}`);
  return output;
}

/** Copies `length` bytes from `offset` before `end` to `end`; the ranges may overlap, then the bytes repeat. */
function copyWithin(output: Uint8Array, end: number, offset: number, length: number): void {
  if (offset === 1) {
    output.fill(output[end - 1]!, end, end + length);
    return;
  }
  for (let to = end, from = end - offset, stop = end + length; to < stop; ) output[to++] = output[from++]!;
}

const hashBits = 14;
const blockSize = 1 << 16;
const hashTable = new Uint16Array(1 << hashBits);

/** How many bytes a block of so many takes at most. */
export function maxSnappyBytes(inputLength: number): number {
  return 32 + inputLength + Math.ceil(inputLength / 6);
}

/**
 * Writes a snappy block of `input` to the start of `output`, which has room for it. @returns its length. Works in fragments of 64 KiB, so that positions fit 16 bits. Matches have at least 6 bytes:
 * those of 4, which the format knows too, save next to nothing and take as long again to write and to read.
 */
export function compressSnappy(input: Uint8Array, output: Uint8Array): number {
  let end = 0;
  let rest = input.length;
  while (rest >= 0x80) {
    output[end++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  output[end++] = rest;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  for (let start = 0; start < input.length; start += blockSize)
    end = compressFragment(input, view, start, Math.min(start + blockSize, input.length), output, end);
  return end;
}

function compressFragment(
  input: Uint8Array,
  view: DataView,
  start: number,
  stop: number,
  output: Uint8Array,
  outputEnd: number,
): number {
  let end = outputEnd;
  let literalStart = start;
  const matchLimit = stop - 15;
  if (start < matchLimit) {
    hashTable.fill(0);
    let position = start + 1;
    // After 32 misses in a row the steps grow, so that what does not compress costs little.
    let skip = 32;
    while (position < matchLimit) {
      const word = view.getUint32(position, true);
      const next = view.getUint16(position + 4, true);
      const slot = Math.imul(word ^ Math.imul(next, 0x9e3779b1), 0x1e35a7bd) >>> (32 - hashBits);
      const candidate = start + hashTable[slot]!;
      hashTable[slot] = position - start;
      if (
        candidate >= position ||
        view.getUint32(candidate, true) !== word ||
        view.getUint16(candidate + 4, true) !== next
      ) {
        position += skip++ >> 5;
        continue;
      }
      skip = 32;
      let length = 6;
      while (
        position + length < matchLimit &&
        view.getInt32(candidate + length, true) === view.getInt32(position + length, true)
      )
        length += 4;
      while (position + length < stop && input[candidate + length] === input[position + length]) length++;
      if (position > literalStart) end = emitLiteral(input, literalStart, position, output, end);
      end = emitCopy(output, end, position - candidate, length);
      position += length;
      literalStart = position;
    }
  }
  return literalStart < stop ? emitLiteral(input, literalStart, stop, output, end) : end;
}

function emitLiteral(input: Uint8Array, start: number, stop: number, output: Uint8Array, outputEnd: number): number {
  let end = outputEnd;
  const length = stop - start;
  if (length <= 60) output[end++] = (length - 1) << 2;
  else if (length <= 256) {
    output[end++] = 60 << 2;
    output[end++] = length - 1;
  } else {
    output[end++] = 61 << 2;
    output[end++] = (length - 1) & 0xff;
    output[end++] = (length - 1) >> 8;
  }
  if (length <= 24) {
    for (let index = start; index < stop; index++) output[end++] = input[index]!;
    return end;
  }
  output.set(input.subarray(start, stop), end);
  return end + length;
}

function emitCopy(output: Uint8Array, outputEnd: number, offset: number, matchLength: number): number {
  let end = outputEnd;
  let length = matchLength;
  while (length > 0) {
    if (length >= 4 && length <= 11 && offset < 2048) {
      output[end++] = ((offset >> 8) << 5) | ((length - 4) << 2) | 1;
      output[end++] = offset & 0xff;
      return end;
    }
    // A rest of fewer than 4 bytes would be dear, so the copy before it is shorter.
    const part = length > 64 ? (length < 68 ? 60 : 64) : length;
    output[end++] = ((part - 1) << 2) | 2;
    output[end++] = offset & 0xff;
    output[end++] = offset >> 8;
    length -= part;
  }
  return end;
}
