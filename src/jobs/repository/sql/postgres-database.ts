import type { Pool, PoolClient, QueryResult } from 'pg';
import { MillraceError } from '../../../base/errors.ts';
import type { BeginOptions, SqlDatabase, SqlResult, SqlRow, SqlTransaction } from './database.ts';
import { exactInteger } from './exact-integer.ts';
import { PooledTransaction } from './pooled-transaction.ts';
import { unreachableServer } from './unreachable-server.ts';

export interface PoolOptions {
  /** Connections at most. Default 10. */
  readonly poolSize?: number | undefined;
}

/** Oids of pg_type: int8, date, timestamp. */
const int8 = 20;
const date = 1082;
const timestamp = 1114;

/**
 * Postgres through pg's pool.
 *
 * Values: an int8 is a number when that is exact, else a bigint; dates and timestamps without zone are read and written
 * as UTC, whatever the zone of the process.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly dialect = 'postgres';
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
    const client = await this.#borrow();
    try {
      const result = await query(client, sql, parameters);
      client.release();
      return result;
    } catch (error) {
      client.release(isLost(error));
      throw error;
    }
  }

  async begin(options: BeginOptions = {}): Promise<SqlTransaction> {
    const client = await this.#borrow();
    const connection = {
      run: (sql: string, parameters?: readonly unknown[]) => query(client, sql, parameters),
      commit: () => commit(client),
      release: (destroy: boolean) => client.release(destroy),
    };
    try {
      await client.query(options.isolation ? `begin isolation level ${options.isolation}` : 'begin');
    } catch (error) {
      connection.release(true);
      throw error;
    }
    // An error inside a transaction leaves it open and failed: the server itself refuses what follows.
    return new PooledTransaction('postgres', connection, () => false);
  }

  async *cursor(
    sql: string,
    parameters: readonly unknown[],
    fetchSize: number,
  ): AsyncIterableIterator<readonly SqlRow[]> {
    const transaction = await this.begin();
    try {
      await transaction.run(`declare millrace_cursor no scroll cursor for ${sql}`, parameters);
      for (;;) {
        const { rows } = await transaction.run(`fetch ${fetchSize} from millrace_cursor`);
        if (rows.length > 0) yield rows;
        if (rows.length < fetchSize) return;
      }
    } finally {
      await transaction.rollback();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await (await this.#pool)?.end();
  }

  async #borrow(): Promise<PoolClient> {
    if (this.#isClosed) {
      throw new MillraceError('MR_REPOSITORY_UNREACHABLE', `The database ${this.identity} has been closed.`);
    }
    this.#pool ??= this.#open();
    try {
      return await (await this.#pool).connect();
    } catch (error) {
      throw unreachableServer(this.identity, error);
    }
  }

  async #open(): Promise<Pool> {
    const { default: pg } = await import('pg');
    const parsers = new Map<number, (text: string) => unknown>([
      [int8, exactInteger],
      [date, (text) => (/^\d/.test(text) && !text.endsWith('BC') ? new Date(`${text}T00:00:00Z`) : text)],
      [timestamp, (text) => (/^\d/.test(text) && !text.endsWith('BC') ? new Date(`${text.replace(' ', 'T')}Z`) : text)],
    ]);
    const pool = new pg.Pool({
      connectionString: this.#url,
      max: this.#poolSize,
      allowExitOnIdle: true,
      connectionTimeoutMillis: 10_000,
      application_name: 'millrace',
      types: {
        getTypeParser: ((oid: number, format?: 'text') =>
          (format === undefined || format === 'text' ? parsers.get(oid) : undefined) ??
          pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
      },
    });
    // A connection that dies leaves the pool by itself and fails the statement it was lent for; without listeners, idle
    // or lent, it would end the process.
    const ignoreLoss = (): void => undefined;
    pool.on('error', ignoreLoss);
    pool.on('connect', (client) => client.on('error', ignoreLoss));
    return pool;
  }
}

async function query(client: PoolClient, sql: string, parameters: readonly unknown[] = []): Promise<SqlResult> {
  const result: QueryResult<SqlRow> = await client.query(sql, parameters.map(toPostgres));
  const isRead = result.command === 'SELECT' || result.command === 'FETCH';
  return { rows: result.rows, changes: isRead ? 0 : (result.rowCount ?? 0) };
}

/** Whether the connection is gone, or about to be: the server says so before it closes it. */
function isLost(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || /^(?:57P|08)/.test(code);
}

/** A commit of a failed transaction answers ROLLBACK, without an error. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('commit');
  if (command === 'COMMIT') return;
  const error = new Error(
    'Postgres rolled the transaction back instead of committing it, for a statement in it had failed and its error was caught. Let errors of statements pass.',
  );
  throw Object.assign(error, { code: '25P02' });
}

function toPostgres(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return String(value);
  return value === undefined ? null : value;
}
