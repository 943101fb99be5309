import { type EncodeChild, type EncodedVector, type NullRows, noNulls } from './layout.ts';
import { shapeTaker, type TakeShape, takeObjects, takeTuples } from './row-code.ts';
import { checkOffset } from './string-vector.ts';

/** Arrays of one length become columns up to these lengths: items of one type, of several types. */
const longestTuple = 8;
const longestMixedTuple = 64;
/** Objects of more shapes than a byte can count, or sparser than this many slots a field that is there, become records. */
const mostShapes = 255;
const mostSlotsPerField = 4;
/** This many shapes get code of their own, each when this many rows had it; other rows' keys are looked up. */
const mostCommonShapes = 8;
const commonShapeRows = 4;
/** Rows looked at before deciding that fields are too sparse. */
const sparseRows = 64;
/** Columns filled with nulls, mostly, beyond which objects of several shapes become records. */
const mostFields = 1024;
/** Objects with more fields than this many times the rows are records: columns of one row cost too much. */
const mostFieldsPerRow = 256;

interface RowsOf {
  readonly length: number;
  readonly nulls: NullRows['nulls'];
  readonly nullCount: number;
}

function rowsOf(length: number, nulls: NullRows): RowsOf {
  return { length, nulls: nulls.nulls, nullCount: nulls.nullCount };
}

function isMixed(items: readonly unknown[]): boolean {
  const present = items.filter((item) => item !== null && item !== undefined);
  return present.some((item) => typeof item !== typeof present[0]);
}

