import { createRequire } from 'node:module';
import { MillraceError } from '../../../base/errors.ts';
import type { SqlResult, SqlRow } from './database.ts';
import { checkOneStatement, countPlaceholders } from './placeholders.ts';

/** What libsql and better-sqlite3 have in common and we use. */
interface NativeStatement {
  readonly reader: boolean;
  safeIntegers(on: boolean): NativeStatement;
  run(parameters: readonly unknown[]): { readonly changes: number };
  all(parameters: readonly unknown[]): SqlRow[];
  iterate(parameters: readonly unknown[]): Iterator<SqlRow>;
}
interface NativeDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): NativeStatement;
  exec(sql: string): unknown;
  close(): unknown;
}
type NativeConstructor = new (path: string, options: { readonly timeout: number }) => NativeDatabase;

interface Prepared {
  readonly native: NativeStatement;
  readonly isReader: boolean;
  readonly parameters: number | undefined;
}

const keptStatements = 200;
const noParameters: readonly unknown[] = [];
let native: NativeConstructor | undefined;

/** better-sqlite3 when the application has installed it, else libsql, which comes with millrace. */
function nativeDriver(): NativeConstructor {
  if (native) return native;
  const require = createRequire(import.meta.url);
  try {
    native = require('better-sqlite3') as NativeConstructor;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    native = require('libsql') as NativeConstructor;
  }
  return native;
}

/**
 * One connection to a SQLite file. Every call is synchronous and never waits: a busy file throws SQLITE_BUSY at once.
 *
 * Values: integers are bound as integers (libsql would bind 1 as 1.0, which a text column keeps as '1.0'), booleans as
 * 0 and 1, Dates as UTC ISO text, objects and arrays as JSON. Integers beyond 2^53 come back as bigints.
 */
export class SqliteHandle {
  readonly #database: NativeDatabase;
  readonly #statements = new Map<string, Prepared>();

  constructor(path: string) {
    this.#database = new (nativeDriver())(path, { timeout: 0 });
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** A script without parameters: pragmas, `begin`. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  run(sql: string, parameters: readonly unknown[] = noParameters): SqlResult {
    const statement = this.#prepare(sql);
    const values = bind(sql, statement.parameters, parameters);
    if (!statement.isReader) return { rows: [], changes: statement.native.run(values).changes };
    const rows = statement.native.all(values);
    for (const row of rows) toJavaScript(row);
    return { rows, changes: changesRows(sql) ? this.#changes() : 0 };
  }

  /** Rows one by one; the connection is to be used for nothing else until the iterator has ended. */
  *iterate(sql: string, parameters: readonly unknown[]): Generator<SqlRow> {
    const statement = this.#prepare(sql);
    const iterator = statement.native.iterate(bind(sql, statement.parameters, parameters));
    try {
      for (let next = iterator.next(); !next.done; next = iterator.next()) yield toJavaScript(next.value);
    } finally {
      iterator.return?.();
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #changes(): number {
    const [row = {}] = this.#prepare('select changes()').native.all(noParameters);
    return Number(Object.values(row)[0]);
  }

  #prepare(sql: string): Prepared {
    let statement = this.#statements.get(sql);
    if (statement) return statement;
    checkOneStatement(sql);
    const prepared = this.#database.prepare(sql);
    const isReader = prepared.reader;
    if (isReader) prepared.safeIntegers(true);
    statement = { native: prepared, isReader, parameters: countPlaceholders(sql) };
    if (this.#statements.size >= keptStatements) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Whether a statement that returns rows may have changed some too: `insert ... returning`. */
function changesRows(sql: string): boolean {
  return /\breturning\b/i.test(sql);
}

function bind(sql: string, expected: number | undefined, parameters: readonly unknown[]): readonly unknown[] {
  if (expected !== undefined && expected !== parameters.length) {
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `The statement has ${expected} placeholders and got ${parameters.length} parameters: ${sql.slice(0, 200)}`,
    );
  }
  if (parameters.length === 0) return noParameters;
  const values = new Array<unknown>(parameters.length);
  for (let index = 0; index < values.length; index++) values[index] = toSqlite(parameters[index], index);
  return values;
}

/** libsql ends the process on a boolean and cuts nothing it does not know, so only what SQLite stores goes through. */
function toSqlite(value: unknown, index: number): unknown {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
    case 'bigint':
      if (BigInt.asIntN(64, value) === value) return value;
      throw unbindable(index, `${value}n, which does not fit 64 bits`);
    case 'boolean':
      return value ? 1n : 0n;
    case 'undefined':
      return null;
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return isoText(value, index);
      if (Buffer.isBuffer(value)) return value;
      if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return JSON.stringify(value);
    default:
      throw unbindable(index, `a ${typeof value}`);
  }
}

function isoText(value: Date, index: number): string {
  if (Number.isNaN(value.getTime())) throw unbindable(index, 'an invalid Date');
  return value.toISOString();
}

function unbindable(index: number, what: string): MillraceError {
  return new MillraceError('MR_SCHEMA', `SQL parameter ${index + 1} is ${what}: SQLite cannot store it.`);
}

/** In place: bigints that fit become numbers, the ArrayBuffers of libsql become Buffers, as with better-sqlite3. */
function toJavaScript(row: SqlRow): SqlRow {
  for (const name in row) {
    const value = row[name];
    if (typeof value === 'bigint') {
      const number = Number(value);
      if (Number.isSafeInteger(number)) row[name] = number;
    } else if (value instanceof ArrayBuffer) row[name] = Buffer.from(value);
  }
  return row;
}
