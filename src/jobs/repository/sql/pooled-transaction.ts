import type { SqlDialect, SqlResult, SqlTransaction } from './database.ts';
import { transactionOver } from './transaction-over.ts';

/** A connection borrowed from a pool, as {@link PooledTransaction} uses it. */
export interface BorrowedConnection {
  run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult>;
  /** Throws when the server rolled back instead. */
  commit(): Promise<void>;
  /** Back to the pool, or, with `destroy`, closed. */
  release(destroy: boolean): void;
}

/** A transaction on a server: it ends once, and gives its connection back or, when in doubt, throws it away. */
export class PooledTransaction implements SqlTransaction {
  readonly dialect: SqlDialect;
  readonly #connection: BorrowedConnection;
  readonly #endsTransaction: (error: unknown) => boolean;
  #isOver = false;
  /** The error after which the server had already rolled back. */
  #endedBy: unknown;

  /** @param endsTransaction whether the server has rolled the whole transaction back with this error */
  constructor(dialect: SqlDialect, connection: BorrowedConnection, endsTransaction: (error: unknown) => boolean) {
    this.dialect = dialect;
    this.#connection = connection;
    this.#endsTransaction = endsTransaction;
  }

  async run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult> {
    this.#check();
    try {
      return await this.#connection.run(sql, parameters);
    } catch (error) {
      if (this.#endsTransaction(error)) this.#endedBy = error;
      throw error;
    }
  }

  async commit(): Promise<void> {
    this.#check();
    this.#isOver = true;
    try {
      await this.#connection.commit();
    } catch (error) {
      this.#connection.release(true);
      throw error;
    }
    this.#connection.release(false);
  }

  async rollback(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    // A rollback that fails means a lost connection: the server rolls back by itself.
    const isClean = await this.#connection.run('rollback').then(
      () => true,
      () => false,
    );
    this.#connection.release(!isClean);
  }

  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.release(true);
  }

  #check(): void {
    if (this.#isOver || this.#endedBy !== undefined) throw transactionOver(this.#endedBy);
  }
}
