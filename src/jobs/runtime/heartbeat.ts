import { Worker } from 'node:worker_threads';
import type { ExecutionStore } from '../repository/execution-store.ts';
import { nowMs } from '../repository/sql-text.ts';
import type { HeartbeatData } from './heartbeat-thread.ts';

/** Keeps the leases of an operator, from its first launch on. */
export class Heartbeat {
  readonly #store: ExecutionStore;
  readonly #url: string;
  readonly #owner: string;
  readonly #renewedAt = new BigInt64Array(new SharedArrayBuffer(8));
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ExecutionStore, url: string, owner: string) {
    this.#store = store;
    this.#url = url;
    this.#owner = owner;
  }

  /** On `process.hrtime`, in ms. */
  get renewedAtMs(): number {
    // A database in memory is nobody else's: its leases cannot be lost.
    return this.#isInMemory ? Number.POSITIVE_INFINITY : Number(Atomics.load(this.#renewedAt, 0));
  }

  get #isInMemory(): boolean {
    return /^sqlite:(\/\/)?:memory:$/.test(this.#url);
  }

  start(): void {
    if (this.#worker !== undefined || this.#timer !== undefined) return;
    const { leaseTtlMs } = this.#store;
    if (this.#isInMemory) {
      this.#timer = setInterval(() => void this.#renewHere(), leaseTtlMs / 3);
      this.#timer.unref();
      return;
    }
    const data: HeartbeatData = {
      url: this.#url,
      owner: this.#owner,
      ttlMs: leaseTtlMs,
      renewedAt: this.#renewedAt.buffer as SharedArrayBuffer,
    };
    // Threads run built files: from the sources, as in tests, the one in dist.
    const file = import.meta.url
      .replace(/\/src\/(jobs\/runtime\/)/, '/dist/$1')
      .replace(/heartbeat\.[jt]s$/, 'heartbeat-thread.js');
    this.#worker = new Worker(new URL(file), { workerData: data, execArgv: [] });
    this.#worker.unref();
    // Without its thread the owner sees its lease run out and ends its work in time.
    this.#worker.on('error', (error) => process.emitWarning(`millrace: the heartbeat thread ended: ${String(error)}`));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async #renewHere(): Promise<void> {
    await this.#store
      .change(
        this.#store.database,
        `update millrace_job_execution set lease_until = ${nowMs.sqlite} + ? where owner = ? and status in ('QUEUED', 'STARTING', 'STARTED', 'STOPPING')`,
        [this.#store.leaseTtlMs, this.#owner],
      )
      .catch((error: unknown) => process.emitWarning(`millrace: the leases could not be renewed: ${String(error)}`));
  }
}
