import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { Control, type TaskBatch, type TaskOutcome } from '../protocol/task.ts';

/** Workers always run built JavaScript; loaded from src (in tests), point at the twin in dist. */
const entry = new URL('../executor/worker-entry.cjs', import.meta.url.replace(/\/src\/(.*)\.ts$/, '/dist/$1.js')).href;

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
  #running = 0;
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
    this.#pool.on('workerDestroy', () => queueMicrotask(() => this.#replaceMissing()));
  }

  /** Ids of the living threads. */
  get threadIds(): readonly number[] {
    return this.#pool.threads.map((worker) => worker.threadId);
  }

  /**
   * Runs a batch on an idle worker. Rejects when the thread has died; aborting `signal` ends the thread.
   */
  async run(batch: TaskBatch, signal: AbortSignal): Promise<readonly TaskOutcome[]> {
    this.#running++;
    this.#noteThreads();
    try {
      return await this.#pool.run(batch, { signal });
    } catch (error) {
      await this.#end(Atomics.load(batch.control, Control.thread));
      throw error;
    } finally {
      this.#running--;
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
    if (this.#isClosed || this.#running === 0) return;
    for (let missing = this.#workers - this.#pool.threads.length; missing > 0; missing--)
      this.#pool.run(undefined, { name: 'wake' }).catch(() => this.#replaceMissing());
  }
}

/** Fresh control words for a batch, shared with the worker that runs it. */
export function newControl(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Control.length * 4));
}
