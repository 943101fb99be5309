import type { ParquetLeaf } from '../column-shape.ts';
import type { TimeUnit } from '../schema.ts';
import type { LeafVector } from './assemble.ts';
import { BinaryValues } from './binary-values.ts';
import { daysOfText, ticksOfClock, ticksOfInstant } from './encode-temporal.ts';
import { parseDecimal } from './parse-decimal.ts';
import { bigEndianInteger, halfToNumber } from './scalar-text.ts';
import { widenedDomain } from './widened.ts';

/** A value in a form that compares: numbers and bigints with each other, bytes with bytes. */
export type Comparable = number | bigint | Uint8Array;

/** How the values of a column compare with those a user writes, in the order of the file's statistics. */
export interface ValueDomain {
  /** A user's value, or undefined when the column holds nothing of its kind. */
  literal(value: unknown): Comparable | undefined;
  /** A value as statistics store it; undefined for bytes that are none. */
  stored(bytes: Uint8Array): Comparable | undefined;
  /** Reads the value of a slot that is there. */
  slots(vector: LeafVector): (slot: number) => Comparable;
}

export function compareValues(a: Comparable, b: Comparable): number {
  if (a instanceof Uint8Array || b instanceof Uint8Array) return Buffer.compare(a as Uint8Array, b as Uint8Array);
  return a < b ? -1 : a > b ? 1 : a === b || !(Number.isNaN(a) || Number.isNaN(b)) ? 0 : Number.NaN;
}

/** In the type that the column has in all files together. Undefined for types that have no order or no values. */
export function domainOf(leaf: ParquetLeaf): ValueDomain | undefined {
  const domain = storedDomain(leaf);
  const merged = leaf.readAs && storedDomain({ ...leaf, type: leaf.readAs });
  return domain === undefined || merged === undefined ? domain : widenedDomain(domain, merged, leaf);
}

function storedDomain(leaf: ParquetLeaf): ValueDomain | undefined {
  const { type, physical, typeLength } = leaf;
  switch (type.kind) {
    case 'boolean':
      return fixedDomain(
        1,
        (view, at) => view.getUint8(at),
        (value) => (typeof value === 'boolean' ? Number(value) : undefined),
      );
    case 'int':
      if (type.bits === 64)
        return type.isSigned
          ? fixedDomain(8, (view, at) => view.getBigInt64(at, true), numberLiteral)
          : fixedDomain(8, (view, at) => view.getBigUint64(at, true), numberLiteral);
      return fixedDomain(4, narrowReader(type.bits, type.isSigned), numberLiteral);
    case 'float':
      if (type.bits === 16) return fixedDomain(2, (view, at) => halfToNumber(view.getUint16(at, true)), numberLiteral);
      if (type.bits === 32) return fixedDomain(4, (view, at) => view.getFloat32(at, true), numberLiteral);
      return fixedDomain(8, (view, at) => view.getFloat64(at, true), numberLiteral);
    case 'decimal': {
      const literal = (value: unknown): Comparable | undefined => parseDecimal(value, type.scale);
      if (physical === 'INT32') return fixedDomain(4, (view, at) => view.getInt32(at, true), literal);
      if (physical === 'INT64') return fixedDomain(8, (view, at) => view.getBigInt64(at, true), literal);
      return bytesDomain(literal, typeLength, (bytes) => bigEndianInteger(bytes, 0, bytes.length));
    }
    case 'date':
      return fixedDomain(4, (view, at) => view.getInt32(at, true), dateLiteral);
    case 'time': {
      const literal = (value: unknown): Comparable | undefined =>
        typeof value === 'string' ? ticksOfClock(value, type.unit) : undefined;
      if (physical === 'INT32') return fixedDomain(4, (view, at) => view.getInt32(at, true), literal);
      return fixedDomain(8, (view, at) => view.getBigInt64(at, true), literal);
    }
    case 'timestamp':
      if (physical === 'INT96') return undefined;
      return fixedDomain(
        8,
        (view, at) => view.getBigInt64(at, true),
        (value) => instantLiteral(value, type.unit),
      );
    case 'string':
    case 'enum':
    case 'json':
      return bytesDomain((value) => (typeof value === 'string' ? Buffer.from(value, 'utf8') : undefined), 0);
    case 'uuid':
      return bytesDomain(
        (value) => (typeof value === 'string' ? Buffer.from(value.replaceAll('-', ''), 'hex') : undefined),
        16,
      );
    case 'binary':
    case 'bson':
    case 'fixed':
      return bytesDomain((value) => (value instanceof Uint8Array ? value : undefined), typeLength);
    default:
      return undefined;
  }
}

