import type { ParquetLeaf } from '../column-shape.ts';
import { BinaryValues } from './binary-values.ts';
import { EncodeError } from './encode-error.ts';
import { fillDates, fillTimes, fillTimestamps } from './encode-temporal.ts';
import { FixedValues } from './fixed-values.ts';
import { parseDecimal, parseShortDecimal } from './parse-decimal.ts';
import { utf8Of } from './text-heap.ts';

/** JS values as the file stores them: exact, or an EncodeError. */
export function encodeValues(leaf: ParquetLeaf, values: readonly unknown[]): FixedValues | BinaryValues {
  const { type } = leaf;
  const count = values.length;
  switch (type.kind) {
    case 'boolean': {
      const fixed = fixedValues(1, count, true);
      for (let index = 0; index < count; index++) {
        const value = values[index];
        if (typeof value !== 'boolean') throw new EncodeError(index, value, leaf);
        fixed.bytes[index] = value ? 1 : 0;
      }
      return fixed;
    }
    case 'int': {
      const fixed = fixedValues(type.bits === 64 ? 8 : 4, count);
      if (type.bits === 64) fillInt64(fixed, leaf, type.isSigned, values);
      else fillInt32(fixed, leaf, type.bits, type.isSigned, values);
      return fixed;
    }
    case 'float': {
      const fixed = fixedValues(type.bits / 8, count);
      fillFloats(fixed, leaf, values);
      return fixed;
    }
    case 'decimal':
      return encodeDecimals(leaf, type.precision, type.scale, values);
    case 'date': {
      const fixed = fixedValues(4, count);
      fillDates(new Int32Array(fixed.bytes.buffer), leaf, values);
      return fixed;
    }
    case 'time': {
      const fixed = fixedValues(type.unit === 'ms' ? 4 : 8, count);
      fillTimes(fixed, leaf, type.unit, values);
      return fixed;
    }
    case 'timestamp': {
      const fixed = fixedValues(8, count);
      fillTimestamps(fixed, leaf, type.unit, values);
      return fixed;
    }
    case 'string':
    case 'enum':
    case 'json':
      return encodeTexts(leaf, values);
    case 'uuid':
      return encodeUuids(leaf, values);
    case 'interval':
      return encodeIntervals(leaf, values);
    case 'fixed': {
      const fixed = fixedValues(type.length, count);
      for (let index = 0; index < count; index++) {
        const value = values[index];
        if (!(value instanceof Uint8Array) || value.length !== type.length) throw new EncodeError(index, value, leaf);
        fixed.bytes.set(value, index * type.length);
      }
      return fixed;
    }
    case 'binary':
    case 'bson':
      return encodeBytes(leaf, values);
    case 'null':
      if (count > 0) throw new EncodeError(0, values[0], leaf);
      return fixedValues(4, 0);
    case 'list':
    case 'map':
    case 'struct':
      throw new TypeError(`${type.kind} is no leaf`);
  }
}

function fixedValues(width: number, count: number, isBoolean = false): FixedValues {
  const fixed = new FixedValues(width, count, isBoolean);
  fixed.count = count;
  return fixed;
}

function fillInt32(
  fixed: FixedValues,
  leaf: ParquetLeaf,
  bits: number,
  isSigned: boolean,
  values: readonly unknown[],
): void {
  const words = new Int32Array(fixed.bytes.buffer);
  const least = isSigned ? -(2 ** (bits - 1)) : 0;
  const most = isSigned ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (
      typeof number !== 'number' ||
      !(number >= least && number <= most) ||
      Math.trunc(number) !== number ||
      Object.is(number, -0)
    )
      throw new EncodeError(index, value, leaf);
    words[index] = number;
  }
}

function fillInt64(fixed: FixedValues, leaf: ParquetLeaf, isSigned: boolean, values: readonly unknown[]): void {
  const words = new Int32Array(fixed.bytes.buffer);
  const wide = new BigInt64Array(fixed.bytes.buffer);
  const least = isSigned ? -(2n ** 63n) : 0n;
  const most = isSigned ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || Object.is(value, -0) || (!isSigned && value < 0))
        throw new EncodeError(index, value, leaf, Number.isInteger(value) ? '' : ', whole numbers only');
      words[index * 2] = value | 0;
      words[index * 2 + 1] = Math.floor(value / 4294967296);
    } else if (typeof value === 'bigint' && value >= least && value <= most) wide[index] = value;
    else throw new EncodeError(index, value, leaf);
  }
}

