import { encoding } from '../format/parquet-format.ts';
import { ParquetFormatError, ParquetUnsupportedError } from '../format/parquet-format-error.ts';
import { BinaryValues } from './binary-values.ts';
import { decodeDeltaInt32, decodeDeltaInt64 } from './delta.ts';
import { decodeLevels } from './levels.ts';
import { decodeHybrid } from './rle.ts';

/**
 * Values of `width` bytes each, one behind the other, nulls left out until `spread` makes room for them.
 * Little-endian as in the file, which is what every machine that Node runs on has. Booleans are bytes 0 and 1.
 */
export class FixedValues {
  readonly width: number;
  readonly isBoolean: boolean;
  /** capacity * width bytes; starts at a multiple of 8 in its buffer. */
  readonly bytes: Uint8Array;
  count = 0;
  readonly #words: Int32Array | undefined;

  constructor(
    width: number,
    capacity: number,
    isBoolean = false,
    bytes: Uint8Array = new Uint8Array(capacity * width),
  ) {
    this.width = width;
    this.isBoolean = isBoolean;
    this.bytes = bytes;
    this.#words = width % 4 === 0 ? new Int32Array(bytes.buffer) : undefined;
  }

  /** The values that lie in `bytes`, which are all of their buffer. */
  static of(width: number, bytes: Uint8Array, isBoolean = false): FixedValues {
    const values = new FixedValues(width, 0, isBoolean, bytes);
    values.count = bytes.length / width;
    return values;
  }

  /** Appends `count` values that a page holds in bytes[start..stop). */
  decode(
    pageEncoding: number,
    bytes: Uint8Array,
    start: number,
    stop: number,
    count: number,
    dictionary?: FixedValues,
  ): void {
    if (count === 0) return;
    switch (pageEncoding) {
      case encoding.plain:
        if (this.isBoolean) this.#plainBooleans(bytes, start, stop, count);
        else this.#plain(bytes, start, stop, count);
        break;
      case encoding.plainDictionary:
      case encoding.rleDictionary:
        if (dictionary === undefined) throw new ParquetFormatError('a page refers to a dictionary that is not there');
        this.#gather(decodeCodes(bytes, start, stop, count), dictionary);
        break;
      case encoding.rle:
        if (!this.isBoolean) throw unfit(pageEncoding);
        // A v1 or v2 page holds the length of the runs before them.
        decodeLevels(bytes, start + 4, stop, 1, this.bytes, this.count, count);
        break;
      case encoding.deltaBinaryPacked:
        if (this.#words === undefined || this.width > 8) throw unfit(pageEncoding);
        if (this.width === 4) decodeDeltaInt32(bytes.subarray(0, stop), start, this.#words, this.count, count);
        else decodeDeltaInt64(bytes.subarray(0, stop), start, this.#words, this.count, count);
        break;
      case encoding.byteStreamSplit:
        if (this.isBoolean) throw unfit(pageEncoding);
        this.#byteStreamSplit(bytes, start, stop, count);
        break;
      case encoding.deltaByteArray:
        this.#deltaByteArray(bytes, start, stop, count);
        break;
      default:
        throw unfit(pageEncoding);
    }
    this.count += count;
  }

  /** Moves the values to the slots where `levels` says that one is there, with zeros between; `slots` is their number. */
  spread(isThere: Uint8Array, slots: number): void {
    const { bytes, width } = this;
    const words = this.#words;
    let from = this.count;
    if (words !== undefined && width <= 8) {
      const perValue = width >> 2;
      for (let slot = slots - 1; slot >= 0; slot--) {
        if (isThere[slot] === 1) from--;
        for (let word = 0; word < perValue; word++)
          words[slot * perValue + word] = isThere[slot] === 1 ? words[from * perValue + word]! : 0;
      }
    } else {
      for (let slot = slots - 1; slot >= 0; slot--) {
        if (isThere[slot] === 1) {
          from--;
          bytes.copyWithin(slot * width, from * width, (from + 1) * width);
        } else bytes.fill(0, slot * width, (slot + 1) * width);
      }
    }
    this.count = slots;
  }

  #plain(bytes: Uint8Array, start: number, stop: number, count: number): void {
    const size = count * this.width;
    if (start + size > stop) throw cutOff(count, stop - start);
    this.bytes.set(bytes.subarray(start, start + size), this.count * this.width);
  }

  #plainBooleans(bytes: Uint8Array, start: number, stop: number, count: number): void {
    if (start + Math.ceil(count / 8) > stop) throw cutOff(count, stop - start);
    for (let index = 0, end = this.count; index < count; index++)
      this.bytes[end++] = (bytes[start + (index >> 3)]! >> (index & 7)) & 1;
  }

  #gather(codes: Int32Array, dictionary: FixedValues): void {
    checkCodes(codes, dictionary.count);
    const { width } = this;
    const words = this.#words;
    const from = dictionary.#words;
    if (words !== undefined && from !== undefined && width === 4) {
      for (let index = 0, end = this.count; index < codes.length; index++) words[end++] = from[codes[index]!]!;
    } else if (words !== undefined && from !== undefined && width === 8) {
      for (let index = 0, end = this.count * 2; index < codes.length; index++) {
        const code = codes[index]! * 2;
        words[end++] = from[code]!;
        words[end++] = from[code + 1]!;
      }
    } else {
      for (let index = 0, end = this.count * width; index < codes.length; index++) {
        const code = codes[index]! * width;
        for (let byte = 0; byte < width; byte++) this.bytes[end++] = dictionary.bytes[code + byte]!;
      }
    }
  }

