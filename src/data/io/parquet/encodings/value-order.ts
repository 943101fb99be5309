import type { ParquetLeaf } from '../column-shape.ts';
import { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';

/** The positions of the least and the greatest of some values. */
export interface Extremes {
  readonly least: number;
  readonly most: number;
}

/**
 * The order that the format defines for a column's statistics, over packed values.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift (ColumnOrder)
 */
export interface ValueOrder {
  /** Undefined where no value counts: there is none, or all are NaN. */
  extremes(from: number, to: number): Extremes | undefined;
  /** Negative when the value at `a` is before the one at `b`. Not for NaN. */
  compare(a: number, b: number): number;
}

/** Undefined for types whose order the format leaves open. */
export function valueOrder(leaf: ParquetLeaf, values: FixedValues | BinaryValues): ValueOrder | undefined {
  const { type } = leaf;
  if (type.kind === 'interval' || type.kind === 'null') return undefined;
  if (values instanceof BinaryValues) return orderOf((a, b) => compareBytes(values.heap, values.offsets, a, b));
  const { bytes, width } = values;
  if (type.kind === 'float') return floatOrder(values, type.bits);
  if (type.kind === 'boolean') return orderOf((a, b) => bytes[a]! - bytes[b]!);
  if (leaf.physical === 'FIXED_LEN_BYTE_ARRAY') {
    const isSigned = type.kind === 'decimal';
    return orderOf((a, b) => compareFixed(bytes, width, a, b, isSigned));
  }
  const isSigned = type.kind !== 'int' || type.isSigned;
  if (width === 4) {
    const words = isSigned ? new Int32Array(bytes.buffer) : new Uint32Array(bytes.buffer);
    return orderOf((a, b) => words[a]! - words[b]!);
  }
  const lows = new Uint32Array(bytes.buffer);
  const highs = isSigned ? new Int32Array(bytes.buffer) : lows;
  return orderOf((a, b) => highs[a * 2 + 1]! - highs[b * 2 + 1]! || lows[a * 2]! - lows[b * 2]!);
}

function orderOf(compare: (a: number, b: number) => number): ValueOrder {
  return {
    compare,
    extremes: (from, to) => {
      if (from >= to) return undefined;
      let least = from;
      let most = from;
      for (let index = from + 1; index < to; index++) {
        if (compare(index, least) < 0) least = index;
        else if (compare(index, most) > 0) most = index;
      }
      return { least, most };
    },
  };
}

/** NaN does not count, and -0 is before 0, so that the bounds hold however a reader compares zeros. */
function floatOrder({ bytes }: FixedValues, bits: number): ValueOrder {
  const floats =
    bits === 64 ? new Float64Array(bytes.buffer) : bits === 32 ? new Float32Array(bytes.buffer) : undefined;
  const halves = new Uint16Array(bytes.buffer);
  const at = (index: number): number => (floats === undefined ? halfOrder(halves[index]!) : floats[index]!);
  const compare = (a: number, b: number): number => {
    const [first, second] = [at(a), at(b)];
    if (first !== second) return first < second ? -1 : 1;
    return first === 0 ? Number(Object.is(second, -0)) - Number(Object.is(first, -0)) : 0;
  };
  return {
    compare,
    extremes: (from, to) => {
      let least = -1;
      let most = -1;
      for (let index = from; index < to; index++) {
        if (Number.isNaN(at(index))) continue;
        if (least < 0 || compare(index, least) < 0) least = index;
        if (most < 0 || compare(index, most) > 0) most = index;
      }
      return least < 0 ? undefined : { least, most };
    },
  };
}

/** A number that is ordered as the binary16 with these bits. */
function halfOrder(bits: number): number {
  const magnitude = bits & 0x7fff;
  if (magnitude > 0x7c00) return Number.NaN;
  return bits & 0x8000 ? -magnitude : magnitude;
}

function compareBytes(heap: Uint8Array, offsets: Int32Array, a: number, b: number): number {
  const startA = offsets[a]!;
  const startB = offsets[b]!;
  const lengthA = offsets[a + 1]! - startA;
  const lengthB = offsets[b + 1]! - startB;
  for (let index = 0, shared = Math.min(lengthA, lengthB); index < shared; index++) {
    const difference = heap[startA + index]! - heap[startB + index]!;
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}

function compareFixed(bytes: Uint8Array, width: number, a: number, b: number, isSigned: boolean): number {
  if (isSigned && width > 0) {
    const sign = ((bytes[a * width]! << 24) >> 31) - ((bytes[b * width]! << 24) >> 31);
    if (sign !== 0) return sign;
  }
  for (let index = 0; index < width; index++) {
    const difference = bytes[a * width + index]! - bytes[b * width + index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