function fillFloats(fixed: FixedValues, leaf: ParquetLeaf, values: readonly unknown[]): void {
  const { width, bytes } = fixed;
  const floats =
    width === 8 ? new Float64Array(bytes.buffer) : width === 4 ? new Float32Array(bytes.buffer) : undefined;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value !== 'number') throw new EncodeError(index, value, leaf);
    if (floats !== undefined) floats[index] = value;
    else {
      const half = numberToHalf(value);
      bytes[index * 2] = half & 0xff;
      bytes[index * 2 + 1] = half >> 8;
    }
  }
}

/** The nearest binary16, ties to even. @see IEEE 754-2019, binary16 */
function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(magnitude || 1)), -14);
  // The value in units of the last place; log2 may be off by one near a power of two, which the carry below mends.
  const steps = roundToEven(magnitude / 2 ** ((magnitude === 0 ? -14 : exponent) - 10));
  return sign | (magnitude < 2 ** -14 ? roundToEven(magnitude / 2 ** -24) : ((exponent + 14) << 10) + steps);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function encodeDecimals(leaf: ParquetLeaf, precision: number, scale: number, values: readonly unknown[]): FixedValues {
  const width = leaf.physical === 'INT32' ? 4 : leaf.physical === 'INT64' ? 8 : leaf.typeLength;
  const fixed = fixedValues(width, values.length);
  const limit = 10n ** BigInt(precision);
  const isBytes = leaf.physical === 'FIXED_LEN_BYTE_ARRAY';
  const words = new Int32Array(fixed.bytes.buffer, 0, isBytes ? 0 : fixed.bytes.length >> 2);
  const wide = leaf.physical === 'INT64' ? new BigInt64Array(fixed.bytes.buffer) : undefined;
  for (let index = 0; index < values.length; index++) {
    const short = isBytes ? Number.NaN : parseShortDecimal(values[index], scale);
    if (Math.abs(short) < 10 ** precision) {
      words[index * (width >> 2)] = short;
      if (width === 8) words[index * 2 + 1] = Math.floor(short / 4294967296);
      continue;
    }
    const unscaled = parseDecimal(values[index], scale);
    if (unscaled === undefined || unscaled >= limit || unscaled <= -limit)
      throw new EncodeError(
        index,
        values[index],
        leaf,
        ': text such as "12.50", a bigint or a number that fits exactly',
      );
    if (wide !== undefined) wide[index] = unscaled;
    else if (!isBytes) words[index] = Number(unscaled);
    else {
      let rest = unscaled;
      for (let byte = width - 1; byte >= 0; byte--) {
        fixed.bytes[index * width + byte] = Number(rest & 0xffn);
        rest >>= 8n;
      }
    }
  }
  return fixed;
}

function encodeTexts(leaf: ParquetLeaf, values: readonly unknown[]): BinaryValues {
  const wrong = values.findIndex((value) => typeof value !== 'string');
  if (wrong >= 0) throw new EncodeError(wrong, values[wrong], leaf);
  const { texts, unfit } = utf8Of(values as readonly string[]);
  if (unfit >= 0) throw new EncodeError(unfit, values[unfit], leaf, ': half of a surrogate pair is no text');
  return texts;
}

function encodeBytes(leaf: ParquetLeaf, values: readonly unknown[]): BinaryValues {
  let size = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (!(value instanceof Uint8Array)) throw new EncodeError(index, value, leaf);
    size += value.length;
  }
  const binary = new BinaryValues(values.length, size);
  let end = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as Uint8Array;
    binary.heap.set(value, end);
    end += value.length;
    binary.offsets[index + 1] = end;
  }
  binary.count = values.length;
  return binary;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function encodeUuids(leaf: ParquetLeaf, values: readonly unknown[]): FixedValues {
  const fixed = fixedValues(16, values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value !== 'string' || !uuidPattern.test(value)) throw new EncodeError(index, value, leaf);
    fixed.bytes.set(Buffer.from(value.replaceAll('-', ''), 'hex'), index * 16);
  }
  return fixed;
}

function encodeIntervals(leaf: ParquetLeaf, values: readonly unknown[]): FixedValues {
  const fixed = fixedValues(12, values.length);
  const words = new Uint32Array(fixed.bytes.buffer);
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as {
      readonly months?: unknown;
      readonly days?: unknown;
      readonly milliseconds?: unknown;
    } | null;
    const parts = [value?.months, value?.days, value?.milliseconds];
    for (const [part, number] of parts.entries()) {
      if (typeof number !== 'number' || number >>> 0 !== number)
        throw new EncodeError(
          index,
          values[index],
          leaf,
          ': { months, days, milliseconds }, each a whole number from 0 to 2^32 - 1',
        );
      words[index * 3 + part] = number;
    }
  }
  return fixed;
}
