import type { DataSource, SqlSession } from '../../definition/data-source.ts';
import type { SqlConnection, SqlDatabase, SqlDialect, SqlRow } from './database.ts';
import { inTransaction } from './database.ts';
import { openDatabase } from './open-database.ts';
import { numberedPlaceholders } from './placeholders.ts';

/** {@link SqlSession} over a connection: `?` placeholders in every dialect. */
export class ConnectionSession implements SqlSession {
  readonly #connection: Pick<SqlConnection, 'run' | 'dialect'>;

  constructor(connection: Pick<SqlConnection, 'run' | 'dialect'>) {
    this.#connection = connection;
  }

  async query<T = SqlRow>(sql: string, parameters: readonly unknown[] = []): Promise<T[]> {
    const { rows } = await this.#connection.run(this.#native(sql), parameters);
    return rows as T[];
  }

  async execute(sql: string, parameters: readonly unknown[] = []): Promise<{ readonly changes: number }> {
    const { changes } = await this.#connection.run(this.#native(sql), parameters);
    return { changes };
  }

  #native(sql: string): string {
    return this.#connection.dialect === 'postgres' ? numberedPlaceholders(sql) : sql;
  }
}

/**
 * A database for readers, writers and users' steps.
 *
 * Each statement runs on its own, on whatever connection is free; statements that belong together go into
 * `transaction`. One `?` a parameter in every dialect; on Postgres `??` is the operator `?` of jsonb.
 */
export class SqlDataSource implements DataSource {
  readonly dialect: SqlDialect;
  /** For millrace's own rooms: cursors, and whether two data sources are one database. */
  readonly database: SqlDatabase;
  readonly #session: ConnectionSession;

  constructor(database: SqlDatabase) {
    this.database = database;
    this.dialect = database.dialect;
    this.#session = new ConnectionSession(database);
  }

  query<T = SqlRow>(sql: string, parameters?: readonly unknown[]): Promise<T[]> {
    return this.#session.query(sql, parameters);
  }

  execute(sql: string, parameters?: readonly unknown[]): Promise<{ readonly changes: number }> {
    return this.#session.execute(sql, parameters);
  }

  /** Commits what `run` did through its session when it resolves, rolls back when it throws. Nothing may be kept of the session. */
  transaction<T>(run: (session: SqlSession) => Promise<T>): Promise<T> {
    return inTransaction(this.database, (transaction) => run(new ConnectionSession(transaction)));
  }

  /** The rows of a query, `fetchSize` at a time, over a connection of its own. Memory is that of one batch. */
  cursor(sql: string, parameters: readonly unknown[], fetchSize: number): AsyncIterableIterator<readonly SqlRow[]> {
    const native = this.dialect === 'postgres' ? numberedPlaceholders(sql) : sql;
    return this.database.cursor(native, parameters, fetchSize);
  }

  close(): Promise<void> {
    return this.database.close();
  }
}

/**
 * A database by its URL, for use in readers, writers and steps: `sqlite:file.db`, `sqlite::memory:`, `postgres://...`,
 * `mysql://...`. Connects at the first use; `close()` it when the last job is done.
 *
 * @throws {MillraceError} MR_REPOSITORY_UNREACHABLE for an unknown scheme; on use, when the database cannot be reached
 *
 * @example
 * ```ts
 * import { dataSource } from 'millrace/jobs';
 * const shop = dataSource('sqlite::memory:');
 * await shop.execute('create table sale (id integer, amount real)');
 * await shop.execute('insert into sale values (?, ?)', [1, 9.5]);
 * console.log(await shop.query('select sum(amount) as total from sale'));
 * await shop.close();
 * ```
 */
export function dataSource(url: string): SqlDataSource {
  return new SqlDataSource(openDatabase(url));
}
