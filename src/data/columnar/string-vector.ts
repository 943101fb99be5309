import { MillraceError } from '../../base/errors.ts';
import { type EncodedVector, type NullRows, noNulls } from './layout.ts';
import { hasLoneSurrogate } from './lone-surrogate.ts';

/** Strings up to this many code units are written char by char; a native call costs more for them. */
const shortString = 40;
/** Columns shorter than this never become dictionaries. */
const leastDictionaryRows = 32;
/** Bytes decoded to one JS string at a time; slices of it keep it alive, so it stays small. */
const decodeChunk = 16384;

const greatestOffset = 2147483647;

export function checkOffset(bytes: number): void {
  if (bytes > greatestOffset) {
    throw new MillraceError(
      'MR_MEMORY',
      'One column of a batch holds more than 2 GiB. Use more partitions, or smaller rows, so that batches are smaller.',
    );
  }
}

/** Total code units, or -1 when a value is not a string. */
function totalLength(values: ArrayLike<unknown>, start: number, end: number): number {
  let total = 0;
  for (let index = start; index < end; index++) {
    const value = values[index];
    if (typeof value !== 'string') return -1;
    total += value.length;
  }
  return total;
}

/** True when a sample says that values repeat often enough for a dictionary. */
function repeats(values: ArrayLike<unknown>, start: number, length: number): boolean {
  if (length < leastDictionaryRows) return false;
  const size = Math.min(length, Math.max(256, Math.min(8192, length >> 5)));
  const stride = Math.floor(length / size);
  const distinct = new Set<unknown>();
  for (let index = 0; index < size; index++) distinct.add(values[start + index * stride]);
  return distinct.size <= size * 0.6;
}

/** Positions into the distinct strings, or undefined when there turn out to be too many. */
function encodeDictionary(
  values: ArrayLike<unknown>,
  start: number,
  length: number,
  nulls: NullRows,
): EncodedVector | undefined {
  const most = length / 3;
  const positions = new Map<string, number>();
  const indices = new Int32Array(length);
  for (let row = 0; row < length; row++) {
    const value = values[start + row] as string;
    let position = positions.get(value);
    if (position === undefined) {
      position = positions.size;
      if (position > most) return undefined;
      positions.set(value, position);
    }
    indices[row] = position;
  }
  const distinct = [...positions.keys()];
  const child = encodePlain(distinct, 0, distinct.length, noNulls);
  return {
    layout: {
      kind: 'dictionary',
      length,
      nulls: nulls.nulls,
      nullCount: nulls.nullCount,
      children: [child.layout],
    },
    buffers: [...nulls.buffers, indices],
    children: [child],
  };
}

/** UTF-8 of one string into `bytes` at `position`: the new position, or -1 at a lone surrogate. */
function writeUtf8(bytes: Buffer, value: string, position: number): number {
  const length = value.length;
  if (length > shortString) {
    const written = bytes.write(value, position, 'utf8');
    return written === length || !hasLoneSurrogate(value) ? position + written : -1;
  }
  let to = position;
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index);
    if (unit < 0x80) {
      bytes[to++] = unit;
    } else if (unit < 0x800) {
      bytes[to++] = 0xc0 | (unit >> 6);
      bytes[to++] = 0x80 | (unit & 63);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[to++] = 0xe0 | (unit >> 12);
      bytes[to++] = 0x80 | ((unit >> 6) & 63);
      bytes[to++] = 0x80 | (unit & 63);
    } else {
      const low = unit < 0xdc00 && index + 1 < length ? value.charCodeAt(++index) : 0;
      if (low < 0xdc00 || low > 0xdfff) return -1;
      const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      bytes[to++] = 0xf0 | (point >> 18);
      bytes[to++] = 0x80 | ((point >> 12) & 63);
      bytes[to++] = 0x80 | ((point >> 6) & 63);
      bytes[to++] = 0x80 | (point & 63);
    }
  }
  return to;
}

function encodeUtf16(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  total: number,
): EncodedVector {
  const length = end - start;
  checkOffset(total * 2);
  const offsets = new Int32Array(length + 1);
  const bytes = Buffer.allocUnsafeSlow(total * 2);
  let position = 0;
  for (let row = 0; row < length; row++) {
    position += bytes.write(values[start + row] as string, position, 'utf16le');
    offsets[row + 1] = position;
  }
  const layout = { kind: 'utf16', length, nulls: nulls.nulls, nullCount: nulls.nullCount } as const;
  return { layout, buffers: [...nulls.buffers, offsets, bytes], children: [] };
}

