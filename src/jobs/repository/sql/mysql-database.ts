import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { MillraceError } from '../../../base/errors.ts';
import type { BeginOptions, SqlDatabase, SqlResult, SqlRow, SqlTransaction } from './database.ts';
import { exactInteger } from './exact-integer.ts';
import { PooledTransaction } from './pooled-transaction.ts';
import type { PoolOptions } from './postgres-database.ts';
import { unreachableServer } from './unreachable-server.ts';

/** What the typings of mysql2 leave out: the socket, and queries as streams, of the connection below the promises. */
interface CoreConnection {
  readonly stream: { ref(): void; unref(): void };
  execute(sql: string, values: unknown[]): { stream(options: { highWaterMark: number }): AsyncIterable<SqlRow> };
}

/**
 * MariaDB and MySQL through mysql2's pool.
 *
 * Values: a bigint column is a number when that is exact, else a bigint; dates are read and written as UTC.
 */
export class MysqlDatabase implements SqlDatabase {
  readonly dialect = 'mysql';
  readonly identity: string;
  readonly #url: string;
  readonly #poolSize: number;
  #pool: Promise<Pool> | undefined;
  #isClosed = false;

  constructor(url: string, identity: string, options: PoolOptions = {}) {
    this.#url = url;
    this.identity = identity;
    this.#poolSize = options.poolSize ?? 10;
  }

  async run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult> {
    const connection = await this.#borrow();
    try {
      const result = await query(connection, sql, parameters);
      giveBack(connection, false);
      return result;
    } catch (error) {
      giveBack(connection, (error as { readonly fatal?: unknown }).fatal === true);
      throw error;
    }
  }

  async begin(options: BeginOptions = {}): Promise<SqlTransaction> {
    const connection = await this.#borrow();
    try {
      if (options.isolation) await connection.query(`set transaction isolation level ${options.isolation}`);
      await connection.query('start transaction');
    } catch (error) {
      giveBack(connection, true);
      throw error;
    }
    const borrowed = {
      run: (sql: string, parameters?: readonly unknown[]) => query(connection, sql, parameters),
      commit: async () => {
        await connection.query('commit');
      },
      release: (destroy: boolean) => giveBack(connection, destroy),
    };
    return new PooledTransaction('mysql', borrowed, endsTransaction);
  }

  async *cursor(
    sql: string,
    parameters: readonly unknown[],
    fetchSize: number,
  ): AsyncIterableIterator<readonly SqlRow[]> {
    const connection = await this.#borrow();
    let isRead = false;
    try {
      const stream = core(connection).execute(sql, parameters.map(toMysql)).stream({ highWaterMark: fetchSize });
      let batch: SqlRow[] = [];
      for await (const row of stream) {
        batch.push(row);
        if (batch.length < fetchSize) continue;
        yield batch;
        batch = [];
      }
      isRead = true;
      if (batch.length > 0) yield batch;
    } finally {
      giveBack(connection, !isRead); // the rest of an unread result cannot be cancelled
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await (await this.#pool)?.end();
  }

  async #borrow(): Promise<PoolConnection> {
    if (this.#isClosed) {
      throw new MillraceError('MR_REPOSITORY_UNREACHABLE', `The database ${this.identity} has been closed.`);
    }
    this.#pool ??= this.#open();
    let connection: PoolConnection;
    try {
      connection = await (await this.#pool).getConnection();
    } catch (error) {
      throw unreachableServer(this.identity, error);
    }
    core(connection).stream.ref();
    return connection;
  }

  async #open(): Promise<Pool> {
    const { createPool } = await import('mysql2/promise');
    return createPool({
      uri: this.#url,
      connectionLimit: this.#poolSize,
      connectTimeout: 10_000,
      timezone: 'Z',
      charset: 'utf8mb4',
      maxPreparedStatements: 200,
      // So that bigints reach the cast below as text, in both protocols.
      supportBigNumbers: true,
      bigNumberStrings: true,
      typeCast: (field, next) => {
        const value: unknown = next();
        return field.type === 'LONGLONG' && typeof value === 'string' ? exactInteger(value) : value;
      },
    });
  }
}

async function query(connection: PoolConnection, sql: string, parameters?: readonly unknown[]): Promise<SqlResult> {
  // Without parameters in the text protocol: some statements cannot be prepared.
  const [result] = parameters?.length
    ? await connection.execute<RowDataPacket[] | ResultSetHeader>(sql, parameters.map(toMysql))
    : await connection.query<RowDataPacket[] | ResultSetHeader>(sql);
  return Array.isArray(result) ? { rows: result, changes: 0 } : { rows: [], changes: result.affectedRows };
}

/** An idle connection does not keep the process alive. */
function giveBack(connection: PoolConnection, destroy: boolean): void {
  if (destroy) {
    connection.destroy();
    return;
  }
  core(connection).stream.unref();
  connection.release();
}

function core(connection: PoolConnection): CoreConnection {
  return connection.connection as unknown as CoreConnection;
}

/** After a deadlock MySQL has rolled back everything and would commit each further statement by itself. */
function endsTransaction(error: unknown): boolean {
  const { errno, fatal } = error as { readonly errno?: unknown; readonly fatal?: unknown };
  return errno === 1213 || errno === 1205 || fatal === true;
}

function toMysql(value: unknown): string | number | boolean | null | Date | Buffer {
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'object' && !(value instanceof Date) && !Buffer.isBuffer(value)) return JSON.stringify(value);
  return value as string | number | boolean | Date | Buffer;
}
