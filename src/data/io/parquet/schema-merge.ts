import { MillraceError } from '../../../base/errors.ts';
import { describeUri } from '../uri.ts';
import { describeType, type ParquetField, type ParquetType } from './schema.ts';

export interface FileFields {
  readonly uri: string;
  readonly fields: readonly ParquetField[];
}

/**
 * The columns that all files have together, in the order in which they first appear.
 * Types agree when they are equal, when one is null, or when one holds all values of the other: wider integers of the same
 * sign, wider floats (also for integers that are numbers in rows), decimals with room for the digits of both, text of any kind, finer times.
 *
 * @param isNumber whether the 64-bit integers at a path, as of `pathsOf`, are proven to be numbers
 * @param mayLack whether a file may lack a column, which is null there
 * @throws {MillraceError} MR_SCHEMA naming the column and both files
 */
export function mergeFields(
  files: readonly FileFields[],
  mayLack: boolean,
  isNumber: IsNumber,
): readonly ParquetField[] {
  const merged = new Map<string, { field: ParquetField; uri: string; count: number }>();
  for (const { uri, fields } of files)
    for (const field of fields) {
      const known = merged.get(field.name);
      if (known === undefined) {
        merged.set(field.name, { field, uri, count: 1 });
        continue;
      }
      const type = mergeTypes(known.field.type, field.type, isNumber, field.name);
      if (type === undefined)
        throw new MillraceError(
          'MR_SCHEMA',
          `column ${field.name} is ${describeType(known.field.type)} in ${describeUri(known.uri)} and ` +
            `${describeType(field.type)} in ${describeUri(uri)}. Read the files apart, or leave the column out with the option columns${isNumeric(field.type) ? ", or read numbers that are exact with int64: 'number'" : ''}.`,
          { details: { column: field.name, paths: [describeUri(known.uri), describeUri(uri)] } },
        );
      known.count++;
      known.field = { name: field.name, type, isNullable: known.field.isNullable || field.isNullable };
    }
  if (!mayLack) refuseMissing(files);
  return [...merged.values()].map(({ field, count }) =>
    count === files.length ? field : { ...field, isNullable: true },
  );
}

function refuseMissing(files: readonly FileFields[]): void {
  const [first] = files;
  if (first === undefined) return;
  const names = new Set(first.fields.map((field) => field.name));
  for (const { uri, fields } of files) {
    const own = new Set(fields.map((field) => field.name));
    const lacking = [...names].find((name) => !own.has(name));
    const extra = [...own].find((name) => !names.has(name));
    const column = lacking ?? extra;
    if (column === undefined) continue;
    const [has, lacks] = lacking === undefined ? [uri, first.uri] : [first.uri, uri];
    throw new MillraceError(
      'MR_SCHEMA',
      `column ${column} is in ${describeUri(has)} and not in ${describeUri(lacks)}. Pass mergeSchema: true to have null where a file lacks a column.`,
      { details: { column, paths: [describeUri(has), describeUri(lacks)] } },
    );
  }
}

/** What decimals of 256 bits hold. */
const maxPrecision = 76;

type IsNumber = (path: string) => boolean;

/** The type that holds the values of both, which are at `path`, or undefined where there is none. */
export function mergeTypes(a: ParquetType, b: ParquetType, isNumber: IsNumber, path: string): ParquetType | undefined {
  const mergeField = (one: ParquetField, other: ParquetField, part: string): ParquetField | undefined => {
    const type = mergeTypes(one.type, other.type, isNumber, `${path}\u0000${part}`);
    return type && { name: one.name, type, isNullable: one.isNullable || other.isNullable };
  };
  if (a.kind === 'null') return b;
  if (b.kind === 'null') return a;
  if (isText(a) && isText(b)) return a.kind === b.kind ? a : { kind: 'string' };
  if (isNumeric(a) && isNumeric(b)) return mergeNumbers(a, b, isNumber(path));
  if (a.kind !== b.kind) return undefined;
  switch (a.kind) {
    case 'decimal': {
      const other = b as typeof a;
      const scale = Math.max(a.scale, other.scale);
      const precision = Math.max(a.precision - a.scale, other.precision - other.scale) + scale;
      return precision <= maxPrecision ? { kind: 'decimal', precision, scale } : undefined;
    }
    case 'timestamp':
    case 'time': {
      const other = b as typeof a;
      const units = ['ms', 'us', 'ns'] as const;
      const unit = units[Math.max(units.indexOf(a.unit), units.indexOf(other.unit))];
      return a.isUtc === other.isUtc && unit !== undefined ? { ...a, unit } : undefined;
    }
    case 'fixed':
      return a.length === (b as typeof a).length ? a : { kind: 'binary' };
    case 'list': {
      const element = mergeField(a.element, (b as typeof a).element, '[]');
      return element && { kind: 'list', element };
    }
    case 'map': {
      const key = mergeField(a.key, (b as typeof a).key, '{key}');
      const value = mergeField(a.value, (b as typeof a).value, '{value}');
      return key && value && { kind: 'map', key, value };
    }
    case 'struct':
      return mergeStructs(a.fields, (b as typeof a).fields, mergeField);
    default:
      return a;
  }
}

type NumberType = Extract<ParquetType, { kind: 'int' | 'float' }>;

function isNumeric(type: ParquetType): type is NumberType {
  return type.kind === 'int' || type.kind === 'float';
}

function isText({ kind }: ParquetType): boolean {
  return kind === 'string' || kind === 'enum' || kind === 'json';
}

function mergeNumbers(a: NumberType, b: NumberType, isWideNumber: boolean): ParquetType | undefined {
  if (a.kind === 'int' && b.kind === 'int') {
    if (a.isSigned === b.isSigned) return a.bits >= b.bits ? a : b;
    const [signed, unsigned] = a.isSigned ? [a, b] : [b, a];
    return signed.bits > unsigned.bits ? signed : undefined;
  }
  if (a.kind === 'float' && b.kind === 'float') return a.bits >= b.bits ? a : b;
  const int = a.kind === 'int' ? a : b;
  return int.bits < 64 || isWideNumber ? { kind: 'float', bits: 64 } : undefined;
}

/** Structs must have the same fields: a part that is missing inside of a value cannot be told from a null. */
function mergeStructs(
  a: readonly ParquetField[],
  b: readonly ParquetField[],
  mergeField: (one: ParquetField, other: ParquetField, part: string) => ParquetField | undefined,
): ParquetType | undefined {
  const fields = a.map((field) => {
    const other = b.find((candidate) => candidate.name === field.name);
    return other && mergeField(field, other, field.name);
  });
  if (a.length !== b.length || fields.includes(undefined)) return undefined;
  return { kind: 'struct', fields: fields.filter((field) => field !== undefined) };
}
