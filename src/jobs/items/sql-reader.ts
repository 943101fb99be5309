import { MillraceError } from '../../base/errors.ts';
import type { DataSource } from '../definition/data-source.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { StepContext } from '../definition/step-context.ts';
import { SqlDataSource } from '../repository/sql/data-source.ts';
import { quoteIdentifier } from '../repository/sql/identifier.ts';
import { checkOption, isNames } from './option-checks.ts';

export interface SqlReaderOptions {
  /** A select, without a semicolon; its parameters are `?`. */
  readonly query: string;
  /** Column or columns that order the rows and are different in each. Without it the reader cannot restart. */
  readonly key?: string | readonly string[];
  readonly parameters?: readonly unknown[];
  /** Rows a query fetches. Default 1000. */
  readonly pageSize?: number;
  /** Default: the repository's database. */
  readonly dataSource?: DataSource;
}

type Row = Record<string, unknown>;

/**
 * The rows of a query. With `key` page by page, each page from behind the last row, so that no connection is held and a
 * restart goes on where it stopped; without one over a cursor, from the beginning (`restartable: false`).
 *
 * @throws {MillraceError} MR_READER_KEY_NOT_UNIQUE when two rows have the same key, or one has none: rows would be lost
 */
export function sqlReader<I extends object = Row>(options: SqlReaderOptions): ItemReader<I> {
  const { key, pageSize = 1000 } = options ?? {};
  if (!(Number.isInteger(pageSize) && pageSize >= 1)) {
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `sqlReader: pageSize must be an integer of at least 1, got ${pageSize}.`,
    );
  }
  if (typeof options?.query !== 'string' || options.query.trim() === '')
    throw new MillraceError('MR_OPTION_INVALID', 'sqlReader: query must be a select.');
  const query = options.query.replace(/;\s*$/, '');
  const parameters = options.parameters ?? [];
  checkOption(Array.isArray(parameters), 'sqlReader', 'parameters', parameters, 'an array');
  const source = (c: StepContext<unknown, unknown>): DataSource => options.dataSource ?? c.dataSource;
  if (key === undefined) {
    return {
      restartable: false,
      open: (_, c) => new CursorStream(rowsOf(source(c), query, parameters, pageSize)) as unknown as ItemStream<I>,
    };
  }
  const keys = typeof key === 'string' ? [key] : key;
  const isKey = isNames(keys) && keys.length > 0;
  checkOption(isKey, 'sqlReader', 'key', key, 'the name of a column, or different ones; leave it out if there is none');
  return {
    async open(position, c) {
      const stream = new PageStream({ dataSource: source(c), query, keys, parameters, pageSize }, position);
      if (position === undefined || position === null) await stream.refuseNullKeys();
      return stream as unknown as ItemStream<I>;
    },
  };
}

interface PageQuery {
  readonly dataSource: DataSource;
  readonly query: string;
  readonly keys: readonly string[];
  readonly parameters: readonly unknown[];
  readonly pageSize: number;
}

class PageStream implements ItemStream<Row> {
  readonly #page: PageQuery;
  /** Rows fetched and not yet read. */
  #rows: readonly Row[] = [];
  #at = 0;
  /** Key of the last row read, undefined before the first. */
  #last: readonly unknown[] | undefined;
  #isEnd = false;

  constructor(page: PageQuery, position: JsonValue | undefined) {
    this.#page = page;
    this.#last = Array.isArray(position) ? position.map(fromJson) : undefined;
  }

  /** Databases leave rows without a key out of `key > ?`. */
  async refuseNullKeys(): Promise<void> {
    const { dataSource, query, keys, parameters } = this.#page;
    const isNull = keys.map((key) => `${quoteIdentifier(key, dataSource.dialect)} is null`).join(' or ');
    const [row] = await dataSource.query<Row>(`select * from (${query}\n) q where ${isNull} limit 1`, parameters);
    if (row !== undefined) throw this.#notUnique('is NULL in a row');
  }

