import { MillraceError } from '../../../base/errors.ts';
import type { SqlDatabase, SqlResult, SqlRow, SqlTransaction } from './database.ts';
import { SqliteHandle } from './sqlite-handle.ts';
import { transactionOver } from './transaction-over.ts';
import { releaseWriteQueue, shareWriteQueue, type WriteQueue, type WriteTurn } from './write-queue.ts';

export interface SqliteOptions {
  /** `normal` survives a kill, `full` a power failure too. Default `normal`. */
  readonly synchronous?: 'normal' | 'full' | undefined;
  /** How long a locked file is waited for before SQLITE_BUSY is thrown. Default 30 000. */
  readonly busyTimeoutMs?: number | undefined;
}

/** Waits between two tries of a busy file, as SQLite's own busy handler; the last one repeats. */
const busyWaitsMs = [1, 2, 5, 10, 15, 20, 25];

/**
 * A SQLite file: one connection that writes, one that reads beside it, a further one for each cursor.
 *
 * The writers of this process take turns in a {@link WriteQueue}; those of other threads and processes are waited for
 * with timers, so a lock that is held across an `await` never stops the thread that would release it. A database in
 * memory has one connection only: there its readers wait for a transaction to end.
 */
export class SqliteDatabase implements SqlDatabase {
  readonly dialect = 'sqlite';
  readonly identity: string;
  readonly #path: string;
  readonly #isMemory: boolean;
  readonly #busyTimeoutMs: number;
  readonly #synchronous: string;
  #queue: WriteQueue | undefined;
  #opened: Promise<SqliteHandle> | undefined;
  #reader: SqliteHandle | undefined;
  readonly #cursors = new Set<SqliteHandle>();
  #isClosed = false;

  constructor(path: string, identity: string, options: SqliteOptions = {}) {
    this.#path = path;
    this.#isMemory = path === ':memory:';
    this.identity = identity;
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 30_000;
    this.#synchronous = options.synchronous ?? 'normal';
  }

  async run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult> {
    const writer = await this.#open();
    if (this.#reader !== undefined && /^\s*(?:select|with|values|explain)\b/i.test(sql)) {
      const reader = this.#reader;
      try {
        return await this.#whileBusy(() => reader.run(sql, parameters));
      } catch (error) {
        if (!codeOf(error).startsWith('SQLITE_READONLY')) throw error;
      }
    }
    const turn = await this.#enter();
    try {
      return await this.#whileBusy(() => writer.run(sql, parameters));
    } finally {
      turn.leave();
    }
  }

  async begin(): Promise<SqlTransaction> {
    const writer = await this.#open();
    const turn = await this.#enter();
    try {
      await this.#whileBusy(() => writer.run('begin immediate'));
    } catch (error) {
      turn.leave();
      throw error;
    }
    return new SqliteTransaction(writer, turn, (work) => this.#whileBusy(work));
  }

  async *cursor(
    sql: string,
    parameters: readonly unknown[],
    fetchSize: number,
  ): AsyncIterableIterator<readonly SqlRow[]> {
    await this.#open();
    if (this.#isMemory) {
      const { rows } = await this.run(sql, parameters);
      for (let from = 0; from < rows.length; from += fetchSize) yield rows.slice(from, from + fetchSize);
      return;
    }
    const handle = await this.#connect();
    this.#cursors.add(handle);
    try {
      let batch: SqlRow[] = [];
      for (const row of handle.iterate(sql, parameters)) {
        batch.push(row);
        if (batch.length < fetchSize) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    } finally {
      this.#cursors.delete(handle);
      handle.close();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // An open that fails has told whoever asked for it; then there is nothing to close.
    const writer = await this.#opened?.catch(() => undefined);
    if (writer === undefined) return;
    const turn = await this.#enter();
    try {
      for (const handle of this.#cursors) handle.close();
      this.#reader?.close();
      writer.close();
    } finally {
      turn.leave();
      releaseWriteQueue(this.identity);
    }
  }

  #open(): Promise<SqliteHandle> {
    if (this.#isClosed) {
      throw new MillraceError('MR_REPOSITORY_UNREACHABLE', `The database ${this.identity} has been closed.`);
    }
    this.#opened ??= this.#openFirst().catch((error: unknown) => {
      this.#opened = undefined;
      throw codeOf(error) === 'MR_REPOSITORY_UNREACHABLE' ? error : this.#unreachable(error);
    });
    return this.#opened;
  }

  async #openFirst(): Promise<SqliteHandle> {
    const writer = await this.#connect();
    try {
      if (!this.#isMemory) {
        await this.#whileBusy(() => writer.run('pragma journal_mode = wal'));
        this.#reader = await this.#connect();
        this.#reader.exec('pragma query_only = on');
      }
    } catch (error) {
      writer.close();
      throw error;
    }
    this.#queue = shareWriteQueue(this.identity);
    return writer;
  }

