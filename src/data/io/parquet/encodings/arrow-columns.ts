import {
  Binary,
  Bool,
  type Data,
  DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  Null,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import type { ParquetField, ParquetType } from '../schema.ts';
import type { LeafVector, ParquetVector } from './assemble.ts';
import { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';

/** The Arrow type that holds the values of a column exactly. */
function arrowType(type: ParquetType): DataType {
  switch (type.kind) {
    case 'boolean':
      return new Bool();
    case 'int':
      return intType(type.bits, type.isSigned);
    case 'float':
      return type.bits === 16 ? new Float16() : type.bits === 32 ? new Float32() : new Float64();
    case 'decimal':
      return new Decimal(type.scale, type.precision, type.precision <= 38 ? 128 : 256);
    case 'date':
      return new DateDay();
    case 'time':
      return type.unit === 'ms'
        ? new TimeMillisecond()
        : type.unit === 'us'
          ? new TimeMicrosecond()
          : new TimeNanosecond();
    case 'timestamp': {
      const zone = type.isUtc ? 'UTC' : null;
      if (type.unit === 'ms') return new TimestampMillisecond(zone);
      return type.unit === 'us' ? new TimestampMicrosecond(zone) : new TimestampNanosecond(zone);
    }
    case 'string':
    case 'enum':
    case 'json':
      return new Utf8();
    case 'binary':
    case 'bson':
      return new Binary();
    case 'fixed':
      return new FixedSizeBinary(type.length);
    case 'uuid':
      return new FixedSizeBinary(16);
    case 'interval':
      return new FixedSizeBinary(12);
    case 'null':
      return new Null();
    case 'list':
      return new List(arrowField(type.element));
    case 'map': {
      const entries = new Struct([arrowField(type.key), arrowField(type.value)]);
      return new Map_(new Field('entries', entries as never, false));
    }
    case 'struct':
      return new Struct(type.fields.map(arrowField));
  }
}

function intType(bits: 8 | 16 | 32 | 64, isSigned: boolean): DataType {
  switch (bits) {
    case 8:
      return isSigned ? new Int8() : new Uint8();
    case 16:
      return isSigned ? new Int16() : new Uint16();
    case 32:
      return isSigned ? new Int32() : new Uint32();
    case 64:
      return isSigned ? new Int64() : new Uint64();
  }
}

export function arrowField({ name, type, isNullable }: ParquetField): Field {
  return new Field(name, arrowType(type), isNullable || type.kind === 'null');
}

/** A column as Arrow data of the type of its field: over the decoded memory where the layouts are the same, which most are. */
export function arrowData(vector: ParquetVector, type: DataType): Data {
  const rows = { length: vector.length, ...validityOf(vector) };
  switch (vector.kind) {
    case 'leaf':
      return leafData(vector, type, rows);
    case 'struct': {
      const children = vector.fields.map((field, index) => arrowData(field, childType(type, index)));
      return makeData({ type: type as Struct, ...rows, children });
    }
    case 'list': {
      const child = arrowData(vector.element, childType(type, 0));
      return makeData({ type: type as List, ...rows, valueOffsets: vector.offsets, child });
    }
    case 'map': {
      const entries = childType(type, 0);
      const children = [vector.key, vector.value].map((part, index) => arrowData(part, childType(entries, index)));
      const child = makeData({ type: entries as Struct, length: vector.key.length, nullCount: 0, children });
      return makeData({ type: type as Map_, ...rows, valueOffsets: vector.offsets, child: child as never });
    }
  }
}

function childType(type: DataType, index: number): DataType {
  const child: Field | undefined = type.children?.[index];
  if (child === undefined) throw new TypeError(`${type} has no child ${index}`);
  return child.type;
}

interface Validity {
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | null;
}

function validityOf({ present, length }: ParquetVector): Validity {
  if (present === undefined) return { nullCount: 0, nullBitmap: null };
  const { bits, ones } = packBits(present, length);
  return ones === length ? { nullCount: 0, nullBitmap: null } : { nullCount: length - ones, nullBitmap: bits };
}

/** One bit a byte, the first in the lowest bit; the bytes are 0 or 1. */
function packBits(flags: Uint8Array, length: number): { readonly bits: Uint8Array; readonly ones: number } {
  const bits = new Uint8Array((length + 7) >> 3);
  let ones = 0;
  const whole = length & ~7;
  for (let index = 0, at = 0; index < whole; index += 8, at++) {
    const byte =
      flags[index]! |
      (flags[index + 1]! << 1) |
      (flags[index + 2]! << 2) |
      (flags[index + 3]! << 3) |
      (flags[index + 4]! << 4) |
      (flags[index + 5]! << 5) |
      (flags[index + 6]! << 6) |
      (flags[index + 7]! << 7);
    bits[at] = byte;
    ones += bitCounts[byte]!;
  }
  for (let index = whole; index < length; index++) {
    bits[index >> 3]! |= flags[index]! << (index & 7);
    ones += flags[index]!;
  }
  return { bits, ones };
}

const bitCounts = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

type Rows = Validity & { readonly length: number };

function leafData({ leaf, values }: LeafVector, type: DataType, rows: Rows): Data {
  if (DataType.isNull(type)) return makeData({ type, length: rows.length });
  if (DataType.isDecimal(type))
    return makeData({ type, ...rows, data: decimalWords(values, leaf.physical, type, rows.length) });
  if ('codes' in values) {
    const texts = new BinaryValues(rows.length);
    texts.gather(
      values.codes.length === rows.length ? values.codes : values.codes.subarray(0, rows.length),
      values.dictionary,
    );
    return bytesData(texts, type, rows);
  }
  if (values instanceof BinaryValues) return bytesData(values, type, rows);
  const { bytes, width } = values;
  if (DataType.isBool(type)) return makeData({ type, ...rows, data: packBits(bytes, rows.length).bits });
  const data = bytes.subarray(0, rows.length * width);
  if (DataType.isFixedSizeBinary(type)) return makeData({ type, ...rows, data });
  const { ArrayType } = type as DataType & { readonly ArrayType: TypedArrayOf };
  // Small integers are stored in 32 bits.
  if (ArrayType.BYTES_PER_ELEMENT < width)
    return makeData({
      type: type as Int8,
      ...rows,
      data: ArrayType.from(new Int32Array(bytes.buffer, 0, rows.length)) as Int8Array,
    });
  return makeData({ type: type as Int8, ...rows, data: new ArrayType(bytes.buffer, 0, rows.length) as Int8Array });
}

interface TypedArrayOf {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): ArrayBufferView;
  from(values: Int32Array): ArrayBufferView;
}

function bytesData({ offsets, heap }: BinaryValues, type: DataType, rows: Rows): Data {
  const valueOffsets = offsets.subarray(0, rows.length + 1);
  const data = heap.subarray(0, valueOffsets[rows.length]);
  return makeData({ type: type as Utf8, ...rows, valueOffsets, data });
}

/** Unscaled numbers of 128 or 256 bits, lowest word first, from any of the forms that Parquet has for them. */
function decimalWords(
  values: LeafVector['values'],
  physical: string,
  { bitWidth }: Decimal,
  length: number,
): Uint32Array {
  const perValue = bitWidth / 32;
  const words = new Uint32Array(length * perValue);
  if (!('codes' in values) && !(values instanceof BinaryValues) && physical !== 'FIXED_LEN_BYTE_ARRAY') {
    copyLittleEndian(values, words, perValue, length);
    return words;
  }
  for (let slot = 0; slot < length; slot++) {
    const [bytes, start, end] = bytesAt(values, slot);
    const sign = end > start ? (bytes[start]! << 24) >> 31 : 0;
    for (let word = 0; word < perValue; word++) {
      let value = 0;
      for (let byte = 0; byte < 4; byte++) {
        const from = end - 1 - word * 4 - byte;
        value |= (from >= start ? bytes[from]! : sign & 0xff) << (byte * 8);
      }
      words[slot * perValue + word] = value;
    }
  }
  return words;
}

function copyLittleEndian({ bytes, width }: FixedValues, words: Uint32Array, perValue: number, length: number): void {
  const stored = new Int32Array(bytes.buffer);
  const given = width >> 2;
  for (let slot = 0; slot < length; slot++) {
    const sign = stored[slot * given + given - 1]! >> 31;
    for (let word = 0; word < perValue; word++)
      words[slot * perValue + word] = word < given ? stored[slot * given + word]! : sign;
  }
}

function bytesAt(values: LeafVector['values'], slot: number): readonly [bytes: Uint8Array, start: number, end: number] {
  if ('codes' in values) return bytesAt(values.dictionary, values.codes[slot]!);
  if (values instanceof BinaryValues) return [values.heap, values.offsets[slot]!, values.offsets[slot + 1]!];
  return [values.bytes, slot * values.width, (slot + 1) * values.width];
}
