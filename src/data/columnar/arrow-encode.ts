import { isAscii } from 'node:buffer';
import {
  type Data,
  DataType,
  type Dictionary,
  type RecordBatch,
  type Table,
  TimeUnit,
  type Utf8,
  Vector,
} from 'apache-arrow';
import { layoutOf } from './arrow-data.ts';
import { fromArrowTable, rowsOf } from './arrow-interop.ts';
import { decodeColumn } from './arrow-values.ts';
import { allocateShared, frameBatch } from './batch-frame.ts';
import { type EncodedVector, type Layout, type NullRows, noNulls } from './layout.ts';
import { encodeBatch } from './row-codec.ts';
import { encodeRows } from './vector-encoder.ts';

/** The bitmap from the first row on; where it does not begin at a byte, a copy that does. */
function bitsFrom(bits: Uint8Array, offset: number, length: number): Uint8Array {
  const numBytes = (length + 7) >> 3;
  if (offset % 8 === 0) return bits.subarray(offset >> 3, (offset >> 3) + numBytes);
  const copy = new Uint8Array(numBytes);
  for (let row = 0; row < length; row++) {
    const at = offset + row;
    if (bits[at >> 3]! & (1 << (at & 7))) copy[row >> 3]! |= 1 << (row & 7);
  }
  return copy;
}

function nullsOf(data: Data): NullRows {
  // Unions count nulls and have no bitmap; they are no buffers of ours.
  if (data.nullCount === 0 || DataType.isNull(data.type) || DataType.isUnion(data.type)) return noNulls;
  return { nulls: 'null', nullCount: data.nullCount, buffers: [bitsFrom(data.nullBitmap, data.offset, data.length)] };
}

/** Our offsets begin at 0 and end with the bytes. */
function encodeUtf8(data: Data<Utf8>, { nulls, nullCount, buffers }: NullRows): EncodedVector {
  const { length, valueOffsets, values } = data;
  const first = valueOffsets[0] ?? 0;
  const bytes = values.subarray(first, valueOffsets[length] ?? first);
  const offsets = valueOffsets.slice(0, length + 1);
  if (first > 0) for (let row = 0; row <= length; row++) offsets[row]! -= first;
  return {
    layout: { kind: 'utf8', length, nulls, nullCount, ascii: isAscii(bytes) },
    buffers: [...buffers, offsets, bytes],
    children: [],
  };
}

/** Dates have the milliseconds of an int64 in halves: the same bytes. */
function encodeMilliseconds(data: Data, { nulls, nullCount, buffers }: NullRows): EncodedVector {
  const layout = { kind: 'date', length: data.length, nulls, nullCount, hasInvalid: false } as const;
  return { layout, buffers: [...buffers, data.values.subarray(0, data.length)], children: [] };
}

/** Columns whose buffers are the ones our layouts have; undefined for the others. */
function encodeBuffers(data: Data): EncodedVector | undefined {
  const { type, length } = data;
  const nulls = nullsOf(data);
  const primitive = (kind: 'int32' | 'float64' | 'int64' | 'boolean', values: ArrayBufferView): EncodedVector => ({
    layout: { kind, length, nulls: nulls.nulls, nullCount: nulls.nullCount },
    buffers: [...nulls.buffers, values],
    children: [],
  });
  if (DataType.isInt(type)) {
    if (type.bitWidth === 64) return type.isSigned ? primitive('int64', data.values.subarray(0, length)) : undefined;
    if (type.bitWidth === 32 && type.isSigned) return primitive('int32', data.values.subarray(0, length));
    const numbers = data.values.subarray(0, length) as ArrayLike<number>;
    return type.bitWidth === 32
      ? primitive('float64', Float64Array.from(numbers))
      : primitive('int32', Int32Array.from(numbers));
  }
  if (DataType.isFloat(type) && type.precision > 0) {
    const numbers = data.values.subarray(0, length) as Float32Array | Float64Array;
    return primitive('float64', numbers instanceof Float64Array ? numbers : Float64Array.from(numbers));
  }
  if (DataType.isBool(type)) return primitive('boolean', bitsFrom(data.values, data.offset, length));
  if (DataType.isUtf8(type)) return encodeUtf8(data as Data<Utf8>, nulls);
  if (DataType.isTimestamp(type) && type.unit === TimeUnit.MILLISECOND) return encodeMilliseconds(data, nulls);
  if (DataType.isDictionary(type) && type.indices.bitWidth === 32 && DataType.isUtf8(type.dictionary)) {
    const distinct = (data as Data<Dictionary>).dictionary?.data ?? [];
    const [words] = distinct as readonly Data<Utf8>[];
    if (distinct.length !== 1 || words === undefined || words.nullCount > 0) return undefined;
    const child = encodeUtf8(words, noNulls);
    const { values } = data as Data<Dictionary>;
    const indices = new Int32Array(values.buffer, values.byteOffset, length);
    return {
      layout: { kind: 'dictionary', length, nulls: nulls.nulls, nullCount: nulls.nullCount, children: [child.layout] },
      buffers: [...nulls.buffers, indices],
      children: [child],
    };
  }
  return undefined;
}

/** A column of one record batch: over its own buffers where it can be, else of its values. */
function encodeColumn(data: Data, layout: ReturnType<typeof layoutOf>): EncodedVector {
  const direct = layout === undefined ? encodeBuffers(data) : undefined;
  return direct ?? encodeRows(decodeColumn(new Vector([data]), layout), 0, data.length, 'list');
}

/** Rows of a batch at most. */
const batchRows = 16 * 1024;

/**
 * Rows `start` to `end` (not included) of an apache-arrow Table as encoded batches of what `fromArrowTable` gives. Numbers, booleans,
 * strings, dictionaries of strings and timestamps in milliseconds go over column by column, their bytes copied once into shared
 * memory; no row is made. Other columns are decoded and encoded.
 */
export function encodeTable(table: Table, start: number, end: number): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let from = start; from < end; from += batchRows) {
    const part = table.slice(from, Math.min(end, from + batchRows));
    if (rowsOf(table.schema) === 'values' || table.numCols === 0) batches.push(encodeBatch(fromArrowTable(part)));
    else for (const batch of part.batches) if (batch.numRows > 0) batches.push(encodeRecordBatch(batch));
  }
  return batches;
}

function encodeRecordBatch({ schema, data, numRows }: RecordBatch): Uint8Array {
  const columns = data.children.map((child, index) => encodeColumn(child, layoutOf(schema.fields[index]!)));
  const common = {
    length: numRows,
    nulls: 'none',
    nullCount: 0,
    children: columns.map(({ layout }) => layout),
  } as const;
  const layout: Layout =
    rowsOf(schema) === 'tuples'
      ? { kind: 'tuple', ...common }
      : { kind: 'struct', ...common, names: schema.fields.map(({ name }) => String(name)) };
  return frameBatch({ layout, buffers: [], children: columns }, allocateShared);
}
