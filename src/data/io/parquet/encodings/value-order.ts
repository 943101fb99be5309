import type { ParquetLeaf } from '../column-shape.ts';
import { BinaryValues } from './binary-values.ts';
import type { EncodedColumn } from './encoded-column.ts';
import type { FixedValues } from './fixed-values.ts';

/** Where among the values of a column its least and its greatest are. */
export interface Extremes {
  readonly least: number;
  readonly most: number;
}

/**
 * The order that the format defines for a column's statistics.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift (ColumnOrder)
 */
export interface ValueOrder {
  /** Of the entries from..to of the column. Undefined where none counts: there is none, or all are NaN. */
  extremes(from: number, to: number): Extremes | undefined;
  /** Negative when the value at `a` is before the one at `b`. Not for NaN. */
  compare(a: number, b: number): number;
}

/** Undefined for types whose order the format leaves open. */
export function valueOrder(leaf: ParquetLeaf, { values, codes }: EncodedColumn): ValueOrder | undefined {
  const { type } = leaf;
  if (type.kind === 'interval' || type.kind === 'null') return undefined;
  if (values instanceof BinaryValues) return codes === undefined ? bytesOrder(values) : rankedOrder(values, codes);
  const { bytes, width } = values;
  if (type.kind === 'float' && type.bits === 16) return halfOrder(new Uint16Array(bytes.buffer));
  if (type.kind === 'float')
    return floatOrder(width === 8 ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer));
  if (type.kind === 'boolean') return numberOrder(bytes);
  if (leaf.physical === 'FIXED_LEN_BYTE_ARRAY') return fixedBytesOrder(values, type.kind === 'decimal');
  const isSigned = type.kind !== 'int' || type.isSigned;
  if (width === 4) return numberOrder(isSigned ? new Int32Array(bytes.buffer) : new Uint32Array(bytes.buffer));
  const lows = new Uint32Array(bytes.buffer);
  return wideOrder(lows, isSigned ? new Int32Array(bytes.buffer) : lows);
}

function numberOrder(numbers: Int32Array | Uint32Array | Uint8Array): ValueOrder {
  return {
    compare: (a, b) => numbers[a]! - numbers[b]!,
    extremes: (from, to) => {
      if (from >= to) return undefined;
      let least = from;
      let most = from;
      let [lowest, highest] = [numbers[from]!, numbers[from]!];
      for (let index = from + 1; index < to; index++) {
        const number = numbers[index]!;
        if (number < lowest) {
          lowest = number;
          least = index;
        } else if (number > highest) {
          highest = number;
          most = index;
        }
      }
      return { least, most };
    },
  };
}

/** 64 bits in two halves, low first: no BigInt is made. */
function wideOrder(lows: Uint32Array, highs: Int32Array | Uint32Array): ValueOrder {
  const compare = (a: number, b: number): number =>
    highs[a * 2 + 1]! - highs[b * 2 + 1]! || lows[a * 2]! - lows[b * 2]!;
  return {
    compare,
    extremes: (from, to) => {
      if (from >= to) return undefined;
      let least = from;
      let most = from;
      for (let index = from + 1; index < to; index++) {
        const high = highs[index * 2 + 1]!;
        // Most values are told apart by their upper halves, or lie between the extremes by them.
        if (high <= highs[least * 2 + 1]! && compare(index, least) < 0) least = index;
        if (high >= highs[most * 2 + 1]! && compare(index, most) > 0) most = index;
      }
      return { least, most };
    },
  };
}

/** NaN does not count, and -0 is before 0, so that the bounds hold however a reader compares zeros. */
function floatOrder(floats: Float64Array | Float32Array): ValueOrder {
  const sign = (index: number): number => (Object.is(floats[index], -0) ? -1 : 0);
  const compare = (a: number, b: number): number => {
    if (floats[a] === floats[b]) return floats[a] === 0 ? sign(a) - sign(b) : 0;
    return floats[a]! < floats[b]! ? -1 : 1;
  };
  const zero = (from: number, to: number, wanted: number, otherwise: number): number => {
    for (let index = from; index < to; index++) if (floats[index] === 0 && sign(index) === wanted) return index;
    return otherwise;
  };
  return {
    compare,
    extremes: (from, to) => {
      let least = from;
      while (least < to && Number.isNaN(floats[least])) least++;
      if (least >= to) return undefined;
      let most = least;
      for (let index = least + 1; index < to; index++) {
        if (floats[index]! < floats[least]!) least = index;
        if (floats[index]! > floats[most]!) most = index;
      }
      if (floats[least] === 0) least = zero(from, to, -1, least);
      if (floats[most] === 0) most = zero(from, to, 0, most);
      return { least, most };
    },
  };
}

