import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export type Fault = number | 'cut' | 'stall' | 'reset' | 'noRange' | 'ok';

/** A web server for tests whose reads block their thread. */
export class FileServer {
  readonly origin: string;
  readonly #worker: Worker;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.origin = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<FileServer> {
    const worker = new Worker(new URL('./file-server.mjs', import.meta.url), { execArgv: [] });
    const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
    return new FileServer(worker, port);
  }

  put(uri: string, content: string | Uint8Array, etag?: string): void {
    this.#tell({ put: { path: new URL(uri).pathname, content, etag } });
  }

  /** What goes wrong with the next requests, one each. */
  setFaults(...setFaults: readonly Fault[]): void {
    this.#tell({ setFaults });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #tell(message: object): void {
    const reply = new SharedArrayBuffer(4);
    this.#worker.postMessage({ ...message, reply });
    if (Atomics.wait(new Int32Array(reply), 0, 0, 10_000) === 'timed-out') throw new Error('the file server is stuck');
  }
}
