import type { Validity, Vector } from './batch-reader.ts';
import { decodeBytes, decodeOpaque } from './binary-vector.ts';
import { decodeBigints, decodeBooleans, decodeDates, decodeNumbers } from './fixed-width-vector.ts';
import type { Layout } from './layout.ts';
import { buildObjects, buildShapes, buildTuples } from './row-code.ts';
import { decodeDictionary, decodeUtf8, decodeUtf16 } from './string-vector.ts';
import { setOwn } from './value-reader.ts';

/** Puts null and undefined where the column has no value. */
function putNulls(values: unknown[], layout: Layout, { validity, undefinedBits }: Validity): unknown[] {
  if (validity === undefined) return values;
  const onlyUndefined = 'nulls' in layout && layout.nulls === 'undefined';
  for (let row = 0; row < layout.length; row++) {
    const bit = 1 << (row & 7);
    if (validity[row >> 3]! & bit) continue;
    const isUndefined = onlyUndefined || (undefinedBits !== undefined && (undefinedBits[row >> 3]! & bit) !== 0);
    values[row] = isUndefined ? undefined : null;
  }
  return values;
}

function decodeLists(offsets: Int32Array, items: ArrayLike<unknown>, length: number): unknown[][] {
  const lists = new Array<unknown[]>(length);
  for (let row = 0; row < length; row++) {
    const end = offsets[row + 1]!;
    const list: unknown[] = [];
    for (let index = offsets[row]!; index < end; index++) list.push(items[index]);
    lists[row] = list;
  }
  return lists;
}

function decodeRecords(
  offsets: Int32Array,
  names: ArrayLike<unknown>,
  items: ArrayLike<unknown>,
  length: number,
): object[] {
  const records = new Array<object>(length);
  for (let row = 0; row < length; row++) {
    const record = {};
    const end = offsets[row + 1]!;
    for (let index = offsets[row]!; index < end; index++) setOwn(record, names[index] as string, items[index]);
    records[row] = record;
  }
  return records;
}

/** A column to build rows from: typed arrays as they are, other columns as fresh arrays of JS values. */
function sourceOf(vector: Vector): ArrayLike<unknown> {
  if ((vector.kind === 'int32' || vector.kind === 'float64') && vector.validity === undefined) return vector.values;
  return decodeVector(vector);
}

function decodeUnion(vector: Extract<Vector, { kind: 'union' }>): unknown[] {
  const children = vector.children.map(sourceOf);
  const { typeIds, offsets } = vector;
  const values = new Array<unknown>(typeIds.length);
  for (let row = 0; row < typeIds.length; row++) values[row] = children[typeIds[row]!]![offsets[row]!];
  return values;
}

function decodePresent(vector: Vector): unknown[] {
  const { length } = vector.layout;
  switch (vector.kind) {
    case 'null':
      return new Array<null>(length).fill(null);
    case 'undefined':
      return new Array<undefined>(length).fill(undefined);
    case 'boolean':
      return decodeBooleans(vector.values, length);
    case 'int32':
    case 'float64':
      return decodeNumbers(vector.values, length);
    case 'int64':
      return decodeBigints(vector.values, length);
    case 'date':
      return decodeDates(vector.values, length);
    case 'utf8':
      return decodeUtf8(vector.offsets, vector.bytes, length, vector.layout.ascii);
    case 'utf16':
      return decodeUtf16(vector.offsets, vector.bytes, length);
    case 'binary':
      return decodeBytes(vector.offsets, vector.bytes, length, vector.layout.class);
    case 'opaque':
      return decodeOpaque(vector.offsets, vector.bytes, length);
    case 'dictionary':
      return decodeDictionary(vector.values, decodeVector(vector.children[0]), length);
    case 'tuple':
      return buildTuples(vector.children.map(sourceOf), length);
    case 'struct': {
      const { names, shapes } = vector.layout;
      const columns = vector.children.map(sourceOf);
      if (shapes === undefined || vector.shapeIds === undefined) return buildObjects(names, columns, length);
      return buildShapes(names, shapes, vector.shapeIds, columns, length);
    }
    case 'list':
      return decodeLists(vector.offsets, sourceOf(vector.children[0]), length);
    case 'record':
      return decodeRecords(vector.offsets, sourceOf(vector.children[0]), sourceOf(vector.children[1]), length);
    case 'union':
      return decodeUnion(vector);
  }
}

/** The values of a column, as they were encoded. They own their memory. */
export function decodeVector(vector: Vector): unknown[] {
  const values = decodePresent(vector);
  return 'validity' in vector ? putNulls(values, vector.layout, vector) : values;
}
