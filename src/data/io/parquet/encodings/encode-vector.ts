import type { Validity, Vector } from '../../../columnar/batch-reader.ts';
import { timeAt } from '../../../columnar/fixed-width-vector.ts';
import type { ParquetLeaf } from '../column-shape.ts';
import type { TimeUnit } from '../schema.ts';
import { BinaryValues } from './binary-values.ts';
import { FixedValues } from './fixed-values.ts';

/** Rows of a column as a file stores them. */
export interface EncodedRows {
  /** 1 for a row with a value, 0 for one without. */
  readonly isThere: Uint8Array;
  readonly values: FixedValues | BinaryValues | VectorCodes;
}

/** Values as positions among distinct ones. */
export class VectorCodes {
  readonly codes: Int32Array;
  readonly distinct: Vector;

  constructor(codes: Int32Array, distinct: Vector) {
    this.codes = codes;
    this.distinct = distinct;
  }
}

/**
 * Rows[start..end) of a column in the form that the file stores, straight from its buffers. Undefined where values have to be made,
 * because the forms are too far apart or a value does not fit: {@link encodeValues} says which.
 */
export function encodeVector(leaf: ParquetLeaf, vector: Vector, start: number, end: number): EncodedRows | undefined {
  const rows = presentRows(vector, start, end);
  const values = valuesOf(leaf, vector, rows);
  return values && { isThere: rows.isThere, values };
}

/** Whether any of rows[start..end) has a value. */
export function hasValues(vector: Vector, start: number, end: number): boolean {
  const { validity }: Validity = 'validity' in vector ? vector : {};
  if (validity === undefined) return vector.kind !== 'null' && vector.kind !== 'undefined';
  for (let row = start; row < end; row++) if ((validity[row >> 3]! >> (row & 7)) & 1) return true;
  return false;
}

/** Whether 64 bits hold rows[start..end) as integers. */
export function areIntegers(numbers: Float64Array, start: number, end: number): boolean {
  for (let row = start; row < end; row++) if (!isExactInteger(numbers[row]!)) return false;
  return true;
}

/** Whether a number is one that 64 bits hold as an integer: a safe one, and not -0. */
export function isExactInteger(number: number): boolean {
  return Number.isSafeInteger(number) && (number !== 0 || 1 / number > 0);
}

/** Of a range of rows those that have a value; `positions` undefined where all have. */
interface PresentRows {
  readonly start: number;
  readonly end: number;
  readonly isThere: Uint8Array;
  readonly count: number;
  readonly positions: Int32Array | undefined;
}

function presentRows(vector: Vector, start: number, end: number): PresentRows {
  const isThere = new Uint8Array(end - start);
  const { validity }: Validity = 'validity' in vector ? vector : {};
  if (validity === undefined) {
    isThere.fill(1);
    return { start, end, isThere, count: end - start, positions: undefined };
  }
  const positions = new Int32Array(end - start);
  let count = 0;
  for (let row = start; row < end; row++) {
    const bit = (validity[row >> 3]! >> (row & 7)) & 1;
    isThere[row - start] = bit;
    positions[count] = row;
    count += bit;
  }
  return { start, end, isThere, count, positions: positions.subarray(0, count) };
}

