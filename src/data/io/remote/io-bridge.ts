import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { MillraceError } from '../../../base/errors.ts';
import type { IoReply, IoRequest, IoResult, IoThreadData, S3Settings } from './io-protocol.ts';

/** Longer than any request with all its retries. */
const answerWithinMs = 15 * 60_000;

/** A request that is under way; `wait` blocks until its answer is there. */
export interface IoTicket<T> {
  wait(): T;
  /** The answer is not wanted any more; an error of it is dropped with it. */
  forget(): void;
}

interface IoThread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly signal: Int32Array;
}

/**
 * Lets synchronous code use asynchronous clients: requests go to a thread of their own, and the calling thread sleeps
 * until the answer is there. Several requests can be under way at once. The thread starts with the first request and
 * does not keep the process alive.
 */
export class IoBridge {
  readonly #s3: S3Settings;
  #thread: IoThread | undefined;
  readonly #replies = new Map<number, IoReply>();
  readonly #forgotten = new Set<number>();
  #nextId = 0;

  constructor(s3: S3Settings = {}) {
    this.#s3 = s3;
  }

  call<R extends IoRequest>(request: R): IoResult<R> {
    return this.start(request).wait();
  }

  /** Sends a request and returns at once. */
  start<R extends IoRequest>(request: R): IoTicket<IoResult<R>> {
    const id = this.#nextId++;
    this.#started().port.postMessage({ id, request });
    return {
      wait: () => this.#wait(id) as IoResult<R>,
      forget: () => {
        if (!this.#replies.delete(id)) this.#forgotten.add(id);
      },
    };
  }

  close(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    thread.port.close();
    void thread.worker.terminate();
  }

  #started(): IoThread {
    if (this.#thread !== undefined) return this.#thread;
    const { port1, port2 } = new MessageChannel();
    const signal = new SharedArrayBuffer(4);
    const workerData: IoThreadData = { port: port2, signal, s3: this.#s3 };
    // The SDK's advice to update Node is for us, not for whoever reads the terminal.
    const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };
    const worker = new Worker(threadUrl(), { workerData, transferList: [port2], execArgv: [], env });
    worker.unref();
    port1.unref();
    this.#thread = { worker, port: port1, signal: new Int32Array(signal) };
    return this.#thread;
  }

  #wait(id: number): unknown {
    const { port, signal } = this.#started();
    for (;;) {
      const seen = Atomics.load(signal, 0);
      this.#drain(port);
      const reply = this.#replies.get(id);
      if (reply !== undefined) {
        this.#replies.delete(id);
        if ('value' in reply) return reply.value;
        const { code, message, cause } = reply.failure;
        throw new MillraceError(code, message, cause === undefined ? {} : { cause: new Error(cause) });
      }
      if (Atomics.wait(signal, 0, seen, answerWithinMs) === 'timed-out')
        throw new MillraceError('MR_IO', `the I/O thread gave no answer for ${answerWithinMs / 60_000} minutes.`);
    }
  }

  #drain(port: MessagePort): void {
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) return;
      const reply = received.message as IoReply;
      if (!this.#forgotten.delete(reply.id)) this.#replies.set(reply.id, reply);
    }
  }
}

/** Threads run built JavaScript; tests that run the TypeScript sources find it in dist. */
function threadUrl(): URL {
  return new URL(
    import.meta.url
      .replace(/\/src\/(data\/io\/remote\/)io-bridge\.ts$/, '/dist/$1io-bridge.js')
      .replace(/io-bridge\.js$/, 'io-thread.js'),
  );
}
