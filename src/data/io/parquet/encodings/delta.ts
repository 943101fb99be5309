import { ParquetFormatError } from '../format/parquet-format-error.ts';
import { unpackBits } from './rle.ts';

/**
 * DELTA_BINARY_PACKED: blocks of miniblocks of bit-packed differences.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md (DELTA_BINARY_PACKED = 5)
 */
interface DeltaHeader {
  readonly valuesPerMiniblock: number;
  readonly miniblocks: number;
  readonly count: number;
}

/** A cursor over the bytes of one page; varints of 64 bits arrive as two halves, so that no BigInt is made. */
class DeltaCursor {
  readonly bytes: Uint8Array;
  position: number;
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1, count = 0; count < 5; scale *= 128, count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new ParquetFormatError('a delta-encoded page has a broken header', this.position);
  }

  /** Reads a zigzag varint of up to 64 bits into `low` and `high`. */
  zigzag(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 63) throw new ParquetFormatError('a delta-encoded page has a broken number', this.position);
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) break;
    }
    const sign = -(low & 1);
    this.low = ((low >>> 1) | (high << 31)) ^ sign;
    this.high = (high >>> 1) ^ sign;
  }

  header(): DeltaHeader {
    const blockSize = this.varint();
    const miniblocks = this.varint();
    const count = this.varint();
    if (miniblocks === 0 || blockSize % miniblocks !== 0 || (blockSize / miniblocks) % 8 !== 0 || blockSize > 2 ** 24)
      throw new ParquetFormatError(
        `a delta-encoded page has blocks of ${blockSize} in ${miniblocks} parts`,
        this.position,
      );
    return { valuesPerMiniblock: blockSize / miniblocks, miniblocks, count };
  }

  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) throw new ParquetFormatError('a delta-encoded page is cut off', this.position);
    this.position++;
    return byte;
  }

  take(count: number): number {
    const start = this.position;
    if (start + count > this.bytes.length) throw new ParquetFormatError('a delta-encoded page is cut off', start);
    this.position += count;
    return start;
  }
}

/** Reads `count` 32-bit values into `values` from `at`. @returns the position behind them */
export function decodeDeltaInt32(
  bytes: Uint8Array,
  start: number,
  values: Int32Array,
  at: number,
  count: number,
): number {
  const cursor = new DeltaCursor(bytes, start);
  const header = cursor.header();
  checkCount(header.count, count);
  cursor.zigzag();
  let previous = cursor.low;
  let end = at;
  const last = at + header.count;
  if (end < last) values[end++] = previous;
  const deltas = new Int32Array(header.valuesPerMiniblock);
  while (end < last) {
    cursor.zigzag();
    const minimum = cursor.low;
    const widths = cursor.take(header.miniblocks);
    for (let block = 0; block < header.miniblocks && end < last; block++) {
      const width = bytes[widths + block]!;
      if (width > 32)
        throw new ParquetFormatError(`a delta-encoded page has differences of ${width} bits`, cursor.position);
      const packed = cursor.position;
      const wanted = Math.min(header.valuesPerMiniblock, last - end);
      takeMiniblock(cursor, width, header.valuesPerMiniblock, wanted);
      unpackBits(bytes, packed, width, deltas, 0, wanted);
      for (let index = 0; index < wanted; index++) {
        previous = (previous + minimum + deltas[index]!) | 0;
        values[end++] = previous;
      }
    }
  }
  return cursor.position;
}

/** Reads `count` 64-bit values as pairs of 32-bit halves, low first, into `halves` from 2 * `at`. @returns the position behind them */
export function decodeDeltaInt64(
  bytes: Uint8Array,
  start: number,
  halves: Int32Array,
  at: number,
  count: number,
): number {
  const cursor = new DeltaCursor(bytes, start);
  const header = cursor.header();
  checkCount(header.count, count);
  cursor.zigzag();
  let low = cursor.low;
  let high = cursor.high;
  let end = at;
  const last = at + header.count;
  if (end < last) {
    halves[end * 2] = low;
    halves[end * 2 + 1] = high;
    end++;
  }
  const lows = new Int32Array(header.valuesPerMiniblock);
  const highs = new Int32Array(header.valuesPerMiniblock);
  while (end < last) {
    cursor.zigzag();
    const minimumLow = cursor.low >>> 0;
    const minimumHigh = cursor.high;
    const widths = cursor.take(header.miniblocks);
    for (let block = 0; block < header.miniblocks && end < last; block++) {
      const width = bytes[widths + block]!;
      if (width > 64)
        throw new ParquetFormatError(`a delta-encoded page has differences of ${width} bits`, cursor.position);
      const packed = cursor.position;
      const wanted = Math.min(header.valuesPerMiniblock, last - end);
      takeMiniblock(cursor, width, header.valuesPerMiniblock, wanted);
      if (width <= 32) {
        unpackBits(bytes, packed, width, lows, 0, wanted);
        highs.fill(0, 0, wanted);
      } else unpackWide(bytes, packed, width, lows, highs, wanted);
      for (let index = 0; index < wanted; index++) {
        // Each sum of three 32-bit parts stays far below 2^53, so its carry is exact.
        const sum = (low >>> 0) + minimumLow + (lows[index]! >>> 0);
        low = sum | 0;
        high = (high + minimumHigh + highs[index]! + Math.floor(sum / 4294967296)) | 0;
        halves[end * 2] = low;
        halves[end * 2 + 1] = high;
        end++;
      }
    }
  }
  return cursor.position;
}

/** The last miniblock may be cut after the values it holds: some writers do not pad it. */
function takeMiniblock(cursor: DeltaCursor, width: number, size: number, wanted: number): void {
  const padded = (size * width) >> 3;
  cursor.take(
    wanted < size
      ? Math.min(padded, Math.max(cursor.bytes.length - cursor.position, Math.ceil((wanted * width) / 8)))
      : padded,
  );
}

function unpackWide(
  bytes: Uint8Array,
  start: number,
  width: number,
  lows: Int32Array,
  highs: Int32Array,
  count: number,
): void {
  const highMask = width === 64 ? -1 : (1 << (width - 32)) - 1;
  const word = (at: number): number =>
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
  for (let index = 0, bit = 0; index < count; index++, bit += width) {
    const at = start + (bit >> 3);
    const shift = bit & 7;
    const first = word(at);
    const second = word(at + 4);
    if (shift === 0) {
      lows[index] = first;
      highs[index] = second & highMask;
    } else {
      lows[index] = (first >>> shift) | (second << (32 - shift));
      highs[index] = ((second >>> shift) | ((bytes[at + 8] ?? 0) << (32 - shift))) & highMask;
    }
  }
}

function checkCount(found: number, expected: number): void {
  if (found !== expected)
    throw new ParquetFormatError(`a delta-encoded page holds ${found} values where its header says ${expected}`);
}
