import type { EncodedVector, NullRows } from './layout.ts';

const two32 = 4294967296;
const leastInt64 = -(2n ** 63n);
const greatestInt64 = 2n ** 63n - 1n;

/** High half of the int64 that stands for an invalid Date (the least int64, far outside the range of dates). */
const invalidDateHigh = -2147483648;

/** True when `value` can be stored as int64. */
export function fitsInt64(value: bigint): boolean {
  return value >= leastInt64 && value <= greatestInt64;
}

/**
 * Numbers as Int32 while every one is an int32 and none is -0, else as Float64.
 * @returns undefined when a value is not a number
 */
export function encodeNumbers(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
): EncodedVector | undefined {
  const length = end - start;
  const ints = new Int32Array(length);
  let row = 0;
  for (; row < length; row++) {
    const value = values[start + row];
    if (typeof value !== 'number') return undefined;
    if ((value | 0) !== value || (value === 0 && 1 / value < 0)) break;
    ints[row] = value;
  }
  const rows = { length, nulls: nulls.nulls, nullCount: nulls.nullCount };
  if (row === length) {
    return { layout: { kind: 'int32', ...rows }, buffers: [...nulls.buffers, ints], children: [] };
  }
  const floats = new Float64Array(length);
  for (let before = 0; before < row; before++) floats[before] = ints[before]!;
  for (; row < length; row++) {
    const value = values[start + row];
    if (typeof value !== 'number') return undefined;
    floats[row] = value;
  }
  return { layout: { kind: 'float64', ...rows }, buffers: [...nulls.buffers, floats], children: [] };
}

/** One bit a row. @returns undefined when a value is not a boolean */
export function encodeBooleans(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
): EncodedVector | undefined {
  const length = end - start;
  const bits = new Uint8Array((length + 7) >> 3);
  for (let row = 0; row < length; row++) {
    const value = values[start + row];
    if (value === true) bits[row >> 3]! |= 1 << (row & 7);
    else if (value !== false) return undefined;
  }
  const layout = { kind: 'boolean', length, nulls: nulls.nulls, nullCount: nulls.nullCount } as const;
  return { layout, buffers: [...nulls.buffers, bits], children: [] };
}

/** Bigints that all fit int64. */
export function encodeBigints(values: ArrayLike<unknown>, start: number, end: number, nulls: NullRows): EncodedVector {
  const length = end - start;
  const ints = new BigInt64Array(length);
  for (let row = 0; row < length; row++) ints[row] = values[start + row] as bigint;
  const layout = { kind: 'int64', length, nulls: nulls.nulls, nullCount: nulls.nullCount } as const;
  return { layout, buffers: [...nulls.buffers, ints], children: [] };
}

/** Dates as int64 milliseconds, written by halves: no bigint a row. */
export function encodeDates(values: ArrayLike<unknown>, start: number, end: number, nulls: NullRows): EncodedVector {
  const length = end - start;
  const halves = new Int32Array(length * 2);
  let hasInvalid = false;
  for (let row = 0; row < length; row++) {
    const time = (values[start + row] as Date).getTime();
    if (Number.isNaN(time)) {
      hasInvalid = true;
      halves[row * 2 + 1] = invalidDateHigh;
    } else {
      halves[row * 2] = time; // modulo 2**32, as every conversion to an int32
      halves[row * 2 + 1] = Math.floor(time / two32);
    }
  }
  const layout = { kind: 'date', length, nulls: nulls.nulls, nullCount: nulls.nullCount, hasInvalid } as const;
  return { layout, buffers: [...nulls.buffers, halves], children: [] };
}

/** Milliseconds since the epoch in row `row` of a date column's halves; NaN for an invalid date. */
export function timeAt(halves: Int32Array, row: number): number {
  const high = halves[row * 2 + 1]!;
  return high === invalidDateHigh ? Number.NaN : high * two32 + (halves[row * 2]! >>> 0);
}

export function decodeBooleans(bits: Uint8Array, length: number): boolean[] {
  const values = new Array<boolean>(length);
  for (let row = 0; row < length; row++) values[row] = (bits[row >> 3]! & (1 << (row & 7))) !== 0;
  return values;
}

export function decodeNumbers(numbers: Int32Array | Float64Array, length: number): number[] {
  const values = new Array<number>(length);
  for (let row = 0; row < length; row++) values[row] = numbers[row]!;
  return values;
}

export function decodeBigints(ints: BigInt64Array, length: number): bigint[] {
  const values = new Array<bigint>(length);
  for (let row = 0; row < length; row++) values[row] = ints[row]!;
  return values;
}

export function decodeDates(halves: Int32Array, length: number): Date[] {
  const values = new Array<Date>(length);
  for (let row = 0; row < length; row++) values[row] = new Date(timeAt(halves, row));
  return values;
}
