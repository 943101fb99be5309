import type { ParquetType, TimeUnit } from '../schema.ts';
import { convertedType, type FormatSchemaElement, type PhysicalType } from './parquet-format.ts';

const int = (bits: 8 | 16 | 32 | 64, isSigned: boolean): ParquetType => ({ kind: 'int', bits, isSigned });

/**
 * What the values of a leaf mean. An annotation that does not fit the physical type, or that this version of the format
 * does not know, leaves the physical type, as the format asks of readers.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
export function leafType(element: FormatSchemaElement, physical: PhysicalType): ParquetType {
  return (
    fromLogicalType(element, physical) ?? fromConvertedType(element, physical) ?? fromPhysicalType(element, physical)
  );
}

function fromLogicalType(element: FormatSchemaElement, physical: PhysicalType): ParquetType | undefined {
  const logical = element.logicalType;
  if (logical === undefined) return undefined;
  if (logical.unknown) return { kind: 'null' };
  if (logical.decimal) return decimal(logical.decimal.precision, logical.decimal.scale, element, physical);
  switch (physical) {
    case 'BYTE_ARRAY':
      if (logical.string) return { kind: 'string' };
      if (logical.enum) return { kind: 'enum' };
      if (logical.json) return { kind: 'json' };
      if (logical.bson) return { kind: 'bson' };
      return undefined;
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical.uuid && element.typeLength === 16) return { kind: 'uuid' };
      if (logical.float16 && element.typeLength === 2) return { kind: 'float', bits: 16 };
      return undefined;
    case 'INT32':
      if (logical.date) return { kind: 'date' };
      if (logical.time?.unit.millis) return { kind: 'time', unit: 'ms', isUtc: logical.time.isAdjustedToUtc };
      return narrowInt(logical.integer, [8, 16, 32]);
    case 'INT64': {
      const time = logical.timestamp ?? logical.time;
      if (time === undefined) return narrowInt(logical.integer, [64]);
      const unit: TimeUnit | undefined = time.unit.nanos
        ? 'ns'
        : time.unit.micros
          ? 'us'
          : time.unit.millis
            ? 'ms'
            : undefined;
      if (unit === undefined || (logical.time && unit === 'ms')) return undefined;
      return { kind: logical.timestamp ? 'timestamp' : 'time', unit, isUtc: time.isAdjustedToUtc };
    }
    default:
      return undefined;
  }
}

function narrowInt(
  integer: { readonly bitWidth: number; readonly isSigned: boolean } | undefined,
  widths: readonly number[],
): ParquetType | undefined {
  if (integer === undefined || !widths.includes(integer.bitWidth)) return undefined;
  return int(integer.bitWidth as 8 | 16 | 32 | 64, integer.isSigned);
}

function fromConvertedType(element: FormatSchemaElement, physical: PhysicalType): ParquetType | undefined {
  const converted = element.convertedType;
  if (converted === convertedType.decimal)
    return decimal(element.precision ?? 0, element.scale ?? 0, element, physical);
  switch (physical) {
    case 'BYTE_ARRAY':
      if (converted === convertedType.utf8) return { kind: 'string' };
      if (converted === convertedType.enum) return { kind: 'enum' };
      if (converted === convertedType.json) return { kind: 'json' };
      if (converted === convertedType.bson) return { kind: 'bson' };
      return undefined;
    case 'FIXED_LEN_BYTE_ARRAY':
      return converted === convertedType.interval && element.typeLength === 12 ? { kind: 'interval' } : undefined;
    case 'INT32':
      switch (converted) {
        case convertedType.date:
          return { kind: 'date' };
        case convertedType.timeMillis:
          return { kind: 'time', unit: 'ms', isUtc: true };
        case convertedType.int8:
          return int(8, true);
        case convertedType.int16:
          return int(16, true);
        case convertedType.int32:
          return int(32, true);
        case convertedType.uint8:
          return int(8, false);
        case convertedType.uint16:
          return int(16, false);
        case convertedType.uint32:
          return int(32, false);
        default:
          return undefined;
      }
    case 'INT64':
      switch (converted) {
        case convertedType.timeMicros:
          return { kind: 'time', unit: 'us', isUtc: true };
        case convertedType.timestampMillis:
          return { kind: 'timestamp', unit: 'ms', isUtc: true };
        case convertedType.timestampMicros:
          return { kind: 'timestamp', unit: 'us', isUtc: true };
        case convertedType.int64:
          return int(64, true);
        case convertedType.uint64:
          return int(64, false);
        default:
          return undefined;
      }
    default:
      return undefined;
  }
}

function decimal(
  precision: number,
  scale: number,
  element: FormatSchemaElement,
  physical: PhysicalType,
): ParquetType | undefined {
  const isNumber = physical === 'INT32' || physical === 'INT64';
  const isBytes = physical === 'BYTE_ARRAY' || (physical === 'FIXED_LEN_BYTE_ARRAY' && (element.typeLength ?? 0) > 0);
  if ((!isNumber && !isBytes) || precision < 1 || scale < 0 || scale > precision) return undefined;
  return { kind: 'decimal', precision, scale };
}

function fromPhysicalType(element: FormatSchemaElement, physical: PhysicalType): ParquetType {
  switch (physical) {
    case 'BOOLEAN':
      return { kind: 'boolean' };
    case 'INT32':
      return int(32, true);
    case 'INT64':
      return int(64, true);
    case 'INT96':
      return { kind: 'timestamp', unit: 'ns', isUtc: false };
    case 'FLOAT':
      return { kind: 'float', bits: 32 };
    case 'DOUBLE':
      return { kind: 'float', bits: 64 };
    case 'BYTE_ARRAY':
      return { kind: 'binary' };
    case 'FIXED_LEN_BYTE_ARRAY':
      return { kind: 'fixed', length: element.typeLength ?? 0 };
  }
}