function numberLiteral(value: unknown): Comparable | undefined {
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}

function dateLiteral(value: unknown): Comparable | undefined {
  if (value instanceof Date) return value.getTime() / 86_400_000;
  const days = typeof value === 'string' ? daysOfText(value) : Number.NaN;
  return Number.isNaN(days) ? undefined : days;
}

function instantLiteral(value: unknown, unit: TimeUnit): Comparable | undefined {
  return value instanceof Date || typeof value === 'string' || typeof value === 'bigint'
    ? ticksOfInstant(value, unit)
    : undefined;
}

type FixedReader = (view: DataView, at: number) => number | bigint;

/** Narrow integers are stored in 32 bits, of which the low ones count. */
function narrowReader(bits: number, isSigned: boolean): FixedReader {
  const shift = 32 - bits;
  return isSigned
    ? (view, at) => (view.getInt32(at, true) << shift) >> shift
    : (view, at) => (view.getInt32(at, true) << shift) >>> shift;
}

function fixedDomain(width: number, read: FixedReader, literal: ValueDomain['literal']): ValueDomain {
  return {
    literal,
    stored: (bytes) => {
      if (bytes.length !== width) return undefined;
      const value = read(new DataView(bytes.buffer, bytes.byteOffset, width), 0);
      return Number.isNaN(value) ? undefined : value;
    },
    slots: ({ values }) => {
      if ('codes' in values || values instanceof BinaryValues)
        throw new TypeError('values of a fixed width are expected');
      const view = new DataView(values.bytes.buffer);
      return (slot) => read(view, slot * width);
    },
  };
}

function bytesDomain(
  literal: ValueDomain['literal'],
  fixedWidth: number,
  convert: (bytes: Uint8Array) => Comparable = (bytes) => bytes,
): ValueDomain {
  return {
    literal,
    stored: (bytes) => (fixedWidth > 0 && bytes.length !== fixedWidth ? undefined : convert(bytes)),
    slots: ({ values }) => {
      if ('codes' in values) {
        const { codes, dictionary } = values;
        const entries = Array.from({ length: dictionary.count }, (_, code) => convert(bytesOf(dictionary, code)));
        return (slot) => entries[codes[slot]!]!;
      }
      if (values instanceof BinaryValues) return (slot) => convert(bytesOf(values, slot));
      const { bytes, width } = values;
      return (slot) => convert(bytes.subarray(slot * width, (slot + 1) * width));
    },
  };
}

function bytesOf({ heap, offsets }: BinaryValues, index: number): Uint8Array {
  return heap.subarray(offsets[index]!, offsets[index + 1]!);
}

/** A value as the column stores it, for its hash; undefined for one that no stored value equals byte by byte. */
export function storedBytes(leaf: ParquetLeaf, value: Comparable): Uint8Array | undefined {
  const { type, physical, readAs } = leaf;
  if (readAs !== undefined) return undefined;
  if (value instanceof Uint8Array) return value;
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  // Zeros of both signs are equal and hash apart; decimals of bytes come in any length.
  if (type.kind === 'float') {
    if (value === 0 || typeof value === 'bigint' || type.bits === 16) return undefined;
    if (type.bits === 64) view.setFloat64(0, value, true);
    else view.setFloat32(0, value, true);
    return bytes.subarray(0, type.bits / 8);
  }
  if (typeof value === 'number' && !Number.isInteger(value)) return undefined;
  if (physical === 'INT32') {
    view.setInt32(0, Number(value), true);
    return bytes.subarray(0, 4);
  }
  if (physical !== 'INT64') return undefined;
  view.setBigInt64(0, BigInt(value), true);
  return bytes;
}