  /** Byte k of every value, for each k. @see Encodings.md (BYTE_STREAM_SPLIT = 9) */
  #byteStreamSplit(bytes: Uint8Array, start: number, stop: number, count: number): void {
    const { width } = this;
    if (start + count * width > stop) throw cutOff(count, stop - start);
    for (let stream = 0; stream < width; stream++) {
      const from = start + stream * count;
      for (let index = 0, to = this.count * width + stream; index < count; index++, to += width)
        this.bytes[to] = bytes[from + index]!;
    }
  }

  #deltaByteArray(bytes: Uint8Array, start: number, stop: number, count: number): void {
    const values = new BinaryValues(count);
    values.decode(encoding.deltaByteArray, bytes, start, stop, count);
    const { offsets, heap } = values;
    for (let index = 0; index < count; index++)
      if (offsets[index + 1]! - offsets[index]! !== this.width)
        throw new ParquetFormatError(
          `a value has ${offsets[index + 1]! - offsets[index]!} bytes where its column has ${this.width}`,
        );
    this.bytes.set(heap.subarray(0, count * this.width), this.count * this.width);
  }
}

/** Dictionary codes: their bit width in a byte, then the hybrid of runs. */
export function decodeCodes(bytes: Uint8Array, start: number, stop: number, count: number): Int32Array {
  const bitWidth = bytes[start];
  if (bitWidth === undefined || start >= stop || bitWidth > 32)
    throw new ParquetFormatError(`a page has dictionary codes of ${bitWidth} bits`);
  const codes = new Int32Array(count);
  if (bitWidth > 0) decodeHybrid(bytes, start + 1, stop, bitWidth, codes, 0, count);
  return codes;
}

export function checkCodes(codes: Int32Array, size: number): void {
  let bad = 0;
  for (let index = 0; index < codes.length; index++) if (codes[index]! >>> 0 >= size) bad++;
  if (bad > 0)
    throw new ParquetFormatError(`${bad} values refer to entries that their dictionary of ${size} does not have`);
}

function unfit(pageEncoding: number): ParquetFormatError {
  const known = Object.values(encoding).includes(pageEncoding as 0);
  return new ParquetUnsupportedError(
    known ? `encoding ${pageEncoding} does not fit the column's type` : `encoding ${pageEncoding} is not known`,
  );
}

function cutOff(count: number, size: number): ParquetFormatError {
  return new ParquetFormatError(`a page of ${count} values has only ${size} bytes for them`);
}