function valuesOf(leaf: ParquetLeaf, vector: Vector, rows: PresentRows): EncodedRows['values'] | undefined {
  const { type } = leaf;
  switch (vector.kind) {
    case 'int32':
      if (type.kind === 'int' && type.isSigned && type.bits >= 32)
        return type.bits === 64 ? widened(present(vector.values, rows)) : fixed(present(vector.values, rows));
      if (type.kind === 'float' && type.bits === 64) return fixed(Float64Array.from(present(vector.values, rows)));
      return undefined;
    case 'float64':
      if (type.kind === 'float' && type.bits >= 32)
        return fixed(type.bits === 64 ? present(vector.values, rows) : Float32Array.from(present(vector.values, rows)));
      return type.kind === 'int' && type.bits === 64 && type.isSigned
        ? integers(present(vector.values, rows))
        : undefined;
    case 'int64':
      return type.kind === 'int' && type.bits === 64 && type.isSigned ? fixed(present(vector.values, rows)) : undefined;
    case 'boolean':
      return type.kind === 'boolean' ? booleans(vector.values, rows) : undefined;
    case 'date':
      return type.kind === 'timestamp' ? instants(vector.values, type.unit, rows) : undefined;
    case 'utf8':
      return type.kind === 'string' ? texts(vector.offsets, vector.bytes, rows) : undefined;
    case 'dictionary':
      return type.kind === 'string' && vector.children[0].kind === 'utf8'
        ? new VectorCodes(present(vector.values, rows), vector.children[0])
        : undefined;
    default:
      return undefined;
  }
}

type Numbers = Int32Array | Float64Array | BigInt64Array;

/** The values that are there. */
function present<T extends Numbers>(values: T, { start, end, positions }: PresentRows): T {
  if (positions === undefined) return values.slice(start, end) as T;
  const there = new (values.constructor as new (length: number) => T)(positions.length);
  for (let index = 0; index < positions.length; index++) there[index] = values[positions[index]!]!;
  return there;
}

function fixed(values: Numbers | Float32Array): FixedValues {
  return FixedValues.of(values.BYTES_PER_ELEMENT, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function widened(numbers: Int32Array): FixedValues {
  const words = new Int32Array(numbers.length * 2);
  for (let index = 0; index < numbers.length; index++) {
    words[index * 2] = numbers[index]!;
    words[index * 2 + 1] = numbers[index]! >> 31;
  }
  return FixedValues.of(8, new Uint8Array(words.buffer));
}

/** Safe integers as 64 bits; undefined if there is anything else, -0 included. */
function integers(numbers: Float64Array): FixedValues | undefined {
  const words = new Int32Array(numbers.length * 2);
  for (let index = 0; index < numbers.length; index++) {
    const number = numbers[index]!;
    if (!isExactInteger(number)) return undefined;
    words[index * 2] = number;
    words[index * 2 + 1] = Math.floor(number / 4294967296);
  }
  return FixedValues.of(8, new Uint8Array(words.buffer));
}

function booleans(bits: Uint8Array, { start, count, positions }: PresentRows): FixedValues {
  const bytes = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const row = positions === undefined ? start + index : positions[index]!;
    bytes[index] = (bits[row >> 3]! >> (row & 7)) & 1;
  }
  return FixedValues.of(1, bytes, true);
}

/** Dates as ticks since the epoch; undefined for one that is invalid, or too far off for a number to hold its ticks. */
function instants(
  halves: Int32Array,
  unit: TimeUnit,
  { start, count, positions }: PresentRows,
): FixedValues | undefined {
  const perMilli = unit === 'ms' ? 1 : unit === 'us' ? 1e3 : 1e6;
  const words = new Int32Array(count * 2);
  for (let index = 0; index < count; index++) {
    const ticks = timeAt(halves, positions === undefined ? start + index : positions[index]!) * perMilli;
    if (!Number.isSafeInteger(ticks)) return undefined;
    words[index * 2] = ticks;
    words[index * 2 + 1] = Math.floor(ticks / 4294967296);
  }
  return FixedValues.of(8, new Uint8Array(words.buffer));
}

/** UTF-8 as it lies in the column: what has no value has no bytes. */
function texts(offsets: Int32Array, bytes: Uint8Array, { start, end, count, positions }: PresentRows): BinaryValues {
  const first = offsets[start]!;
  const values = new BinaryValues(count);
  values.heap = bytes.slice(first, offsets[end]);
  for (let index = 0; index < count; index++)
    values.offsets[index + 1] = offsets[(positions === undefined ? start + index : positions[index]!) + 1]! - first;
  values.count = count;
  return values;
}
