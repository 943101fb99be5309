import { encodeBytes, encodeOpaque } from './binary-vector.ts';
import { encodeBigints, encodeBooleans, encodeDates, encodeNumbers, fitsInt64 } from './fixed-width-vector.ts';
import { type EncodeChild, type EncodedVector, findNulls, noNulls } from './layout.ts';
import { encodeArrays, encodeObjects, encodeStructs, encodeTuples, encodeUnion } from './nested-vector.ts';
import { objectKind } from './object-kind.ts';
import { isPlainArray } from './row-code.ts';
import { encodeStrings } from './string-vector.ts';
import { UnsupportedValue } from './unsupported-value.ts';

/** Deeper or wider than this, a value is one opaque value: cycles end here, and so do trees of many small columns. */
const maxDepth = 12;
const maxColumns = 4096;

/** Families of values that share a layout, as bits. Several in one column make a union. */
const family = {
  null: 1,
  undefined: 2,
  number: 4,
  string: 8,
  boolean: 16,
  int64: 32,
  date: 64,
  bytes: 128,
  buffer: 256,
  array: 512,
  object: 1024,
  opaque: 2048,
} as const;

const absent = family.null | family.undefined;
/** Beside family.object: some have another prototype than Object's, maybe with fields. Not a family of its own. */
const inheriting = 4096;
/** Beside family.opaque: some are arrays with holes or named properties. Not a family of its own. */
const oddArray = 8192;

/** Thrown when columns get too deep or too many; `encodeRows` then makes opaque rows. */
class TooComplex extends Error {
  override readonly name = 'TooComplex';
}

function objectFamily(value: object, row: number): number {
  const kind = objectKind(value);
  switch (kind) {
    case 'plain':
      return Object.getPrototypeOf(value) === null ? family.object | inheriting : family.object;
    case 'array':
      return isPlainArray(value as unknown[], row) ? family.array : family.opaque | oddArray;
    case 'instance':
      return family.object | inheriting;
    case 'date':
      return family.date;
    case 'bytes':
      return family.bytes;
    case 'buffer':
      return family.buffer;
    case 'map':
    case 'set':
    case 'regExp':
    case 'error':
    case 'typedArray':
    case 'dataView':
    case 'arrayBuffer':
    case 'boxed':
      return family.opaque;
    case 'unsupported':
      throw new UnsupportedValue(value);
  }
}

function familyOf(value: unknown, row: number): number {
  switch (typeof value) {
    case 'number':
      return family.number;
    case 'string':
      return family.string;
    case 'boolean':
      return family.boolean;
    case 'undefined':
      return family.undefined;
    case 'bigint':
      return fitsInt64(value) ? family.int64 : family.opaque;
    case 'object':
      return value === null ? family.null : objectFamily(value, row);
    case 'function':
    case 'symbol':
      throw new UnsupportedValue(value);
  }
}

/** `values` with something of the family in place of null and undefined. */
function filled(values: ArrayLike<unknown>, start: number, end: number, filler: unknown): unknown[] {
  const copy = new Array<unknown>(end - start);
  for (let index = start, row = 0; index < end; index++, row++) copy[row] = values[index] ?? filler;
  return copy;
}

/** Encodes columns of one batch: keeps the count of them and the depth. */
class VectorEncoder {
  readonly #uniformArrays: 'tuple' | 'list';
  #columns = 0;

  /** @param uniformArrays what short arrays of one length become when their items are of one type */
  constructor(uniformArrays: 'tuple' | 'list') {
    this.#uniformArrays = uniformArrays;
  }

