import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { MillraceError } from '../../../base/errors.ts';
import type { SqlConnection, SqlDatabase, SqlTransaction } from './database.ts';

const parts = {
  sqlite: {
    adapter: () => new SqliteAdapter(),
    compiler: () => new SqliteQueryCompiler(),
    introspector: (db: Kysely<never>) => new SqliteIntrospector(db),
  },
  postgres: {
    adapter: () => new PostgresAdapter(),
    compiler: () => new PostgresQueryCompiler(),
    introspector: (db: Kysely<never>) => new PostgresIntrospector(db),
  },
  mysql: {
    adapter: () => new MysqlAdapter(),
    compiler: () => new MysqlQueryCompiler(),
    introspector: (db: Kysely<never>) => new MysqlIntrospector(db),
  },
} as const;

/**
 * kysely over the connections of a {@link SqlDatabase}, so that its queries, the chunk transactions and the statements
 * of users share one pool and, on SQLite, one queue of writers.
 */
export function kyselyDialect(database: SqlDatabase): Dialect {
  return dialectOf(database, new DatabaseDriver(database));
}

/** kysely inside a transaction that was begun with {@link SqlDatabase.begin}; its own `transaction()` is refused. */
export function kyselyInTransaction(transaction: SqlTransaction): Dialect {
  return dialectOf(transaction, new TransactionDriver(transaction));
}

function dialectOf({ dialect }: Pick<SqlConnection, 'dialect'>, driver: Driver): Dialect {
  const { adapter, compiler, introspector } = parts[dialect];
  return {
    createAdapter: adapter,
    createQueryCompiler: compiler,
    createIntrospector: introspector,
    createDriver: () => driver,
  };
}

class Connection implements DatabaseConnection {
  /** Where statements go: a transaction, or the database, each statement on its own. */
  target: SqlTransaction | Pick<SqlConnection, 'run'>;

  constructor(target: SqlTransaction | Pick<SqlConnection, 'run'>) {
    this.target = target;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.target.run(query.sql, query.parameters);
    return { rows: rows as R[], numAffectedRows: BigInt(changes) };
  }

  // biome-ignore lint/correctness/useYield: kysely asks for the method; millrace reads through SqlDatabase.cursor
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new MillraceError('MR_UNSUPPORTED', 'kysely cannot stream here. Use SqlDatabase.cursor.');
  }
}

class DatabaseDriver implements Driver {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<Connection> {
    return Promise.resolve(new Connection(this.#database));
  }

  async beginTransaction(
    connection: Connection,
    settings: { readonly isolationLevel?: string | undefined } = {},
  ): Promise<void> {
    const { isolationLevel } = settings;
    const isKnown = isolationLevel === 'read committed' || isolationLevel === 'repeatable read';
    connection.target = await this.#database.begin(isKnown ? { isolation: isolationLevel } : {});
  }

  async commitTransaction(connection: Connection): Promise<void> {
    await transactionOf(connection).commit();
    connection.target = this.#database;
  }

  async rollbackTransaction(connection: Connection): Promise<void> {
    await transactionOf(connection).rollback();
    connection.target = this.#database;
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#database.close();
  }
}

class TransactionDriver implements Driver {
  readonly #connection: Connection;

  constructor(transaction: SqlTransaction) {
    this.#connection = new Connection(transaction);
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<Connection> {
    return Promise.resolve(this.#connection);
  }

  beginTransaction(): Promise<void> {
    return Promise.reject(nested());
  }

  commitTransaction(): Promise<void> {
    return Promise.reject(nested());
  }

  rollbackTransaction(): Promise<void> {
    return Promise.reject(nested());
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

function transactionOf(connection: Connection): SqlTransaction {
  if ('commit' in connection.target) return connection.target;
  throw new MillraceError('MR_BUG', 'kysely ends a transaction that was not begun. This is a bug in millrace.');
}

function nested(): MillraceError {
  return new MillraceError(
    'MR_BUG',
    'A transaction inside a transaction. This is a bug in millrace: please report it.',
  );
}
