import {
  type Binary,
  type Data,
  DataType,
  type Decimal,
  type DenseUnion,
  type Dictionary,
  type Field,
  type FixedSizeBinary,
  type FixedSizeList,
  type List,
  type Map_,
  type Struct,
  type Timestamp,
  TimeUnit,
  type Utf8,
  Vector,
} from 'apache-arrow';
import { type KeptLayout, layoutOf } from './arrow-data.ts';
import { decodeBytes, decodeOpaque } from './binary-vector.ts';
import { buildObjects, buildTuples } from './row-code.ts';
import { decodeDictionary, decodeUtf8, decodeUtf16 } from './string-vector.ts';
import { setOwn } from './value-reader.ts';

/** Units of a timestamp or date in a millisecond, or the milliseconds in one. */
const perMillisecond = { [TimeUnit.MICROSECOND]: 1000n, [TimeUnit.NANOSECOND]: 1_000_000n } as const;

function putNulls(values: unknown[], data: Data): unknown[] {
  const { nullBitmap, offset } = data as { nullBitmap: Uint8Array | undefined; offset: number };
  if (data.nullCount === 0 || nullBitmap === undefined || nullBitmap.length === 0) return values;
  for (let row = 0; row < values.length; row++) {
    const at = offset + row;
    if ((nullBitmap[at >> 3]! & (1 << (at & 7))) === 0) values[row] = null;
  }
  return values;
}

function decodeTimestamps(data: Data<Timestamp>): unknown[] {
  const { unit } = data.type;
  const times: BigInt64Array = data.values;
  const values = new Array<unknown>(data.length);
  if (unit === TimeUnit.SECOND || unit === TimeUnit.MILLISECOND) {
    const scale = unit === TimeUnit.SECOND ? 1000 : 1;
    for (let row = 0; row < data.length; row++) values[row] = new Date(Number(times[row]) * scale);
    return values;
  }
  const divisor = perMillisecond[unit];
  for (let row = 0; row < data.length; row++) {
    const time = times[row]!;
    values[row] = time % divisor === 0n ? new Date(Number(time / divisor)) : time;
  }
  return values;
}

/** All Dates, or all bigints if one is finer than a millisecond. */
function evenTimes(values: unknown[], unit: TimeUnit): unknown[] {
  if (
    (unit !== TimeUnit.MICROSECOND && unit !== TimeUnit.NANOSECOND) ||
    !values.some((value) => typeof value === 'bigint')
  ) {
    return values;
  }
  const scale = perMillisecond[unit];
  return values.map((value) => (value instanceof Date ? BigInt(value.getTime()) * scale : value));
}

/** "123.45" for the two's complement words of 12345 with scale 2: decimals have no exact JS number. */
function decodeDecimals(data: Data<Decimal>): string[] {
  const words: Uint32Array = data.values;
  const { scale, bitWidth } = data.type;
  const wordsPerValue = bitWidth / 32;
  return Array.from({ length: data.length }, (_, row) => {
    let unscaled = 0n;
    for (let word = wordsPerValue - 1; word >= 0; word--) {
      unscaled = (unscaled << 32n) | BigInt(words[row * wordsPerValue + word]!);
    }
    unscaled = BigInt.asIntN(bitWidth, unscaled);
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
    const sign = unscaled < 0n ? '-' : '';
    return scale <= 0
      ? `${sign}${digits}${'0'.repeat(unscaled === 0n ? 0 : -scale)}`
      : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  });
}

function decodeNumbers(data: Data): unknown[] {
  const numbers = data.values as ArrayLike<unknown>;
  const values = new Array<unknown>(data.length);
  for (let row = 0; row < data.length; row++) values[row] = numbers[row];
  return values;
}

function decodeLists(data: Data<List>): unknown[] {
  const items = decodeChildren(data)[0]!;
  const values = new Array<unknown>(data.length);
  for (let row = 0; row < data.length; row++)
    values[row] = items.slice(data.valueOffsets[row], data.valueOffsets[row + 1]);
  return values;
}

function decodeFixedSizeLists(data: Data<FixedSizeList>): unknown[] {
  const items = decodeChildren(data)[0]!;
  const size = data.type.listSize;
  return Array.from({ length: data.length }, (_, row) => items.slice(row * size, (row + 1) * size));
}

function decodeChildren(data: Data): unknown[][] {
  const fields = data.type.children as readonly Field[];
  return data.children.map((child, index) => decodeData(child, layoutOf(fields[index]!)));
}

