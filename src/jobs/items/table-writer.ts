import { MillraceError } from '../../base/errors.ts';
import type { DataSource, SqlSession } from '../definition/data-source.ts';
import type { ChunkWrite, ItemSink, ItemWriter } from '../definition/item-writer.ts';
import { SqlDataSource } from '../repository/sql/data-source.ts';
import { isNames } from './option-checks.ts';
import { MarkedTableSink } from './sink-marker.ts';
import type { SinkStart } from './sink-seams.ts';
import { insertStatements, type TableShape, updateStatement } from './table-statements.ts';

export interface TableWriterOptions<O> {
  /** Default 'insert'. 'update': an item without a row is MR_NO_SUCH_ROW. */
  readonly mode?: 'insert' | 'upsert' | 'update';
  /** The columns that identify a row: needed by 'upsert' and 'update'. */
  readonly key?: readonly (keyof O & string)[];
  /** The columns to write. Default: all that the items of a chunk have; what an item does not have is NULL. */
  readonly columns?: readonly (keyof O & string)[];
  /** Default: the repository's database. In another one the sink keeps a marker row in `millrace_sink_marker`. */
  readonly dataSource?: DataSource;
}

/**
 * Writes each item as a row of a table, many rows a statement, exactly once: in the chunk's own transaction when the
 * table is in the repository's database, otherwise in one that also writes how far it got (ST-50). Errors of the driver
 * pass as they are.
 *
 * @param table its name, with the schema before it if need be: `shop.sales`
 * @throws {MillraceError} MR_NO_SUCH_ROW when an update finds no row
 */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function tableWriter<O extends object = any>(table: string, options: TableWriterOptions<O> = {}): ItemWriter<O> {
  return new TableWriter<O>(table, options);
}

class TableWriter<O extends object> implements ItemWriter<O> {
  readonly guarantee = 'exactlyOnce';
  /** Without a data source; with one {@link joins} knows. */
  readonly transactional: boolean;
  readonly #shape: TableShape;
  readonly #columns: readonly string[] | undefined;
  readonly #dataSource: DataSource | undefined;

  constructor(table: string, options: TableWriterOptions<O>) {
    const { mode = 'insert', key = [], columns, dataSource } = options;
    if (typeof table !== 'string' || table === '') throw definition(String(table), 'its table must be named.');
    for (const [name, list] of Object.entries({ key, columns })) {
      if (list !== undefined && !isNames(list))
        throw definition(table, `${name} must be an array of different columns.`);
    }
    if (columns?.length === 0) throw definition(table, 'columns is empty. Name some, or leave it out for all.');
    if (mode !== 'insert' && mode !== 'upsert' && mode !== 'update') {
      throw definition(table, `mode must be 'insert', 'upsert' or 'update', got ${JSON.stringify(mode)}.`);
    }
    if (mode !== 'insert' && key.length === 0)
      throw definition(table, `mode '${mode}' needs key: the columns that identify a row.`);
    const other = columns && key.find((name) => !columns.includes(name));
    if (other !== undefined) throw definition(table, `the key column "${other}" is not among columns.`);
    this.#shape = { table, mode, key };
    this.#columns = columns;
    this.#dataSource = dataSource;
    this.transactional = dataSource === undefined;
  }

  /** Whether the table is in the repository's own database. */
  joins(repository: DataSource): boolean {
    return this.#dataSource === undefined || isSameDatabase(this.#dataSource, repository);
  }

  open(start: SinkStart): ItemSink<O> | Promise<ItemSink<O>> {
    const write = (tx: SqlSession, dialect: DataSource['dialect'], items: readonly O[]): Promise<void> =>
      writeRows(tx, dialect, this.#shape, this.#columns, items);
    const { dataSource: repository } = start.c;
    if (this.#dataSource !== undefined && !isSameDatabase(this.#dataSource, repository)) {
      const { dialect } = this.#dataSource;
      return MarkedTableSink.open(this.#dataSource, start, (tx, items: readonly O[]) => write(tx, dialect, items));
    }
    return { write: (items, chunk) => write(transactionOf(chunk), repository.dialect, items) };
  }
}

export function transactionOf({ tx }: ChunkWrite): SqlSession {
  if (tx !== undefined) return tx;
  throw new MillraceError(
    'MR_BUG',
    'A transactional writer got a chunk without its transaction. This is a bug in millrace.',
  );
}

function isSameDatabase(one: DataSource, other: DataSource): boolean {
  if (one === other) return true;
  if (!(one instanceof SqlDataSource && other instanceof SqlDataSource)) return false;
  return one.database.identity === other.database.identity;
}

async function writeRows(
  tx: SqlSession,
  dialect: DataSource['dialect'],
  shape: TableShape,
  columns: readonly string[] | undefined,
  items: readonly object[],
): Promise<void> {
  const names = columns ?? columnsOf(shape, items);
  if (shape.mode !== 'update') {
    for (const { sql, parameters } of insertStatements(shape, dialect, names, items)) await tx.execute(sql, parameters);
    return;
  }
  for (const item of items) {
    const row = item as Readonly<Record<string, unknown>>;
    const { sql, parameters } = updateStatement(shape, dialect, names, row);
    const { changes } = await tx.execute(sql, parameters);
    if (changes > 0) continue;
    const key = shape.key.map((name) => `${name} = ${String(row[name])}`).join(', ');
    throw new MillraceError('MR_NO_SUCH_ROW', `tableWriter: table "${shape.table}" has no row with ${key} to update.`, {
      details: { table: shape.table, key: Object.fromEntries(shape.key.map((name) => [name, row[name]])) },
    });
  }
}

/** All that the items have, in the order of their first appearance. */
function columnsOf({ table, key }: TableShape, items: readonly object[]): readonly string[] {
  const names = new Set<string>();
  for (const item of items) for (const name in item) names.add(name);
  const missing = key.find((name) => !names.has(name));
  if (names.size > 0 && missing === undefined) return [...names];
  const what = names.size === 0 ? 'the items have no fields' : `the items have no "${missing}", which is in key`;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `tableWriter "${table}": ${what}. Fields are: ${[...names].join(', ')}.`,
  );
}

function definition(table: string, problem: string): MillraceError {
  return new MillraceError('MR_JOB_DEFINITION', `tableWriter "${table}": ${problem}`);
}
