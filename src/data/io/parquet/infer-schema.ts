import { MillraceError } from '../../../base/errors.ts';
import type { Vector } from '../../columnar/batch-reader.ts';
import { decodeVector } from '../../columnar/vector-decoder.ts';
import { describeValue, isPlainObject } from './describe-value.ts';
import { areIntegers, hasValues, isExactInteger } from './encodings/encode-vector.ts';
import { describeType, type ParquetField, type ParquetSchema, type ParquetType } from './schema.ts';
import { pathText } from './value-path.ts';

/** What was seen of the values at one place in rows. */
interface Seen {
  kind: 'nothing' | 'number' | 'leaf' | 'list' | 'map' | 'struct';
  /** Of a leaf. */
  type?: ParquetType;
  /** Of numbers: whether one has a fraction, is -0, NaN, infinite or too large, so that only a float holds it. */
  needsFloat: boolean;
  hasBigint: boolean;
  /** Of bigints: the range, to choose signed or unsigned. */
  least: bigint;
  most: bigint;
  element?: Seen;
  key?: Seen;
  fields?: Map<string, Seen>;
}

export interface InferredSchema {
  readonly schema: ParquetSchema;
  /** Where integers were bigints, as paths of {@link bigintKey}. */
  readonly bigintPaths: readonly string[];
}

const int64Least = -(2n ** 63n);
const int64Most = 2n ** 63n - 1n;
const uint64Most = 2n ** 64n - 1n;

/**
 * The schema of rows, from their values column by column. All integers make int64, any other number float64; bigints int64
 * or uint64; Dates timestamps in microseconds, which hold all of them and are what Spark and DuckDB write; arrays lists, Maps
 * maps, plain objects structs. Every column may be null.
 */
export class SchemaInference {
  readonly #columns = new Map<string, Seen>();

  /**
   * Takes up more values of a column.
   *
   * @throws {MillraceError} MR_SCHEMA naming row and field where values of one field have no type in common
   */
  see(name: string, values: readonly unknown[], firstRow: number): void {
    const seen = this.#seen(name);
    for (let index = seeRun(seen, values); index < values.length; index++)
      see(seen, values[index], firstRow + index, noPath, name);
  }

