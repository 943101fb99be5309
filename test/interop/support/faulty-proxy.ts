import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Fault } from '../../support/file-server.ts';

/** A bad network between a client and a server, in a thread of its own, since tests block theirs. */
export class FaultyProxy {
  readonly origin: string;
  readonly #worker: Worker;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.origin = `http://127.0.0.1:${port}`;
  }

  static async start(target: string): Promise<FaultyProxy> {
    const worker = new Worker(new URL('./faulty-proxy.mjs', import.meta.url), { execArgv: [], workerData: { target } });
    const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
    return new FaultyProxy(worker, port);
  }

  setFaults(...setFaults: readonly (Fault | 'lostAnswer' | 'ignoresConditions')[]): void {
    const reply = new SharedArrayBuffer(4);
    this.#worker.postMessage({ setFaults, reply });
    if (Atomics.wait(new Int32Array(reply), 0, 0, 10_000) === 'timed-out') throw new Error('the proxy is stuck');
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
