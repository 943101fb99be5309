import { MillraceError } from '../../base/errors.ts';
import type { SqlDialect } from '../repository/sql/database.ts';
import { quoteIdentifier, quoteTable } from '../repository/sql/identifier.ts';

export interface TableShape {
  readonly table: string;
  readonly mode: 'insert' | 'upsert' | 'update';
  /** Columns that identify a row; none for inserts. */
  readonly key: readonly string[];
}

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** Parameters a statement may have, a little below what the databases allow: 32 766, 65 535, 65 535. */
const mostParameters: Readonly<Record<SqlDialect, number>> = { sqlite: 32_000, postgres: 65_000, mysql: 65_000 };
const mostRows = 500;

/**
 * The statements that insert or upsert rows, many rows each. Parameters are `?`.
 *
 * @param columns those of every row; what a row does not have is NULL
 */
export function* insertStatements(
  shape: TableShape,
  dialect: SqlDialect,
  columns: readonly string[],
  rows: readonly object[],
): Generator<Statement> {
  const distinct = shape.mode === 'upsert' && dialect === 'postgres' ? lastOfEachKey(rows, shape.key) : rows;
  const most = Math.max(1, Math.min(mostRows, Math.floor(mostParameters[dialect] / Math.max(1, columns.length))));
  for (let from = 0; from < distinct.length; from += most) {
    const part = distinct.slice(from, from + most);
    const parameters: unknown[] = [];
    for (const row of part) for (const column of columns) parameters.push((row as Record<string, unknown>)[column]);
    yield { sql: insertText(shape, dialect, columns, part.length), parameters };
  }
}

/** The statement that updates the row of an item. */
export function updateStatement(
  shape: TableShape,
  dialect: SqlDialect,
  columns: readonly string[],
  row: Readonly<Record<string, unknown>>,
): Statement {
  const quoted = (name: string): string => quoteIdentifier(name, dialect);
  const set = columns.filter((column) => !shape.key.includes(column));
  if (set.length === 0) {
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `tableWriter "${shape.table}": the items have no column to update beside the key ${shape.key.join(', ')}.`,
    );
  }
  const sql = `update ${quoteTable(shape.table, dialect)} set ${set.map((name) => `${quoted(name)} = ?`).join(', ')} where ${shape.key.map((name) => `${quoted(name)} = ?`).join(' and ')}`;
  return { sql, parameters: [...set, ...shape.key].map((name) => row[name]) };
}

/** The text made last for a writer's shape: nearly all chunks of a step want the same. */
const lastTexts = new WeakMap<TableShape, { readonly made: string; readonly text: string }>();

function insertText(shape: TableShape, dialect: SqlDialect, columns: readonly string[], rows: number): string {
  const last = lastTexts.get(shape);
  const made = `${dialect} ${rows} ${columns.join('\u0000')}`;
  if (last?.made === made) return last.text;
  const text = newInsertText(shape, dialect, columns, rows);
  lastTexts.set(shape, { made, text });
  return text;
}

function newInsertText(
  { table, mode, key }: TableShape,
  dialect: SqlDialect,
  columns: readonly string[],
  rows: number,
): string {
  const quoted = (name: string): string => quoteIdentifier(name, dialect);
  const row = `(${columns.map(() => '?').join(', ')})`;
  const insert = `insert into ${quoteTable(table, dialect)} (${columns.map(quoted).join(', ')}) values ${Array.from({ length: rows }, () => row).join(', ')}`;
  if (mode === 'insert') return insert;
  const others = columns.filter((column) => !key.includes(column));
  if (dialect === 'mysql') {
    const [first = ''] = key;
    const set =
      others.length === 0
        ? `${quoted(first)} = ${quoted(first)}`
        : others.map((name) => `${quoted(name)} = values(${quoted(name)})`).join(', ');
    return `${insert} on duplicate key update ${set}`;
  }
  const conflict = `${insert} on conflict (${key.map(quoted).join(', ')})`;
  if (others.length === 0) return `${conflict} do nothing`;
  return `${conflict} do update set ${others.map((name) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ')}`;
}

/** Postgres refuses a statement that upserts a row twice; one after the other the last would stay. */
function lastOfEachKey(rows: readonly object[], key: readonly string[]): readonly object[] {
  const byKey = new Map<string, object>();
  for (const row of rows) {
    const text = JSON.stringify(key.map((name) => keyText((row as Record<string, unknown>)[name])));
    byKey.delete(text);
    byKey.set(text, row);
  }
  return byKey.size === rows.length ? rows : [...byKey.values()];
}

function keyText(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'number' ? String(value) : value;
}
