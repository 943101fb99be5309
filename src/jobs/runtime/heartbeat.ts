import { Worker } from 'node:worker_threads';
import { timerMs } from '../../base/timers.ts';
import type { ExecutionStore } from '../repository/execution-store.ts';
import { renewLeases } from '../repository/sql-text.ts';
import type { HeartbeatData } from './heartbeat-thread.ts';

const [isInside, isEnding] = [0, 1];
/** How long the thread is waited for: a database that answers at all does so within it. */
const mostEndMs = 2000;
const hrtimeMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/** Those with a thread: the end of the process ends it too. */
const beating = new Set<Heartbeat>();

function endAllAtExit(): void {
  for (const heartbeat of beating) heartbeat.endNow();
}

/** Keeps the leases of an operator, from its first launch on. */
export class Heartbeat {
  readonly #store: ExecutionStore;
  readonly #url: string;
  readonly #owner: string;
  readonly #renewedAt = new BigInt64Array(new SharedArrayBuffer(16));
  /** See {@link HeartbeatData.gate}. */
  readonly #gate = new Int32Array(new SharedArrayBuffer(8));
  #renewedHereMs = 0;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ExecutionStore, url: string, owner: string) {
    this.#store = store;
    this.#url = url;
    this.#owner = owner;
  }

  /**
   * When a lease that began at `fromMs` was renewed last, on `process.hrtime`, in ms. Where the process stood still for
   * so long that another may have taken the execution over, that is when it began.
   */
  renewedAtMs(fromMs: number): number {
    // A database in memory is nobody else's: its leases cannot be lost.
    if (this.#isInMemory) return Number.POSITIVE_INFINITY;
    if (fromMs < Number(Atomics.load(this.#renewedAt, 1))) return fromMs;
    return Math.max(fromMs, Number(Atomics.load(this.#renewedAt, 0)), this.#renewedHereMs);
  }

  get #isInMemory(): boolean {
    return /^sqlite:(\/\/)?:memory:$/.test(this.#url);
  }

  start(): void {
    if (this.#timer !== undefined) return;
    const { leaseTtlMs } = this.#store;
    this.#renewedHereMs = hrtimeMs();
    this.#timer = setInterval(() => void this.#renewHere(), timerMs(leaseTtlMs / 3));
    this.#timer.unref();
    if (this.#isInMemory) return;
    const data: HeartbeatData = {
      // Absolute: the program may change its directory before the thread opens the file.
      url: this.#store.database.dialect === 'sqlite' ? this.#store.database.identity : this.#url,
      owner: this.#owner,
      ttlMs: leaseTtlMs,
      renewedAt: this.#renewedAt.buffer as SharedArrayBuffer,
      gate: this.#gate.buffer as SharedArrayBuffer,
    };
    // Threads run built files: from the sources, as in tests, the one in dist.
    const file = import.meta.url
      .replace(/\/src\/(jobs\/runtime\/)/, '/dist/$1')
      .replace(/heartbeat\.[jt]s$/, 'heartbeat-thread.js');
    this.#worker = new Worker(new URL(file), { workerData: data, execArgv: [] });
    this.#worker.unref();
    // Without its thread the owner sees its lease run out and ends its work in time.
    if (beating.size === 0) process.on('exit', endAllAtExit);
    beating.add(this);
    this.#worker.once('exit', () => Atomics.store(this.#gate, isInside, 0));
    this.#worker.on('error', (error) => process.emitWarning(`millrace: the heartbeat thread ended: ${String(error)}`));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    beating.delete(this);
    if (beating.size === 0) process.removeListener('exit', endAllAtExit);
    Atomics.store(this.#gate, isEnding, 1);
    const untilMs = hrtimeMs() + mostEndMs;
    while (Atomics.load(this.#gate, isInside) === 1 && hrtimeMs() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await worker.terminate();
  }

  /** Waits, without a turn of the event loop, until the thread may be ended. */
  endNow(): void {
    Atomics.store(this.#gate, isEnding, 1);
    Atomics.wait(this.#gate, isInside, 1, mostEndMs);
  }

  /** In memory always, else until the thread has begun: on a busy machine that takes longer than a short lease. */
  async #renewHere(): Promise<void> {
    if (Atomics.load(this.#renewedAt, 0) !== 0n) {
      clearInterval(this.#timer);
      return;
    }
    const { database, leaseTtlMs } = this.#store;
    const startedMs = hrtimeMs();
    try {
      await database.run(renewLeases(database.dialect), [leaseTtlMs, this.#owner]);
      if (hrtimeMs() - this.#renewedHereMs >= (leaseTtlMs * 5) / 6) {
        Atomics.store(this.#renewedAt, 1, BigInt(hrtimeMs()));
      }
      this.#renewedHereMs = startedMs;
    } catch (error) {
      process.emitWarning(`millrace: the leases could not be renewed: ${String(error)}`);
    }
  }
}