function decodeMaps(data: Data<Map_>): unknown[] {
  const [keys, items] = decodeChildren(data.children[0]!);
  return Array.from({ length: data.length }, (_, row) => {
    const map = new Map<unknown, unknown>();
    for (let at = data.valueOffsets[row]!; at < data.valueOffsets[row + 1]!; at++) map.set(keys![at], items![at]);
    return map;
  });
}

function decodeStructs(data: Data<Struct>): unknown[] {
  const names = data.type.children.map((field) => String(field.name));
  return buildObjects(names, decodeChildren(data), data.length);
}

function decodeDenseUnion(data: Data<DenseUnion>): unknown[] {
  const children = decodeChildren(data);
  const { typeIdToChildIndex } = data.type;
  return Array.from(
    { length: data.length },
    (_, row) => children[typeIdToChildIndex[data.typeIds[row]!]!]![data.valueOffsets[row]!],
  );
}

/** Types without a fast way: by Arrow's own reader, null included. */
function decodeByGet(data: Data): unknown[] {
  const vector = new Vector([data]);
  return Array.from({ length: data.length }, (_, row) => {
    const value: unknown = vector.get(row);
    return ArrayBuffer.isView(value) ? (value as Uint8Array).slice() : value;
  });
}

/** Binary, maps and structs that stand for something of ours. */
function decodeKept(data: Data, layout: KeptLayout): unknown[] {
  if (layout === 'record') {
    return (decodeMaps(data as Data<Map_>) as Map<string, unknown>[]).map((map) => {
      const record = {};
      for (const [name, value] of map) setOwn(record, name, value);
      return record;
    });
  }
  if (layout === 'tuple') return buildTuples(decodeChildren(data), data.length);
  const { valueOffsets, values } = data as Data<Binary>;
  if (layout === 'buffer') return decodeBytes(valueOffsets, values, data.length, 'Buffer');
  if (layout === 'utf16') return decodeUtf16(valueOffsets, values, data.length);
  return decodeOpaque(valueOffsets, values, data.length);
}

function decodePresent(data: Data): unknown[] {
  const { type, length } = data;
  if (DataType.isInt(type) || (DataType.isFloat(type) && type.precision > 0)) return decodeNumbers(data);
  if (DataType.isUtf8(type)) {
    const text = data as Data<Utf8>;
    return decodeUtf8(text.valueOffsets, text.values, length, false);
  }
  if (DataType.isDictionary(type)) {
    const coded = data as Data<Dictionary>;
    return decodeDictionary(coded.values, decodeColumn(coded.dictionary as Vector), length);
  }
  if (DataType.isTimestamp(type)) return decodeTimestamps(data as Data<Timestamp>);
  if (DataType.isDecimal(type)) return decodeDecimals(data as Data<Decimal>);
  if (DataType.isBinary(type)) {
    const bytes = data as Data<Binary>;
    return decodeBytes(bytes.valueOffsets, bytes.values, length, 'Uint8Array');
  }
  if (DataType.isFixedSizeBinary(type)) {
    const { values } = data as Data<FixedSizeBinary>;
    return Array.from(
      { length },
      (_, row) => new Uint8Array(values.subarray(row * type.byteWidth, (row + 1) * type.byteWidth)),
    );
  }
  if (DataType.isList(type)) return decodeLists(data as Data<List>);
  if (DataType.isFixedSizeList(type)) return decodeFixedSizeLists(data as Data<FixedSizeList>);
  if (DataType.isMap(type)) return decodeMaps(data as Data<Map_>);
  if (DataType.isStruct(type)) return decodeStructs(data as Data<Struct>);
  if (DataType.isDenseUnion(type)) return decodeDenseUnion(data as Data<DenseUnion>);
  if (DataType.isDate(type)) return decodeByGet(data).map((time) => (time === null ? null : new Date(Number(time))));
  return decodeByGet(data);
}

function decodeData(data: Data, layout?: KeptLayout): unknown[] {
  const values = putNulls(layout === undefined ? decodePresent(data) : decodeKept(data, layout), data);
  return DataType.isTimestamp(data.type) ? evenTimes(values, data.type.unit) : values;
}

/** The values of an Arrow column of any number of chunks, as `fromArrowTable` says. */
export function decodeColumn(vector: Vector, layout?: KeptLayout): unknown[] {
  if (vector.data.length === 1) return decodeData(vector.data[0]!, layout);
  const values: unknown[] = [];
  for (const data of vector.data) for (const value of decodeData(data, layout)) values.push(value);
  return DataType.isTimestamp(vector.type) ? evenTimes(values, vector.type.unit) : values;
}
