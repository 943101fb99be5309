import { ParquetFormatError } from '../format/parquet-format-error.ts';

/**
 * LZ4 blocks, without a frame.
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function decompressLz4Block(input: Uint8Array, outputLength: number): Uint8Array {
  const output = new Uint8Array(outputLength);
  const end = decompressInto(input, 0, input.length, output, 0);
  if (end !== outputLength)
    throw new ParquetFormatError(`lz4: the block holds ${end} bytes where its page says ${outputLength}`);
  return output;
}

/**
 * The codec that Parquet calls LZ4 and never specified: blocks behind Hadoop's two big-endian lengths, or, from
 * older writers, one bare block.
 * @see https://github.com/apache/parquet-format/blob/master/Compression.md
 */
export function decompressHadoopLz4(input: Uint8Array, outputLength: number): Uint8Array {
  if (!isHadoopFramed(input, outputLength)) return decompressLz4Block(input, outputLength);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Uint8Array(outputLength);
  let end = 0;
  for (let position = 0; position < input.length; ) {
    const blockEnd = end + view.getUint32(position);
    const compressed = view.getUint32(position + 4);
    position += 8;
    end = decompressInto(input, position, position + compressed, output, end);
    if (end !== blockEnd) throw new ParquetFormatError('lz4: a Hadoop block has another length than it says');
    position += compressed;
  }
  return output;
}

function isHadoopFramed(input: Uint8Array, outputLength: number): boolean {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let position = 0;
  let total = 0;
  while (position + 8 <= input.length) {
    total += view.getUint32(position);
    position += 8 + view.getUint32(position + 4);
  }
  return position === input.length && total === outputLength;
}

function decompressInto(
  input: Uint8Array,
  start: number,
  stop: number,
  output: Uint8Array,
  outputStart: number,
): number {
  let position = start;
  let end = outputStart;
  if (stop > input.length) throw new ParquetFormatError('lz4: the block is cut off');
  while (position < stop) {
    const token = input[position++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255) {
        if (position >= stop) throw new ParquetFormatError('lz4: the block is cut off');
        byte = input[position++]!;
        literals += byte;
      }
    }
    if (position + literals > stop || end + literals > output.length)
      throw new ParquetFormatError('lz4: a literal runs past the end of the block');
    if (literals <= 24) {
      for (let index = 0; index < literals; index++) output[end + index] = input[position + index]!;
    } else {
      output.set(input.subarray(position, position + literals), end);
    }
    position += literals;
    end += literals;
    if (position >= stop) break;
    const offset = input[position]! | (input[position + 1]! << 8);
    position += 2;
    let length = token & 15;
    if (length === 15) {
      let byte = 255;
      while (byte === 255) {
        if (position >= stop) throw new ParquetFormatError('lz4: the block is cut off');
        byte = input[position++]!;
        length += byte;
      }
    }
    length += 4;
    if (position > stop || offset === 0 || offset > end - outputStart || end + length > output.length)
      throw new ParquetFormatError('lz4: a copy reaches outside of the block');
    for (let from = end - offset, last = end + length; end < last; ) output[end++] = output[from++]!;
  }
  return end;
}

const hashBits = 15;
const hashTable = new Int32Array(1 << hashBits);

/** An LZ4 block of `input`. */
export function compressLz4Block(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(input.length + Math.ceil(input.length / 255) + 16);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  // The format asks that the last match starts 12 bytes before the end, and that the last 5 bytes are literals.
  const matchLimit = input.length - 12;
  let end = 0;
  let literalStart = 0;
  let skip = 32;
  hashTable.fill(-1);
  for (let position = 0; position < matchLimit; ) {
    const word = view.getUint32(position, true);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - hashBits);
    const candidate = hashTable[slot]!;
    hashTable[slot] = position;
    if (candidate < 0 || position - candidate > 0xffff || view.getUint32(candidate, true) !== word) {
      position += skip++ >> 5;
      continue;
    }
    skip = 32;
    let length = 4;
    const lengthLimit = input.length - 5 - position;
    while (length < lengthLimit && input[candidate + length] === input[position + length]) length++;
    end = emitSequence(input, literalStart, position, output, end, length - 4);
    output[end++] = (position - candidate) & 0xff;
    output[end++] = (position - candidate) >> 8;
    if (length - 4 >= 15) end = emitLength(output, end, length - 4 - 15);
    position += length;
    literalStart = position;
  }
  return output.subarray(0, emitSequence(input, literalStart, input.length, output, end, 0));
}

/** The token and the literals before a match of `matchCode` + 4 bytes. */
function emitSequence(
  input: Uint8Array,
  start: number,
  stop: number,
  output: Uint8Array,
  outputEnd: number,
  matchCode: number,
): number {
  let end = outputEnd;
  const literals = stop - start;
  output[end++] = (Math.min(literals, 15) << 4) | Math.min(matchCode, 15);
  if (literals >= 15) end = emitLength(output, end, literals - 15);
  output.set(input.subarray(start, stop), end);
  return end + literals;
}

function emitLength(output: Uint8Array, outputEnd: number, length: number): number {
  let end = outputEnd;
  let rest = length;
  for (; rest >= 255; rest -= 255) output[end++] = 255;
  output[end++] = rest;
  return end;
}