/** The first value that is not null or undefined. */
function firstPresent(values: ArrayLike<unknown>, start: number, end: number): unknown {
  for (let index = start; index < end; index++) {
    const value = values[index];
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}

/** Plain arrays of one length, if they have it and it is short; `first` is the first of them. */
export function encodeTuples(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  first: readonly unknown[],
  uniformArrays: 'tuple' | 'list',
  encodeChild: EncodeChild,
): EncodedVector | undefined {
  const size = first.length;
  const longestUniform = uniformArrays === 'tuple' ? longestTuple : 0;
  if (size === 0 || size > longestMixedTuple || (size > longestUniform && !isMixed(first))) return undefined;
  const length = end - start;
  const { columns, fitting } = takeTuples(size, values, start, end, nulls !== noNulls);
  if (fitting < length) return undefined;
  const children = columns.map((column) => encodeChild(column, length));
  return {
    layout: { kind: 'tuple', ...rowsOf(length, nulls), children: children.map((child) => child.layout) },
    buffers: nulls.buffers,
    children,
  };
}

/** Plain arrays, or null or undefined where `nulls` says so. */
export function encodeArrays(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  uniformArrays: 'tuple' | 'list',
  encodeChild: EncodeChild,
): EncodedVector {
  const first = firstPresent(values, start, end) as readonly unknown[];
  return (
    encodeTuples(values, start, end, nulls, first, uniformArrays, encodeChild) ??
    encodeLists(values, start, end, nulls, encodeChild)
  );
}

function encodeLists(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  encodeChild: EncodeChild,
): EncodedVector {
  const length = end - start;
  const offsets = new Int32Array(length + 1);
  const items: unknown[] = [];
  for (let row = 0; row < length; row++) {
    const list = values[start + row] as readonly unknown[] | null | undefined;
    if (list !== null && list !== undefined) for (let index = 0; index < list.length; index++) items.push(list[index]);
    checkOffset(items.length);
    offsets[row + 1] = items.length;
  }
  const child = encodeChild(items, items.length);
  return {
    layout: { kind: 'list', ...rowsOf(length, nulls), children: [child.layout] },
    buffers: [...nulls.buffers, offsets],
    children: [child],
  };
}

/** Objects with the same own enumerable fields in the same order, if they are; `first` is the first of them. */
export function encodeStructs(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  first: object,
  instances: boolean,
  encodeChild: EncodeChild,
): EncodedVector | undefined {
  const length = end - start;
  const names = Object.keys(first);
  if (names.length > length * mostFieldsPerRow) return undefined;
  const { columns, fitting } = takeObjects(names, values, start, end, { nulls: nulls !== noNulls, instances });
  if (fitting < length) return undefined;
  const children = columns.map((column) => encodeChild(column, length));
  return {
    layout: { kind: 'struct', ...rowsOf(length, nulls), names, children: children.map((child) => child.layout) },
    buffers: nulls.buffers,
    children,
  };
}

/** Objects by their own enumerable fields, or null or undefined where `nulls` says so. */
export function encodeObjects(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  instances: boolean,
  encodeChild: EncodeChild,
): EncodedVector {
  const first = firstPresent(values, start, end) as object;
  return (
    encodeStructs(values, start, end, nulls, first, instances, encodeChild) ??
    encodeShapes(values, start, end, nulls, instances, encodeChild) ??
    encodeRecords(values, start, end, nulls, encodeChild)
  );
}

interface Shape {
  readonly id: number;
  readonly fields: readonly number[];
  rows: number;
}

/** Shapes found in a column of objects. */
class ShapeTable {
  readonly fields: Map<string, number> = new Map();
  readonly shapes: Shape[] = [];
  /** The shapes that come often, with their code. */
  readonly common: { readonly shape: Shape; readonly take: TakeShape }[] = [];
  readonly #shapeByKeys = new Map<string, Shape>();

  /** The shape of an object with these keys, a new one when it is new. */
  shapeOf(keys: readonly string[]): Shape {
    const text = JSON.stringify(keys);
    let shape = this.#shapeByKeys.get(text);
    if (shape === undefined) {
      const fields = keys.map((key) => {
        const field = this.fields.get(key) ?? this.fields.size;
        this.fields.set(key, field);
        return field;
      });
      shape = { id: this.shapes.length, fields, rows: 0 };
      this.shapes.push(shape);
      this.#shapeByKeys.set(text, shape);
    }
    if (++shape.rows === commonShapeRows && this.common.length < mostCommonShapes) {
      this.common.push({ shape, take: shapeTaker(keys) });
    }
    return shape;
  }
}

/** Objects of some different shapes, as one struct of all their fields; undefined when they are too different. */
function encodeShapes(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  instances: boolean,
  encodeChild: EncodeChild,
): EncodedVector | undefined {
  const length = end - start;
  const table = new ShapeTable();
  const { shapes, common, fields } = table;
  const columns: unknown[][] = [];
  const shapeIds = new Uint8Array(length);
  let present = 0;
  rows: for (let row = 0; row < length; row++) {
    const object = values[start + row];
    if (object === null || object === undefined) continue;
    for (const { shape, take } of common) {
      if (!take(object, row, columns, shape.fields, instances)) continue;
      shapeIds[row] = shape.id;
      present += shape.fields.length;
      continue rows;
    }
    const keys = Object.keys(object);
    const shape = table.shapeOf(keys);
    shapeIds[row] = shape.id;
    present += keys.length;
    const slots = fields.size * (row < sparseRows ? 1 : row + 1);
    if (shapes.length > mostShapes || fields.size > mostFields || slots > present * mostSlotsPerField) return undefined;
    while (columns.length < fields.size) columns.push(new Array<unknown>(length).fill(null));
    for (const [index, field] of shape.fields.entries()) columns[field]![row] = Reflect.get(object, keys[index]!);
  }
  if (fields.size > length * mostFieldsPerRow || fields.size * length > present * mostSlotsPerField) return undefined;
  const names = [...fields.keys()];
  const children = columns.map((column) => encodeChild(column, length));
  return {
    layout: {
      kind: 'struct',
      ...rowsOf(length, nulls),
      names,
      shapes: shapes.map((shape) => shape.fields),
      children: children.map((child) => child.layout),
    },
    buffers: [...nulls.buffers, shapeIds],
    children,
  };
}

/** Objects used as dictionaries: all names in one column, all values in another. */
function encodeRecords(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  encodeChild: EncodeChild,
): EncodedVector {
  const length = end - start;
  const offsets = new Int32Array(length + 1);
  const names: string[] = [];
  const items: unknown[] = [];
  for (let row = 0; row < length; row++) {
    const object = values[start + row];
    if (object !== null && object !== undefined) {
      for (const key of Object.keys(object)) {
        names.push(key);
        items.push(Reflect.get(object as object, key));
      }
    }
    checkOffset(items.length);
    offsets[row + 1] = items.length;
  }
  const children = [encodeChild(names, names.length), encodeChild(items, items.length)] as const;
  return {
    layout: { kind: 'record', ...rowsOf(length, nulls), children: [children[0].layout, children[1].layout] },
    buffers: [...nulls.buffers, offsets],
    children,
  };
}

/** Mixed values: `families[row]` says which child a row belongs to. */
export function encodeUnion(
  values: ArrayLike<unknown>,
  start: number,
  families: Uint8Array,
  encodeFamily: (values: readonly unknown[], family: number) => EncodedVector,
): EncodedVector {
  const length = families.length;
  const typeIds = new Int8Array(length);
  const offsets = new Int32Array(length);
  const childOf = new Map<number, number>();
  const parts: unknown[][] = [];
  for (let row = 0; row < length; row++) {
    const family = families[row]!;
    let child = childOf.get(family);
    if (child === undefined) {
      child = parts.length;
      childOf.set(family, child);
      parts.push([]);
    }
    typeIds[row] = child;
    offsets[row] = parts[child]!.push(values[start + row]) - 1;
  }
  const children = [...childOf].map(([family, child]) => encodeFamily(parts[child]!, family));
  return {
    layout: { kind: 'union', ...rowsOf(length, noNulls), children: children.map((child) => child.layout) },
    buffers: [typeIds, offsets],
    children,
  };
}