  /** The same for rows[start..end) of a column in memory. */
  seeVector(name: string, vector: Vector, start: number, end: number, firstRow: number): void {
    if (!seeKind(this.#seen(name), vector, start, end))
      this.see(name, decodeVector(vector).slice(start, end), firstRow);
  }

  #seen(name: string): Seen {
    let seen = this.#columns.get(name);
    if (seen === undefined) {
      seen = nothing();
      this.#columns.set(name, seen);
    }
    return seen;
  }

  inferred(): InferredSchema {
    const bigintPaths: string[] = [];
    const fields = [...this.#columns].map(([name, seen]) => fieldOf(name, seen, name, bigintPaths));
    return { schema: { fields }, bigintPaths };
  }
}

/** Levels of nesting that a schema may have. */
const deepest = 200;

const noPath: readonly string[] = [];

function nothing(): Seen {
  return { kind: 'nothing', needsFloat: false, hasBigint: false, least: 0n, most: 0n };
}

/** Takes values that are of the kind seen before, until one is of another: how many. Most columns are nothing but that. */
function seeRun(seen: Seen, values: readonly unknown[]): number {
  const expected =
    seen.kind === 'number' && !seen.hasBigint ? 'number' : seen.type?.kind === 'string' ? 'string' : 'none';
  let index = 0;
  for (; index < values.length; index++) {
    const value = values[index];
    if (typeof value === expected) {
      if (typeof value === 'number' && !seen.needsFloat) seen.needsFloat = !isExactInteger(value);
    } else if (value !== null && value !== undefined) break;
  }
  return index;
}

/** What the form of a column says of its values; false where they have to be looked at one by one. */
function seeKind(seen: Seen, vector: Vector, start: number, end: number): boolean {
  if (!hasValues(vector, start, end)) return true;
  switch (vector.kind) {
    case 'int32':
    case 'float64':
      if (seen.hasBigint || (seen.kind !== 'nothing' && seen.kind !== 'number')) return false;
      seen.kind = 'number';
      if (vector.kind === 'float64') seen.needsFloat ||= !areIntegers(vector.values, start, end);
      return true;
    case 'boolean':
      return seeLeafKind(seen, { kind: 'boolean' });
    case 'utf8':
    case 'dictionary':
      return seeLeafKind(seen, { kind: 'string' });
    case 'date':
      return seeLeafKind(seen, timestamps);
    default:
      return false;
  }
}

function seeLeafKind(seen: Seen, type: ParquetType): boolean {
  if (seen.kind !== 'nothing' && seen.type?.kind !== type.kind) return false;
  seen.kind = 'leaf';
  seen.type ??= type;
  return true;
}

const timestamps: ParquetType = { kind: 'timestamp', unit: 'us', isUtc: true };

function seeFields(
  fields: Map<string, Seen>,
  row: Readonly<Record<string, unknown>>,
  index: number,
  path: readonly string[],
): void {
  for (const name of Object.keys(row)) {
    let seen = fields.get(name);
    if (seen === undefined) {
      seen = nothing();
      fields.set(name, seen);
    }
    see(seen, row[name], index, path, name);
  }
}

function see(seen: Seen, value: unknown, index: number, above: readonly string[], name: string): void {
  if (value === null || value === undefined) return;
  switch (typeof value) {
    case 'number':
      expect(seen, 'number', value, index, above, name);
      seen.needsFloat ||= !isExactInteger(value);
      break;
    case 'bigint':
      expect(seen, 'number', value, index, above, name);
      if (!seen.hasBigint) seen.least = seen.most = value;
      seen.hasBigint = true;
      if (value < seen.least) seen.least = value;
      if (value > seen.most) seen.most = value;
      break;
    case 'string':
      seeLeaf(seen, { kind: 'string' }, value, index, above, name);
      return;
    case 'boolean':
      seeLeaf(seen, { kind: 'boolean' }, value, index, above, name);
      return;
    case 'object':
      seeObject(seen, value, index, above, name);
      return;
    default:
      throw unfit(index, [...above, name], `${describeValue(value)} has no place in Parquet`);
  }
  if (seen.hasBigint && seen.needsFloat)
    throw unfit(index, [...above, name], 'a bigint and a number that is no safe integer have no type in common');
}

function seeObject(seen: Seen, value: object, index: number, above: readonly string[], name: string): void {
  const path = [...above, name];
  if (path.length > deepest)
    throw unfit(index, path.slice(0, 3), `it is nested more than ${deepest} levels deep, or holds itself`);
  if (value instanceof Date) seeLeaf(seen, timestamps, value, index, above, name);
  else if (value instanceof Uint8Array) seeLeaf(seen, { kind: 'binary' }, value, index, above, name);
  else if (Array.isArray(value)) {
    expect(seen, 'list', value, index, above, name);
    seen.element ??= nothing();
    for (const element of value) see(seen.element, element, index, path, '[]');
  } else if (value instanceof Map) {
    expect(seen, 'map', value, index, above, name);
    seen.key ??= nothing();
    seen.element ??= nothing();
    for (const [key, entry] of value) {
      if (key === null || key === undefined) throw unfit(index, path, `a key of a Map is ${key}`);
      see(seen.key, key, index, path, '{key}');
      see(seen.element, entry, index, path, '{value}');
    }
  } else if (isPlainObject(value)) {
    expect(seen, 'struct', value, index, above, name);
    seen.fields ??= new Map();
    seeFields(seen.fields, value, index, path);
  } else throw unfit(index, path, `${describeValue(value)} has no place in Parquet`);
}

function seeLeaf(
  seen: Seen,
  type: ParquetType,
  value: unknown,
  index: number,
  above: readonly string[],
  name: string,
): void {
  expect(seen, 'leaf', value, index, above, name);
  seen.type ??= type;
  if (seen.type.kind !== type.kind) throw unfit(index, [...above, name], mixed(seen, value));
}

function expect(
  seen: Seen,
  kind: Seen['kind'],
  value: unknown,
  index: number,
  above: readonly string[],
  name: string,
): void {
  if (seen.kind === 'nothing') seen.kind = kind;
  else if (seen.kind !== kind) throw unfit(index, [...above, name], mixed(seen, value));
}

function mixed(seen: Seen, value: unknown): string {
  const before = seen.type === undefined ? `${seen.kind}s` : `${seen.type.kind} values`;
  return `it is ${describeValue(value)} where rows before have ${before}`;
}

function unfit(index: number, path: readonly string[], reason: string): MillraceError {
  const field = pathText(path);
  return new MillraceError(
    'MR_SCHEMA',
    `row ${index}, field ${field}: ${reason}. Convert it first, or give the option schema.`,
    { details: { row: index, field } },
  );
}

function fieldOf(name: string, seen: Seen, path: string, bigintPaths: string[], isNullable = true): ParquetField {
  return { name, isNullable, type: typeOf(seen, path, bigintPaths) };
}

function typeOf(seen: Seen, path: string, bigintPaths: string[]): ParquetType {
  switch (seen.kind) {
    case 'nothing':
      return { kind: 'null' };
    case 'number':
      if (seen.hasBigint) {
        bigintPaths.push(path);
        return bigintType(seen, path);
      }
      return seen.needsFloat ? { kind: 'float', bits: 64 } : { kind: 'int', bits: 64, isSigned: true };
    case 'leaf':
      return seen.type ?? { kind: 'null' };
    case 'list':
      return { kind: 'list', element: fieldOf('element', seen.element ?? nothing(), `${path}\u0000[]`, bigintPaths) };
    case 'map': {
      const key = fieldOf('key', seen.key ?? nothing(), `${path}\u0000{key}`, bigintPaths, false);
      const value = fieldOf('value', seen.element ?? nothing(), `${path}\u0000{value}`, bigintPaths);
      return { kind: 'map', key: key.type.kind === 'null' ? { ...key, type: { kind: 'string' } } : key, value };
    }
    case 'struct': {
      const fields = [...(seen.fields ?? [])].map(([name, field]) =>
        fieldOf(name, field, `${path}\u0000${name}`, bigintPaths),
      );
      return { kind: 'struct', fields };
    }
  }
}

function bigintType(seen: Seen, path: string): ParquetType {
  if (seen.least >= int64Least && seen.most <= int64Most) return { kind: 'int', bits: 64, isSigned: true };
  if (seen.least >= 0n && seen.most <= uint64Most) return { kind: 'int', bits: 64, isSigned: false };
  const precision = Math.max(String(seen.most).length, String(seen.least).replace('-', '').length);
  throw new MillraceError(
    'MR_SCHEMA',
    `field ${pathText(path.split('\u0000'))}: the bigints from ${seen.least} to ${seen.most} need more than 64 bits. Give the option schema with ${describeType({ kind: 'decimal', precision, scale: 0 })}.`,
  );
}
