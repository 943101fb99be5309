export type TimeUnit = 'ms' | 'us' | 'ns';

/**
 * The type of a column or of a part of one. In rows a value of it is:
 *
 * | Type | JS value |
 * |---|---|
 * | boolean | boolean |
 * | int of up to 32 bits, float | number |
 * | int of 64 bits | number or bigint, one of them for a whole column (option `int64`) |
 * | decimal | string with exactly `scale` digits behind the point: exact at every precision |
 * | date | Date at midnight UTC |
 * | timestamp | Date when exact in milliseconds, else ISO text with all its digits (option `timestamps`) |
 * | time | text `HH:MM:SS` with 3, 6 or 9 digits of fraction |
 * | string, enum, json, uuid | string |
 * | binary, fixed, bson | Uint8Array of its own |
 * | interval | `{ months, days, milliseconds }` |
 * | list, map, struct | array, Map, object |
 * | null | null |
 */
export type ParquetType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly kind: 'float'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'date' }
  | { readonly kind: 'time'; readonly unit: TimeUnit; readonly isUtc: boolean }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly isUtc: boolean }
  | { readonly kind: 'string' }
  | { readonly kind: 'enum' }
  | { readonly kind: 'json' }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'binary' }
  | { readonly kind: 'bson' }
  | { readonly kind: 'fixed'; readonly length: number }
  | { readonly kind: 'interval' }
  | { readonly kind: 'null' }
  | { readonly kind: 'list'; readonly element: ParquetField }
  | { readonly kind: 'map'; readonly key: ParquetField; readonly value: ParquetField }
  | { readonly kind: 'struct'; readonly fields: readonly ParquetField[] };

export interface ParquetField {
  readonly name: string;
  readonly type: ParquetType;
  readonly isNullable: boolean;
}

/** The columns of a file, or of several merged. Plain data. */
export interface ParquetSchema {
  readonly fields: readonly ParquetField[];
}

/** Whether values of the type are made of others. */
export function isNested({ kind }: ParquetType): boolean {
  return kind === 'list' || kind === 'map' || kind === 'struct';
}

/** How messages write a type: `decimal(12,2)`, `list<string>`, `struct<a: int32>`. */
export function describeType(type: ParquetType): string {
  switch (type.kind) {
    case 'int':
      return `${type.isSigned ? '' : 'u'}int${type.bits}`;
    case 'float':
      return `float${type.bits}`;
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'time':
    case 'timestamp':
      return `${type.kind}(${type.unit}${type.isUtc ? '' : ', local'})`;
    case 'fixed':
      return `fixed(${type.length})`;
    case 'list':
      return `list<${describeType(type.element.type)}>`;
    case 'map':
      return `map<${describeType(type.key.type)}, ${describeType(type.value.type)}>`;
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}: ${describeType(field.type)}`).join(', ')}>`;
    default:
      return type.kind;
  }
}
