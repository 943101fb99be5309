import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { MillraceError } from '../../base/errors.ts';
import { Control, type TaskBatch, type TaskOutcome } from '../protocol/task.ts';

/** Workers always run built JavaScript; loaded from src (in tests), point at the twin in dist. */
const entry = new URL('../executor/worker-entry.cjs', import.meta.url.replace(/\/src\/(.*)\.ts$/, '/dist/$1.js')).href;

const MOST_FAILED_STARTS = 10;

export interface WorkerPoolOptions {
  readonly workers: number;
  /** V8's limit for the JavaScript heap of each worker; its own default when undefined. */
  readonly workerHeapMb: number | undefined;
}

/**
 * A fixed number of worker threads (piscina). The caller runs at most one batch a worker; a thread that dies is replaced.
 * Idle threads do not keep the process alive.
 */
export class WorkerPool {
  readonly #pool: Piscina<TaskBatch | undefined, readonly TaskOutcome[]>;
  readonly #workers: number;
  /** Every thread that may still be at work, by its id. */
  readonly #threads = new Map<number, Worker>();
  /** What ends each running batch. */
  readonly #aborts = new Set<AbortController>();
  /** Threads that died since one was last ready. */
  #failedStarts = 0;
  #isClosed = false;

  constructor({ workers, workerHeapMb }: WorkerPoolOptions) {
    this.#workers = workers;
    this.#pool = new Piscina({
      filename: entry,
      name: 'runBatch',
      minThreads: workers,
      maxThreads: workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      execArgv: [],
      recordTiming: false,
      ...(workerHeapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: workerHeapMb } }),
    });
    // A thread that dies between two tasks is replaced by piscina; nothing is lost with it.
    this.#pool.on('error', () => {});
    this.#pool.on('workerCreate', () => {
      this.#failedStarts = 0;
    });
    this.#pool.on('workerDestroy', () => {
      this.#failedStarts++;
      queueMicrotask(() => this.#replaceMissing());
    });
  }

  /** Ids of the living threads. */
  get threadIds(): readonly number[] {
    return this.#pool.threads.map((worker) => worker.threadId);
  }

  /**
   * Runs a batch on an idle worker. Rejects when the thread has died; `abort` ends the thread.
   * @throws {MillraceError} MR_WORKER_LOST when no thread can be started
   */
  async run(batch: TaskBatch, abort: AbortController): Promise<readonly TaskOutcome[]> {
    this.#aborts.add(abort);
    this.#noteThreads();
    try {
      return await this.#pool.run(batch, { signal: abort.signal });
    } catch (error) {
      await this.#end(Atomics.load(batch.control, Control.thread));
      endProcess(Atomics.load(batch.control, Control.process));
      throw abort.signal.reason instanceof MillraceError ? abort.signal.reason : error;
    } finally {
      this.#aborts.delete(abort);
    }
  }

  /** Ends one thread as a crash would: for chaos tests. */
  async terminate(threadId: number): Promise<void> {
    await this.#pool.threads.find((worker) => worker.threadId === threadId)?.terminate();
  }

  #noteThreads(): void {
    for (const [id, { threadId }] of this.#threads) if (threadId !== id) this.#threads.delete(id);
    for (const thread of this.#pool.threads) this.#threads.set(thread.threadId, thread);
  }

  /** Waits until a thread that is being ended has done so: before that it may still write a file. */
  async #end(threadId: number): Promise<void> {
    await this.#threads.get(threadId)?.terminate();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.destroy();
  }

  /**
   * A thread that dies while it starts is not replaced by piscina, and a batch that waits for one would wait for ever: an empty task
   * makes piscina start another.
   */
  #replaceMissing(): void {
    if (this.#isClosed || this.#aborts.size === 0) return;
    if (this.#failedStarts >= MOST_FAILED_STARTS + 2 * this.#workers) this.#giveUp();
    for (let missing = this.#workers - this.#pool.threads.length; missing > 0; missing--)
      this.#pool.run(undefined, { name: 'wake' }).catch(() => this.#replaceMissing());
  }

  /** Batches that wait for a thread would wait for ever. The next action tries again. */
  #giveUp(): void {
    const error = new MillraceError(
      'MR_WORKER_LOST',
      `worker threads end while they start, ${this.#failedStarts} one after the other. If workerHeapMb is set, raise it; else look at what NODE_OPTIONS loads into every thread.`,
    );
    this.#failedStarts = 0;
    for (const abort of this.#aborts) abort.abort(error);
  }
}

/** Fresh control words for a batch, shared with the worker that runs it. */
export function newControl(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Control.length * 4));
}

/** Ends the process that a task had started. */
function endProcess(pid: number): void {
  if (pid === 0) return;
  try {
    process.kill(pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
