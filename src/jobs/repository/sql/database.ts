/** What the repository, the readers and the writers need of a database, the same for SQLite, Postgres and MySQL. */

export type SqlDialect = 'sqlite' | 'postgres' | 'mysql';
export type SqlRow = Record<string, unknown>;

export interface SqlResult {
  readonly rows: readonly SqlRow[];
  /** Rows inserted, updated or deleted; on MySQL an update counts the rows it found, changed or not. */
  readonly changes: number;
}

export interface SqlConnection {
  readonly dialect: SqlDialect;
  /** One statement, in the placeholders of the dialect: `?`, on Postgres `$1`. Texts are prepared once and kept. */
  run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult>;
}

/**
 * A transaction and the connection it has borrowed.
 *
 * After `commit`, `rollback` or `abandon`, or when the database itself has ended it (a deadlock, a full disk), every
 * further statement is refused: nothing written after a failure can slip out of the transaction.
 */
export interface SqlTransaction extends SqlConnection {
  commit(): Promise<void>;
  /** Undoes everything; safe to call when the transaction has ended already. */
  rollback(): Promise<void>;
  /** Undoes everything at once, also while a statement waits for a lock: the connection is thrown away. */
  abandon(): Promise<void>;
}

export interface BeginOptions {
  /** Default: the server's. SQLite has one only. */
  readonly isolation?: 'read committed' | 'repeatable read';
}

/**
 * One database and its connections, opened at the first use.
 *
 * Invariant: a SQLite transaction holds the write lock from its first moment (`BEGIN IMMEDIATE`), so it is never
 * refused half-way. Kept by `begin`. Waiting for that lock never blocks the thread.
 */
export interface SqlDatabase {
  readonly dialect: SqlDialect;
  /** Equal for two URLs of the same database and user, however they are written. Holds no password. */
  readonly identity: string;
  /** One statement in a transaction of its own. */
  run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult>;
  begin(options?: BeginOptions): Promise<SqlTransaction>;
  /** The rows of a query, `fetchSize` at a time, over a connection of its own: reading can go on while others write. */
  cursor(sql: string, parameters: readonly unknown[], fetchSize: number): AsyncIterableIterator<readonly SqlRow[]>;
  /** Waits for what is running, then closes the connections. Closing twice is no error. */
  close(): Promise<void>;
}

/** `work` inside a transaction: committed when it resolves, rolled back when it throws. */
export async function inTransaction<T>(
  database: SqlDatabase,
  work: (transaction: SqlTransaction) => Promise<T>,
  options?: BeginOptions,
): Promise<T> {
  const transaction = await database.begin(options);
  try {
    const result = await work(transaction);
    await transaction.commit();
    return result;
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}