function halfOrder(halves: Uint16Array): ValueOrder {
  // As integers, with the sign turned into their own, halves are in their order, zeros of both signs included.
  const ordered = Int32Array.from(halves, (bits) => (bits & 0x8000 ? -1 - (bits & 0x7fff) : bits));
  const isNaNAt = (index: number): boolean => (halves[index]! & 0x7fff) > 0x7c00;
  return {
    compare: (a, b) => ordered[a]! - ordered[b]!,
    extremes: (from, to) => {
      let least = -1;
      let most = -1;
      for (let index = from; index < to; index++) {
        if (isNaNAt(index)) continue;
        if (least < 0 || ordered[index]! < ordered[least]!) least = index;
        if (most < 0 || ordered[index]! > ordered[most]!) most = index;
      }
      return least < 0 ? undefined : { least, most };
    },
  };
}

function comparedOrder(compare: (a: number, b: number) => number): ValueOrder {
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

function bytesOrder({ heap, offsets }: BinaryValues): ValueOrder {
  const view = new DataView(heap.buffer, heap.byteOffset, heap.byteLength);
  /** The first place from `from` on where the two differ, at most the shorter one's length. */
  const differ = (a: number, b: number, from: number): number => {
    const startA = offsets[a]!;
    const startB = offsets[b]!;
    const shared = Math.min(offsets[a + 1]! - startA, offsets[b + 1]! - startB);
    let index = from;
    while (index + 4 <= shared && view.getInt32(startA + index, true) === view.getInt32(startB + index, true))
      index += 4;
    while (index < shared && heap[startA + index] === heap[startB + index]) index++;
    return index;
  };
  const orderAt = (a: number, b: number, place: number): number => {
    const lengthA = offsets[a + 1]! - offsets[a]!;
    const lengthB = offsets[b + 1]! - offsets[b]!;
    return place < lengthA && place < lengthB
      ? heap[offsets[a]! + place]! - heap[offsets[b]! + place]!
      : lengthA - lengthB;
  };
  return {
    compare: (a, b) => orderAt(a, b, differ(a, b, 0)),
    extremes: (from, to) => {
      if (from >= to) return undefined;
      let least = from;
      let most = from;
      let common = offsets[from + 1]! - offsets[from]!;
      for (let index = from + 1; index < to; index++) {
        const place = differ(index, least, 0);
        const fromLeast = orderAt(index, least, place);
        if (fromLeast < 0) {
          least = index;
          common = differ(least, most, 0);
          continue;
        }
        // What differs from the least within what it has in common with the most is beyond the most as well.
        if (place < common ? fromLeast > 0 : orderAt(index, most, differ(index, most, common)) > 0) {
          most = index;
          common = differ(least, most, 0);
        }
      }
      return { least, most };
    },
  };
}

/** With a dictionary each distinct text is compared when they are sorted, once for the whole column. */
function rankedOrder(entries: BinaryValues, codes: Int32Array): ValueOrder {
  const { compare } = bytesOrder(entries);
  const byRank = Int32Array.from({ length: entries.count }, (_, code) => code).sort(compare);
  const ranks = new Int32Array(entries.count);
  for (let rank = 0; rank < byRank.length; rank++) ranks[byRank[rank]!] = rank;
  return {
    compare: (a, b) => ranks[a]! - ranks[b]!,
    extremes: (from, to) => {
      if (from >= to) return undefined;
      let least = ranks[codes[from]!]!;
      let most = least;
      for (let index = from + 1; index < to; index++) {
        const rank = ranks[codes[index]!]!;
        if (rank < least) least = rank;
        if (rank > most) most = rank;
      }
      return { least: byRank[least]!, most: byRank[most]! };
    },
  };
}

function fixedBytesOrder({ bytes, width }: FixedValues, isSigned: boolean): ValueOrder {
  return comparedOrder((a, b) => {
    if (isSigned && width > 0) {
      const sign = ((bytes[a * width]! << 24) >> 31) - ((bytes[b * width]! << 24) >> 31);
      if (sign !== 0) return sign;
    }
    for (let index = 0; index < width; index++) {
      const difference = bytes[a * width + index]! - bytes[b * width + index]!;
      if (difference !== 0) return difference;
    }
    return 0;
  });
}
