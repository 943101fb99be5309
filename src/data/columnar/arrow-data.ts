import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DenseUnion,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  makeVector,
  Null,
  Struct,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';
import type { Bytes, Validity, Vector } from './batch-reader.ts';
import { timeAt } from './fixed-width-vector.ts';

/** This key of a field's metadata names our layout where Arrow's type does not say which values come back. */
const layoutMetadata = 'millrace.layout';

/** Values of any kind and strings with lone surrogates (Binary), objects as dictionaries (Map), tuples (Struct), Buffers. */
export type KeptLayout = 'opaque' | 'utf16' | 'record' | 'tuple' | 'buffer';

function keptLayout(vector: Vector): KeptLayout | undefined {
  switch (vector.kind) {
    case 'opaque':
    case 'utf16':
    case 'record':
    case 'tuple':
      return vector.kind;
    case 'binary':
      return vector.layout.class === 'Buffer' ? 'buffer' : undefined;
    default:
      return undefined;
  }
}

export function arrowField(name: string, vector: Vector, type: DataType): Field {
  const kept = keptLayout(vector);
  return new Field(name, type, true, kept === undefined ? undefined : new Map([[layoutMetadata, kept]]));
}

export function layoutOf(field: Field): KeptLayout | undefined {
  return field.metadata.get(layoutMetadata) as KeptLayout | undefined;
}

/** Whether the values of two fields are of one type, and stand for the same down to their innermost parts. */
export function isSameField(a: Field, b: Field): boolean {
  const one: readonly Field[] = a.type.children ?? [];
  const other: readonly Field[] = b.type.children ?? [];
  return (
    String(a.type) === String(b.type) &&
    layoutOf(a) === layoutOf(b) &&
    one.length === other.length &&
    one.every((child, index) => {
      const match = other[index];
      return match !== undefined && isSameField(child, match);
    })
  );
}

/** The names of a tuple's items, as Spark's. */
export function itemNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `_${index + 1}`);
}

interface Nullable {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | null;
}

function nullable(vector: Exclude<Vector, { kind: 'null' | 'undefined' }> & Validity): Nullable {
  return { length: vector.layout.length, nullCount: vector.layout.nullCount, nullBitmap: vector.validity ?? null };
}

/** Invalid Dates have no timestamp: they are null, in a copy of the bitmap. */
function validTimes(vector: Extract<Vector, { kind: 'date' }>): Nullable {
  if (!vector.layout.hasInvalid) return nullable(vector);
  const { length } = vector.layout;
  const nullBitmap =
    vector.validity === undefined ? new Uint8Array((length + 7) >> 3).fill(255) : vector.validity.slice();
  let { nullCount } = vector.layout;
  for (let row = 0; row < length; row++) {
    const bit = 1 << (row & 7);
    if ((nullBitmap[row >> 3]! & bit) === 0 || !Number.isNaN(timeAt(vector.values, row))) continue;
    nullBitmap[row >> 3]! &= ~bit;
    nullCount++;
  }
  return { length, nullCount, nullBitmap };
}

function binary(vector: Bytes, rows: Nullable): Data {
  return makeData({ type: new Binary(), ...rows, valueOffsets: vector.offsets, data: vector.bytes });
}

function struct(names: readonly string[], children: readonly Vector[], rows: Nullable): Data {
  const data = children.map(arrowData);
  const fields = data.map((child, index) => arrowField(names[index]!, children[index]!, child.type));
  return makeData({ type: new Struct(fields), ...rows, children: data });
}

/**
 * A column as Arrow data over the same memory. null and undefined are both null; tuples are structs with the fields _1, _2 ...;
 * objects used as dictionaries are maps; mixed values are dense unions; opaque values and strings with lone surrogates are Binary.
 */
export function arrowData(vector: Vector): Data {
  switch (vector.kind) {
    case 'null':
    case 'undefined':
      return makeData({ type: new Null(), length: vector.layout.length });
    case 'boolean':
      return makeData({ type: new Bool(), ...nullable(vector), data: vector.values });
    case 'int32':
      return makeData({ type: new Int32(), ...nullable(vector), data: vector.values });
    case 'float64':
      return makeData({ type: new Float64(), ...nullable(vector), data: vector.values });
    case 'int64':
      return makeData({ type: new Int64(), ...nullable(vector), data: vector.values });
    case 'date': {
      const { buffer, byteOffset } = vector.values;
      const data = new BigInt64Array(buffer, byteOffset, vector.layout.length);
      return makeData({ type: new TimestampMillisecond(), ...validTimes(vector), data });
    }
    case 'utf8':
      return makeData({ type: new Utf8(), ...nullable(vector), valueOffsets: vector.offsets, data: vector.bytes });
    case 'utf16':
    case 'binary':
    case 'opaque':
      return binary(vector, nullable(vector));
    case 'dictionary': {
      const distinct = arrowData(vector.children[0]);
      const type = new Dictionary(distinct.type, new Int32());
      return makeData({ type, ...nullable(vector), data: vector.values, dictionary: makeVector(distinct) });
    }
    case 'tuple':
      return struct(itemNames(vector.children.length), vector.children, nullable(vector));
    case 'struct':
      return struct(vector.layout.names, vector.children, nullable(vector));
    case 'list': {
      const child = arrowData(vector.children[0]);
      const type = new List(arrowField('item', vector.children[0], child.type));
      return makeData({ type, ...nullable(vector), valueOffsets: vector.offsets, child });
    }
    case 'record': {
      const { length } = vector.children[0].layout;
      const entries = struct(['key', 'value'], vector.children, { length, nullCount: 0, nullBitmap: null });
      const type = new Map_(new Field('entries', entries.type as Struct<{ key: DataType; value: DataType }>, false));
      return makeData({ type, ...nullable(vector), valueOffsets: vector.offsets, child: entries as never });
    }
    case 'union': {
      const children = vector.children.map(arrowData);
      const fields = children.map((child, index) => arrowField(String(index), vector.children[index]!, child.type));
      return makeData({
        type: new DenseUnion([...children.keys()], fields),
        length: vector.layout.length,
        nullCount: 0,
        typeIds: vector.typeIds,
        valueOffsets: vector.offsets,
        children,
      });
    }
  }
}