  /** Picks a layout by looking at the values, and encodes them. @throws UnsupportedValue */
  encode(values: ArrayLike<unknown>, start: number, end: number, depth = 0): EncodedVector {
    if (depth > maxDepth || ++this.#columns > maxColumns) throw new TooComplex();
    if (end > start) {
      const pure = this.#encodePure(values, start, end, depth);
      if (pure !== undefined) return pure;
    }
    let families = 0;
    for (let index = start; index < end; index++) families |= familyOf(values[index], index - start);
    if ((families & oddArray) !== 0) {
      // One was found: now every array is checked, as the first row's are.
      for (let index = start; index < end; index++) families |= familyOf(values[index], 0);
    }
    return this.#encodeFamilies(values, start, end, families, depth);
  }

  /** Most columns are all of one kind: tried first, by the first value. Undefined when a value is of another kind. */
  #encodePure(values: ArrayLike<unknown>, start: number, end: number, depth: number): EncodedVector | undefined {
    const first = values[start];
    switch (typeof first) {
      case 'number':
        return encodeNumbers(values, start, end, noNulls);
      case 'string':
        return encodeStrings(values, start, end, noNulls);
      case 'boolean':
        return encodeBooleans(values, start, end, noNulls);
      case 'object':
        if (first === null) return undefined;
        if (Array.isArray(first))
          return encodeTuples(values, start, end, noNulls, first, this.#uniformArrays, this.#child(depth));
        if (Object.getPrototypeOf(first) !== Object.prototype) return undefined;
        return encodeStructs(values, start, end, noNulls, first, false, this.#child(depth));
      default:
        return undefined;
    }
  }

  #child(depth: number): EncodeChild {
    return (values, length) => this.encode(values, 0, length, depth + 1);
  }

  #encodeFamilies(
    values: ArrayLike<unknown>,
    start: number,
    end: number,
    families: number,
    depth: number,
  ): EncodedVector {
    const length = end - start;
    if ((families & ~family.null) === 0) return { layout: { kind: 'null', length }, buffers: [], children: [] };
    if (families === family.undefined) return { layout: { kind: 'undefined', length }, buffers: [], children: [] };
    const nulls = (families & absent) === 0 ? noNulls : findNulls(values, start, end);
    const fill = (filler: unknown): ArrayLike<unknown> =>
      nulls === noNulls ? values : filled(values, start, end, filler);
    const [from, to] = nulls === noNulls ? [start, end] : [0, length];
    const encodeChild = this.#child(depth);
    switch (families & ~absent & ~oddArray) {
      case family.number:
        return encodeNumbers(fill(0), from, to, nulls) as EncodedVector;
      case family.string:
        return encodeStrings(fill(''), from, to, nulls) as EncodedVector;
      case family.boolean:
        return encodeBooleans(fill(false), from, to, nulls) as EncodedVector;
      case family.int64:
        return encodeBigints(fill(0n), from, to, nulls);
      case family.date:
        return encodeDates(fill(new Date(0)), from, to, nulls);
      case family.bytes:
        return encodeBytes(fill(new Uint8Array(0)), from, to, nulls, 'Uint8Array');
      case family.buffer:
        return encodeBytes(fill(new Uint8Array(0)), from, to, nulls, 'Buffer');
      case family.array:
        return encodeArrays(values, start, end, nulls, this.#uniformArrays, encodeChild);
      case family.object:
        return encodeObjects(values, start, end, nulls, false, encodeChild);
      case family.object | inheriting:
        return encodeObjects(values, start, end, nulls, true, encodeChild);
      case family.opaque:
        return encodeOpaque(values, start, end);
      case 0:
        break;
    }
    return this.#encodeMixed(values, start, end, (families & oddArray) !== 0, depth);
  }

  #encodeMixed(
    values: ArrayLike<unknown>,
    start: number,
    end: number,
    everyArray: boolean,
    depth: number,
  ): EncodedVector {
    const families = new Uint8Array(end - start);
    let inherits = 0;
    for (let row = 0; row < families.length; row++) {
      const found = familyOf(values[start + row], everyArray ? 0 : row);
      inherits |= found & inheriting;
      families[row] = 31 - Math.clz32(found & ~(inheriting | oddArray));
    }
    return encodeUnion(values, start, families, (items, bit) =>
      this.#encodeFamilies(items, 0, items.length, (1 << bit) | (1 << bit === family.object ? inherits : 0), depth),
    );
  }
}

/** True when arrays and objects nest in `value` deeper than columns may (or without end). */
function isTooDeep(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const kind = objectKind(value);
  if (kind !== 'plain' && kind !== 'array' && kind !== 'instance') return false;
  if (depth >= maxDepth) return true;
  return Object.values(value).some((item) => isTooDeep(item, depth + 1));
}

/** Encodes rows as columns; rows too deep or too wide for columns as opaque values. @throws UnsupportedValue */
export function encodeRows(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  uniformArrays: 'tuple' | 'list' = 'tuple',
): EncodedVector {
  try {
    return new VectorEncoder(uniformArrays).encode(values, start, end);
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
  }
  const families = new Uint8Array(end - start);
  for (let row = 0; row < families.length; row++) families[row] = isTooDeep(values[start + row], 0) ? 1 : 0;
  try {
    return encodeUnion(values, start, families, (items, deep) =>
      deep === 1
        ? encodeOpaque(items, 0, items.length)
        : new VectorEncoder(uniformArrays).encode(items, 0, items.length),
    );
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    return encodeOpaque(values, start, end);
  }
}
