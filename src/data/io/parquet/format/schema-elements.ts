import { MillraceError } from '../../../../base/errors.ts';
import type { ParquetField, ParquetSchema, ParquetType, TimeUnit } from '../schema.ts';
import { describeType } from '../schema.ts';
import {
  convertedType,
  type FormatLogicalType,
  type FormatSchemaElement,
  type PhysicalType,
  physicalTypes,
  repetition,
} from './parquet-format.ts';

/** What a leaf is written as: both the annotation of today and the one that older readers know. */
type LeafElement = Omit<FormatSchemaElement, 'name' | 'repetitionType'>;

/** The schema elements of a footer: the tree of columns as a flat list, parents first. The inverse of `shapesOf`. */
export function elementsOf(schema: ParquetSchema): readonly FormatSchemaElement[] {
  return [{ name: 'schema', numChildren: schema.fields.length }, ...schema.fields.flatMap(fieldElements)];
}

function fieldElements(field: ParquetField): readonly FormatSchemaElement[] {
  const { name, type } = field;
  const repetitionType = field.isNullable ? repetition.optional : repetition.required;
  switch (type.kind) {
    case 'struct':
      if (type.fields.length === 0)
        throw new MillraceError(
          'MR_SCHEMA',
          `column ${name} is a struct without fields, which Parquet cannot hold. Leave it out, or write null.`,
        );
      return [{ name, repetitionType, numChildren: type.fields.length }, ...type.fields.flatMap(fieldElements)];
    case 'list':
      return [
        { name, repetitionType, numChildren: 1, convertedType: convertedType.list, logicalType: { list: {} } },
        { name: 'list', repetitionType: repetition.repeated, numChildren: 1 },
        ...fieldElements({ ...type.element, name: 'element' }),
      ];
    case 'map':
      return [
        { name, repetitionType, numChildren: 1, convertedType: convertedType.map, logicalType: { map: {} } },
        { name: 'key_value', repetitionType: repetition.repeated, numChildren: 2 },
        ...fieldElements({ ...type.key, name: 'key' }),
        ...fieldElements({ ...type.value, name: 'value' }),
      ];
    default:
      return [{ name, repetitionType, ...leafElement(type) }];
  }
}

function leafElement(type: ParquetType): LeafElement {
  switch (type.kind) {
    case 'boolean':
      return leaf('BOOLEAN');
    case 'int':
      return intElement(type.bits, type.isSigned);
    case 'float':
      if (type.bits === 16) return { ...leaf('FIXED_LEN_BYTE_ARRAY', { float16: {} }), typeLength: 2 };
      return leaf(type.bits === 32 ? 'FLOAT' : 'DOUBLE');
    case 'decimal':
      return decimalElement(type.precision, type.scale);
    case 'date':
      return leaf('INT32', { date: {} }, convertedType.date);
    case 'time':
      return timeElement(type.unit, type.isUtc);
    case 'timestamp':
      return timestampElement(type.unit, type.isUtc);
    case 'string':
      return leaf('BYTE_ARRAY', { string: {} }, convertedType.utf8);
    case 'enum':
      return leaf('BYTE_ARRAY', { enum: {} }, convertedType.enum);
    case 'json':
      return leaf('BYTE_ARRAY', { json: {} }, convertedType.json);
    case 'bson':
      return leaf('BYTE_ARRAY', { bson: {} }, convertedType.bson);
    case 'binary':
      return leaf('BYTE_ARRAY');
    case 'fixed':
      return { ...leaf('FIXED_LEN_BYTE_ARRAY'), typeLength: type.length };
    case 'uuid':
      return { ...leaf('FIXED_LEN_BYTE_ARRAY', { uuid: {} }), typeLength: 16 };
    case 'interval':
      return { ...leaf('FIXED_LEN_BYTE_ARRAY', undefined, convertedType.interval), typeLength: 12 };
    case 'null':
      return leaf('INT32', { unknown: {} });
    case 'list':
    case 'map':
    case 'struct':
      throw new MillraceError('MR_BUG', `${describeType(type)} is no leaf`);
  }
}

function leaf(physical: PhysicalType, logicalType?: FormatLogicalType, converted?: number): LeafElement {
  return {
    type: physicalTypes.indexOf(physical),
    ...(converted === undefined ? {} : { convertedType: converted }),
    ...(logicalType === undefined ? {} : { logicalType }),
  };
}

function intElement(bits: 8 | 16 | 32 | 64, isSigned: boolean): LeafElement {
  // Plain INT32 and INT64 say the same without an annotation, and every reader knows them.
  if (isSigned && bits >= 32) return leaf(bits === 32 ? 'INT32' : 'INT64');
  const converted = convertedType[`${isSigned ? 'int' : 'uint'}${bits}`];
  return leaf(bits === 64 ? 'INT64' : 'INT32', { integer: { bitWidth: bits, isSigned } }, converted);
}

function decimalElement(precision: number, scale: number): LeafElement {
  const physical = precision <= 9 ? 'INT32' : precision <= 18 ? 'INT64' : 'FIXED_LEN_BYTE_ARRAY';
  return {
    ...leaf(physical, { decimal: { scale, precision } }, convertedType.decimal),
    ...(physical === 'FIXED_LEN_BYTE_ARRAY' ? { typeLength: decimalBytes(precision) } : {}),
    scale,
    precision,
  };
}

/** The bytes that every decimal of a precision fits, with its sign. */
function decimalBytes(precision: number): number {
  const bits = (10n ** BigInt(precision)).toString(2).length + 1;
  return Math.ceil(bits / 8);
}

function timeElement(unit: TimeUnit, isUtc: boolean): LeafElement {
  const logical: FormatLogicalType = { time: { isAdjustedToUtc: isUtc, unit: formatUnit(unit) } };
  if (unit === 'ms') return leaf('INT32', logical, convertedType.timeMillis);
  return leaf('INT64', logical, unit === 'us' ? convertedType.timeMicros : undefined);
}

/** The older annotation means UTC, so a local timestamp has the newer one only. */
function timestampElement(unit: TimeUnit, isUtc: boolean): LeafElement {
  const logical: FormatLogicalType = { timestamp: { isAdjustedToUtc: isUtc, unit: formatUnit(unit) } };
  if (!isUtc || unit === 'ns') return leaf('INT64', logical);
  return leaf('INT64', logical, unit === 'ms' ? convertedType.timestampMillis : convertedType.timestampMicros);
}

function formatUnit(unit: TimeUnit): {
  millis?: Record<string, never>;
  micros?: Record<string, never>;
  nanos?: Record<string, never>;
} {
  switch (unit) {
    case 'ms':
      return { millis: {} };
    case 'us':
      return { micros: {} };
    case 'ns':
      return { nanos: {} };
  }
}