  async #connect(): Promise<SqliteHandle> {
    let handle: SqliteHandle;
    try {
      handle = new SqliteHandle(this.#path);
    } catch (error) {
      throw this.#unreachable(error);
    }
    try {
      await this.#whileBusy(() => handle.exec(`pragma synchronous = ${this.#synchronous}; pragma foreign_keys = on`));
    } catch (error) {
      handle.close();
      throw error;
    }
    return handle;
  }

  #enter(): Promise<WriteTurn> {
    if (this.#queue === undefined)
      throw new MillraceError('MR_BUG', 'The SQLite write queue was used before it was open.');
    return this.#queue.enter(this.#busyTimeoutMs, () => this.#busy(undefined));
  }

  /** Runs `work`, again after a wait for as long as the file is locked. */
  async #whileBusy<T>(work: () => T): Promise<T> {
    const until = Date.now() + this.#busyTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return work();
      } catch (error) {
        if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
        if (Date.now() >= until) throw this.#busy(error);
      }
      const waitMs = busyWaitsMs[Math.min(attempt, busyWaitsMs.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  #unreachable(cause: unknown): MillraceError {
    return new MillraceError(
      'MR_REPOSITORY_UNREACHABLE',
      `The SQLite file ${this.#path} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}. It must be a SQLite database, and its directory must exist and be writable.`,
      { cause, details: { path: this.#path } },
    );
  }

  #busy(cause: unknown): Error {
    const error = new Error(
      `The SQLite file ${this.#path} stayed locked for ${this.#busyTimeoutMs} ms. Another program or transaction holds it: end that one.`,
      { cause },
    );
    return Object.assign(error, { code: 'SQLITE_BUSY' });
  }
}

class SqliteTransaction implements SqlTransaction {
  readonly dialect = 'sqlite';
  readonly #handle: SqliteHandle;
  readonly #turn: WriteTurn;
  readonly #whileBusy: (work: () => void) => Promise<void>;
  #isOver = false;

  constructor(handle: SqliteHandle, turn: WriteTurn, whileBusy: (work: () => void) => Promise<void>) {
    this.#handle = handle;
    this.#turn = turn;
    this.#whileBusy = whileBusy;
  }

  async run(sql: string, parameters?: readonly unknown[]): Promise<SqlResult> {
    this.#check();
    return this.#handle.run(sql, parameters);
  }

  async commit(): Promise<void> {
    this.#check();
    await this.#whileBusy(() => this.#handle.run('commit'));
    this.#end();
  }

  async rollback(): Promise<void> {
    if (this.#isOver) return;
    try {
      if (this.#handle.inTransaction) this.#handle.run('rollback');
    } finally {
      this.#end();
    }
  }

  abandon(): Promise<void> {
    return this.rollback();
  }

  #check(): void {
    if (this.#isOver || !this.#handle.inTransaction) throw transactionOver();
  }

  #end(): void {
    this.#isOver = true;
    this.#turn.leave();
  }
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
