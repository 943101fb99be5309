/**
 * The layouts a column of JS values can take, and their encoded form. Buffers follow Arrow's columnar format
 * ("Physical memory layout"); what Arrow cannot say (undefined apart from null, shapes of objects) stands in the layout.
 */

/** Which rows without a value there are: all null, all undefined, or some of each (then a second bitmap tells them apart). */
export type Nulls = 'none' | 'null' | 'undefined' | 'both';

interface Rows {
  readonly length: number;
  readonly nulls: Nulls;
  readonly nullCount: number;
}

/** Every row is null, or every row is undefined: no buffers. */
export interface NullLayout {
  readonly kind: 'null' | 'undefined';
  readonly length: number;
}
/** boolean: one bit a row. int32, float64: typed arrays. int64: BigInt64Array of bigints. */
export interface PrimitiveLayout extends Rows {
  readonly kind: 'boolean' | 'int32' | 'float64' | 'int64';
}
/** int64 milliseconds since the epoch; `hasInvalid`: some are invalidDate, the least int64. */
export interface DateLayout extends Rows {
  readonly kind: 'date';
  readonly hasInvalid: boolean;
}
/** offsets: Int32Array, length rows + 1; bytes: UTF-8. `ascii`: no byte above 127. */
export interface Utf8Layout extends Rows {
  readonly kind: 'utf8';
  readonly ascii: boolean;
}
/** As utf8, with UTF-16LE code units: for columns with a lone surrogate, which UTF-8 cannot express. */
export interface Utf16Layout extends Rows {
  readonly kind: 'utf16';
}
/** offsets and bytes of Uint8Arrays (`class` says which class comes back), or of values written by ValueWriter. */
export interface BinaryLayout extends Rows {
  readonly kind: 'binary';
  readonly class: 'Uint8Array' | 'Buffer';
}
export interface OpaqueLayout extends Rows {
  readonly kind: 'opaque';
}
/** values: Int32Array of positions in child 0, a utf8 or utf16 column of distinct strings. */
export interface DictionaryLayout extends Rows {
  readonly kind: 'dictionary';
  readonly children: readonly [Layout];
}
/** Arrays of one fixed length: child i holds item i. */
export interface TupleLayout extends Rows {
  readonly kind: 'tuple';
  readonly children: readonly Layout[];
}
/**
 * Objects: child i holds the field `names[i]`. With one shape every row has all fields in this order. With more, a
 * Uint8Array names each row's shape: the fields it has, in its order; other children are null in that row.
 */
export interface StructLayout extends Rows {
  readonly kind: 'struct';
  readonly names: readonly string[];
  readonly shapes?: readonly (readonly number[])[];
  readonly children: readonly Layout[];
}
/** offsets: Int32Array, length rows + 1, into child 0. */
export interface ListLayout extends Rows {
  readonly kind: 'list';
  readonly children: readonly [Layout];
}
/** Objects used as dictionaries: offsets into child 0 (property names) and child 1 (values). */
export interface RecordLayout extends Rows {
  readonly kind: 'record';
  readonly children: readonly [Layout, Layout];
}
/** Mixed values, as Arrow's dense union: typeIds Int8Array says the child, offsets Int32Array the position in it. */
export interface UnionLayout extends Rows {
  readonly kind: 'union';
  readonly children: readonly Layout[];
}

export type Layout =
  | NullLayout
  | PrimitiveLayout
  | DateLayout
  | Utf8Layout
  | Utf16Layout
  | BinaryLayout
  | OpaqueLayout
  | DictionaryLayout
  | TupleLayout
  | StructLayout
  | ListLayout
  | RecordLayout
  | UnionLayout;

/** A column as the encoders leave it: own buffers in the order the reader takes them, then the children's. */
export interface EncodedVector {
  readonly layout: Layout;
  readonly buffers: readonly ArrayBufferView[];
  readonly children: readonly EncodedVector[];
}

/** Encodes a column of values one level down. */
export type EncodeChild = (values: readonly unknown[], length: number) => EncodedVector;

/** Which of `length` rows have no value. Bits are set where there is one; undefinedBits where it is undefined. */
export interface NullRows {
  readonly nulls: Nulls;
  readonly nullCount: number;
  readonly buffers: readonly Uint8Array[];
}

export const noNulls: NullRows = { nulls: 'none', nullCount: 0, buffers: [] };

/** Finds the null and undefined among `values[start..end)`. */
export function findNulls(values: ArrayLike<unknown>, start: number, end: number): NullRows {
  const validity = new Uint8Array((end - start + 7) >> 3);
  const undefinedBits = new Uint8Array(validity.length);
  let nullCount = 0;
  let undefinedCount = 0;
  for (let index = start, row = 0; index < end; index++, row++) {
    const value = values[index];
    if (value === null) {
      nullCount++;
    } else if (value === undefined) {
      undefinedCount++;
      undefinedBits[row >> 3]! |= 1 << (row & 7);
    } else {
      validity[row >> 3]! |= 1 << (row & 7);
    }
  }
  if (nullCount + undefinedCount === 0) return noNulls;
  if (undefinedCount === 0) return { nulls: 'null', nullCount, buffers: [validity] };
  if (nullCount === 0) return { nulls: 'undefined', nullCount: undefinedCount, buffers: [validity] };
  return { nulls: 'both', nullCount: nullCount + undefinedCount, buffers: [validity, undefinedBits] };
}
