import { type EncodeChild, type EncodedVector, type NullRows, noNulls } from './layout.ts';
import { takeObjects, takeTuples } from './row-code.ts';
import { checkOffset } from './string-vector.ts';

/** Arrays of one length become columns up to this length, or up to `longestMixedTuple` if their items are of several types. */
const longestTuple = 8;
const longestMixedTuple = 64;
/** Objects of more shapes than a byte can count, or sparser than this many slots a field that is there, become records. */
const mostShapes = 255;
const mostSlotsPerField = 4;
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
  const first = typeof items[0];
  return items.some((item) => typeof item !== first);
}

/** The first value that is not null or undefined. */
function firstPresent(values: ArrayLike<unknown>, start: number, end: number): unknown {
  for (let index = start; index < end; index++) {
    const value = values[index];
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}

/** Dense arrays without named properties, or null or undefined where `nulls` says so. */
export function encodeArrays(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  encodeChild: EncodeChild,
): EncodedVector {
  const length = end - start;
  const first = firstPresent(values, start, end) as readonly unknown[];
  const size = first.length;
  if (size > 0 && (size <= longestTuple || (size <= longestMixedTuple && isMixed(first)))) {
    const { columns, fitting } = takeTuples(size, values, start, end);
    if (fitting === length) {
      const children = columns.map((column) => encodeChild(column, length));
      return {
        layout: { kind: 'tuple', ...rowsOf(length, nulls), children: children.map((child) => child.layout) },
        buffers: nulls.buffers,
        children,
      };
    }
  }
  return encodeLists(values, start, end, nulls, encodeChild);
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

/** Objects by their own enumerable fields, or null or undefined where `nulls` says so. */
export function encodeObjects(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  inherits: boolean,
  encodeChild: EncodeChild,
): EncodedVector {
  const length = end - start;
  const names = Object.keys(firstPresent(values, start, end) as object);
  if (names.length > length * mostFieldsPerRow) return encodeRecords(values, start, end, nulls, encodeChild);
  const { columns, fitting } = takeObjects(names, values, start, end, inherits);
  if (fitting === length) {
    const children = columns.map((column) => encodeChild(column, length));
    return {
      layout: { kind: 'struct', ...rowsOf(length, nulls), names, children: children.map((child) => child.layout) },
      buffers: nulls.buffers,
      children,
    };
  }
  return encodeShapes(values, start, end, nulls, encodeChild) ?? encodeRecords(values, start, end, nulls, encodeChild);
}

/** Objects of some different shapes, as one struct of all their fields; undefined when they are too different. */
function encodeShapes(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  encodeChild: EncodeChild,
): EncodedVector | undefined {
  const length = end - start;
  const fields = new Map<string, number>();
  const shapes: number[][] = [];
  const shapeByKeys = new Map<string, number>();
  const shapeIds = new Uint8Array(length);
  let present = 0;
  for (let row = 0; row < length; row++) {
    const object = values[start + row];
    if (object === null || object === undefined) continue;
    const keys = Object.keys(object);
    present += keys.length;
    const text = JSON.stringify(keys);
    let shape = shapeByKeys.get(text);
    if (shape === undefined) {
      shape = shapes.length;
      if (shape === mostShapes) return undefined;
      shapeByKeys.set(text, shape);
      shapes.push(
        keys.map((key) => {
          const field = fields.get(key) ?? fields.size;
          fields.set(key, field);
          return field;
        }),
      );
    }
    shapeIds[row] = shape;
  }
  if (fields.size * length > present * mostSlotsPerField) return undefined;
  const names = [...fields.keys()];
  const columns = names.map(() => new Array<unknown>(length).fill(null));
  for (let row = 0; row < length; row++) {
    const object = values[start + row];
    if (object === null || object === undefined) continue;
    for (const field of shapes[shapeIds[row]!]!) columns[field]![row] = Reflect.get(object as object, names[field]!);
  }
  const children = columns.map((column) => encodeChild(column, length));
  return {
    layout: {
      kind: 'struct',
      ...rowsOf(length, nulls),
      names,
      shapes,
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