function encodePlain(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  known?: number,
): EncodedVector {
  const length = end - start;
  const total = known ?? totalLength(values, start, end);
  checkOffset(total);
  const offsets = new Int32Array(length + 1);
  let bytes = Buffer.allocUnsafeSlow(total + 64);
  let position = 0;
  for (let row = 0; row < length; row++) {
    const value = values[start + row] as string;
    if (position + value.length * 3 > bytes.length) {
      // Only long or non-ASCII strings come here twice: `total` bytes are enough for ASCII.
      const grown = Buffer.allocUnsafeSlow(Math.ceil(bytes.length * 1.5) + value.length * 3);
      grown.set(bytes.subarray(0, position));
      bytes = grown;
    }
    position = writeUtf8(bytes, value, position);
    if (position < 0) return encodeUtf16(values, start, end, nulls, total);
    offsets[row + 1] = position;
  }
  checkOffset(position);
  const layout = {
    kind: 'utf8',
    length,
    nulls: nulls.nulls,
    nullCount: nulls.nullCount,
    ascii: position === total,
  } as const;
  return { layout, buffers: [...nulls.buffers, offsets, bytes.subarray(0, position)], children: [] };
}

/**
 * Strings: a dictionary when a sample says they repeat, else UTF-8, else (a lone surrogate) UTF-16.
 * @returns undefined when a value is not a string
 */
export function encodeStrings(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
): EncodedVector | undefined {
  const total = totalLength(values, start, end);
  if (total < 0) return undefined;
  const dictionary = repeats(values, start, end - start)
    ? encodeDictionary(values, start, end - start, nulls)
    : undefined;
  return dictionary ?? encodePlain(values, start, end, nulls, total);
}

/** A Buffer over the same memory, which may be shared: Buffer's decoders take it, TextDecoder does not. */
function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

export function decodeUtf16(offsets: Int32Array, bytes: Uint8Array, length: number): string[] {
  const buffer = bufferOver(bytes);
  const values = new Array<string>(length);
  for (let row = 0; row < length; row++) values[row] = buffer.toString('utf16le', offsets[row], offsets[row + 1]);
  return values;
}

/** UTF-16 code units of the UTF-8 between two positions: continuation bytes make none, four-byte leads two. */
function codeUnits(bytes: Uint8Array, start: number, end: number): number {
  let units = 0;
  for (let position = start; position < end; position++) {
    const byte = bytes[position]!;
    if ((byte & 0xc0) !== 0x80) units += byte < 0xf0 ? 1 : 2;
  }
  return units;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let all = 0;
  for (let position = start; position < end; position++) all |= bytes[position]!;
  return all < 128;
}

/** Decodes some rows' bytes at once and cuts the result: a native call a chunk, not a row. */
export function decodeUtf8(offsets: Int32Array, bytes: Uint8Array, length: number, ascii: boolean): string[] {
  const buffer = bufferOver(bytes);
  const values = new Array<string>(length);
  let row = 0;
  while (row < length) {
    const start = offsets[row]!;
    let last = row + 1;
    while (last < length && offsets[last + 1]! - start <= decodeChunk) last++;
    const end = offsets[last]!;
    if (ascii || isAscii(bytes, start, end)) {
      const text = buffer.toString('latin1', start, end);
      for (; row < last; row++) values[row] = text.substring(offsets[row]! - start, offsets[row + 1]! - start);
    } else {
      const text = buffer.toString('utf8', start, end);
      let from = 0;
      for (; row < last; row++) {
        const to = from + codeUnits(bytes, offsets[row]!, offsets[row + 1]!);
        values[row] = text.substring(from, to);
        from = to;
      }
    }
  }
  return values;
}

export function decodeDictionary(indices: ArrayLike<number>, distinct: readonly unknown[], length: number): unknown[] {
  const values = new Array<unknown>(length);
  for (let row = 0; row < length; row++) values[row] = distinct[indices[row]!];
  return values;
}
