import { encoding } from '../format/parquet-format.ts';
import { ParquetFormatError, ParquetUnsupportedError } from '../format/parquet-format-error.ts';
import { decodeDeltaInt32 } from './delta.ts';

/** What offsets of 32 bits reach. */
export const maxHeapBytes: number = 2 ** 31 - 1;

/** Values of any length, nulls left out until `spread`: value i is heap[offsets[i]..offsets[i + 1]). */
export class BinaryValues {
  /** Int32Array, capacity + 1. */
  readonly offsets: Int32Array;
  heap: Uint8Array;
  count = 0;

  constructor(capacity: number, heapBytes = 0, offsets: Int32Array = new Int32Array(capacity + 1)) {
    this.offsets = offsets;
    this.heap = new Uint8Array(heapBytes);
  }

  /** No values yet, with memory for some. */
  static of(offsets: Int32Array, heap: Uint8Array): BinaryValues {
    const values = new BinaryValues(0, 0, offsets);
    values.heap = heap;
    return values;
  }

  /** Appends `count` values that a page holds in bytes[start..stop). */
  decode(pageEncoding: number, bytes: Uint8Array, start: number, stop: number, count: number): void {
    if (count === 0) return;
    switch (pageEncoding) {
      case encoding.plain:
        this.#plain(bytes, start, stop, count);
        break;
      case encoding.deltaLengthByteArray:
        this.#deltaLength(bytes, start, stop, count);
        break;
      case encoding.deltaByteArray:
        this.#deltaByteArray(bytes, start, stop, count);
        break;
      default:
        throw new ParquetUnsupportedError(`encoding ${pageEncoding} does not fit a column of bytes`);
    }
    this.count += count;
  }

  /** Appends the entries of `dictionary` that `codes` name, checked before. */
  gather(codes: Int32Array, dictionary: BinaryValues): void {
    const { offsets } = dictionary;
    let size = 0;
    for (let index = 0; index < codes.length; index++) size += offsets[codes[index]! + 1]! - offsets[codes[index]!]!;
    let end = this.#reserve(size);
    for (let index = 0; index < codes.length; index++) {
      const from = offsets[codes[index]!]!;
      const to = offsets[codes[index]! + 1]!;
      copyBytes(dictionary.heap, from, this.heap, end, to - from);
      end += to - from;
      this.offsets[this.count + index + 1] = end;
    }
    this.count += codes.length;
  }

  /** Gives a value to each slot: its own where one is there, an empty one elsewhere. */
  spread(isThere: Uint8Array, slots: number): void {
    const { offsets } = this;
    let from = this.count;
    for (let slot = slots; slot > 0; slot--) {
      offsets[slot] = offsets[from]!;
      if (isThere[slot - 1] === 1) from--;
    }
    this.count = slots;
  }

  #plain(bytes: Uint8Array, start: number, stop: number, count: number): void {
    let end = this.#reserve(Math.max(stop - start - count * 4, 0));
    const { heap, offsets } = this;
    let position = start;
    for (let index = this.count + 1, last = this.count + count; index <= last; index++) {
      if (position + 4 > stop) throw new ParquetFormatError(`a page ends before its ${count} values do`);
      const length =
        bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24);
      position += 4;
      if (length < 0 || position + length > stop)
        throw new ParquetFormatError(`a value of ${length >>> 0} bytes runs past the end of its page`);
      if (length <= 64) {
        for (let byte = 0; byte < length; byte++) heap[end + byte] = bytes[position + byte]!;
      } else {
        heap.set(bytes.subarray(position, position + length), end);
      }
      position += length;
      end += length;
      offsets[index] = end;
    }
  }

  #deltaLength(bytes: Uint8Array, start: number, stop: number, count: number): void {
    const lengths = new Int32Array(count);
    const from = decodeDeltaInt32(bytes.subarray(0, stop), start, lengths, 0, count);
    let size = 0;
    for (let index = 0; index < count; index++) {
      if (lengths[index]! < 0) throw new ParquetFormatError('a value has a negative length');
      size += lengths[index]!;
    }
    if (from + size > stop) throw new ParquetFormatError(`a page ends before its ${count} values do`);
    let end = this.#reserve(size);
    this.heap.set(bytes.subarray(from, from + size), end);
    for (let index = 0; index < count; index++) {
      end += lengths[index]!;
      this.offsets[this.count + index + 1] = end;
    }
  }

  /** Each value is a prefix of the one before it and a rest of its own. @see Encodings.md (DELTA_BYTE_ARRAY = 7) */
  #deltaByteArray(bytes: Uint8Array, start: number, stop: number, count: number): void {
    const prefixes = new Int32Array(count);
    const suffixes = new BinaryValues(count);
    const from = decodeDeltaInt32(bytes.subarray(0, stop), start, prefixes, 0, count);
    suffixes.decode(encoding.deltaLengthByteArray, bytes, from, stop, count);
    let size = suffixes.heap.length;
    for (let index = 0; index < count; index++) size += Math.max(prefixes[index]!, 0);
    let end = this.#reserve(size);
    let previous = end;
    const { heap, offsets } = this;
    for (let index = 0; index < count; index++) {
      const prefix = prefixes[index]!;
      if (prefix < 0 || prefix > end - previous)
        throw new ParquetFormatError(`a value shares ${prefix} bytes with a value of ${end - previous}`);
      const suffix = suffixes.offsets[index]!;
      const rest = suffixes.offsets[index + 1]! - suffix;
      copyBytes(heap, previous, heap, end, prefix);
      copyBytes(suffixes.heap, suffix, heap, end + prefix, rest);
      previous = end;
      end += prefix + rest;
      offsets[this.count + index + 1] = end;
    }
  }

  /** Makes room for `size` more bytes. @returns where they begin */
  #reserve(size: number): number {
    const end = this.offsets[this.count]!;
    if (end + size > maxHeapBytes) throw hugeColumn();
    if (end + size > this.heap.length) {
      const grown = new Uint8Array(Math.min(Math.max(end + size, end * 2), maxHeapBytes));
      grown.set(this.heap.subarray(0, end));
      this.heap = grown;
    }
    return end;
  }
}

export function hugeColumn(): ParquetUnsupportedError {
  return new ParquetUnsupportedError(
    'it holds more than 2 GiB of bytes in one row group. Write it with smaller row groups',
  );
}

function copyBytes(from: Uint8Array, start: number, to: Uint8Array, end: number, length: number): void {
  if (length > 64) to.set(from.subarray(start, start + length), end);
  else for (let byte = 0; byte < length; byte++) to[end + byte] = from[start + byte]!;
}