  async read(size: number): Promise<readonly Row[]> {
    if (this.#at === this.#rows.length && !this.#isEnd) await this.#fetch();
    const rows = this.#rows.slice(this.#at, this.#at + size);
    const last = rows.at(-1);
    if (last !== undefined) this.#last = this.#keyOf(last);
    this.#at += rows.length;
    return rows;
  }

  position(): JsonValue {
    return this.#last?.map(toJson) ?? null;
  }

  /** The next page, and one row more, which shows whether its key is another one. */
  async #fetch(): Promise<void> {
    const { dataSource, query, keys, parameters, pageSize } = this.#page;
    const columns = keys.map((key) => quoteIdentifier(key, dataSource.dialect)).join(', ');
    const marks = keys.map(() => '?').join(', ');
    const behind = keys.length === 1 ? `${columns} > ?` : `(${columns}) > (${marks})`;
    const sql = `select * from (${query}\n) q ${this.#last === undefined ? '' : `where ${behind} `}order by ${columns} limit ${pageSize + 1}`;
    const rows = await dataSource.query<Row>(sql, [...parameters, ...(this.#last ?? [])]);
    let before = this.#last === undefined ? undefined : keyText(this.#last);
    for (const row of rows) {
      const key = keyText(this.#keyOf(row));
      if (key === before) throw this.#notUnique(`is ${key.slice(0, 200)} in two rows`);
      before = key;
    }
    this.#rows = rows.slice(0, pageSize);
    this.#at = 0;
    this.#isEnd = rows.length <= pageSize;
  }

  #keyOf(row: Row): readonly unknown[] {
    return this.#page.keys.map((key) => {
      if (Object.hasOwn(row, key)) return row[key];
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `sqlReader: the query has no column "${key}", which is its key. Columns are: ${Object.keys(row).join(', ')}.`,
      );
    });
  }

  #notUnique(what: string): MillraceError {
    return new MillraceError(
      'MR_READER_KEY_NOT_UNIQUE',
      `sqlReader: the key ${this.#page.keys.join(', ')} ${what}, so pages cannot go on behind a row. Add columns until each row has a key of its own; of a timestamp finer than milliseconds read its text.`,
      { details: { key: this.#page.keys } },
    );
  }
}

/** Rows over an open query. */
class CursorStream implements ItemStream<Row> {
  readonly #batches: AsyncIterator<readonly Row[]>;
  #rows: readonly Row[] = [];
  #at = 0;

  constructor(batches: AsyncIterable<readonly Row[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  async read(size: number): Promise<readonly Row[]> {
    if (this.#at === this.#rows.length) {
      const { done, value } = await this.#batches.next();
      if (done === true) return [];
      this.#rows = value;
      this.#at = 0;
    }
    const rows = this.#rows.slice(this.#at, this.#at + size);
    this.#at += rows.length;
    return rows;
  }

  position(): JsonValue {
    return null;
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}

async function* rowsOf(
  dataSource: DataSource,
  query: string,
  parameters: readonly unknown[],
  pageSize: number,
): AsyncGenerator<readonly Row[]> {
  if (dataSource instanceof SqlDataSource) yield* dataSource.cursor(query, parameters, pageSize);
  else yield await dataSource.query<Row>(query, parameters);
}

type TaggedValue = { readonly date: string } | { readonly bigint: string } | { readonly hex: string };

function toJson(value: unknown): JsonValue {
  if (value instanceof Date) return { date: value.toISOString() };
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (Buffer.isBuffer(value)) return { hex: value.toString('hex') };
  return value as JsonValue;
}

function fromJson(value: JsonValue): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const tagged = value as TaggedValue;
  if ('date' in tagged) return new Date(tagged.date);
  return 'bigint' in tagged ? BigInt(tagged.bigint) : Buffer.from(tagged.hex, 'hex');
}

function keyText(key: readonly unknown[]): string {
  return JSON.stringify(key.map(toJson));
}
