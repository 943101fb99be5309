import { workerData } from 'node:worker_threads';
import { httpGet, httpHead } from './http-client.ts';
import type { IoReply, IoRequest, IoResults, IoThreadData } from './io-protocol.ts';
import { failureOf } from './remote-failure.ts';
import { S3Operations } from './s3-operations.ts';

/** More would only queue inside the clients and in memory. */
const maxConcurrent = 24;

const { port, signal, s3 } = workerData as IoThreadData;
const replies = new Int32Array(signal);
const operations = new S3Operations(s3);
const waiting: { readonly id: number; readonly request: IoRequest }[] = [];
let running = 0;

port.on('message', (message: { readonly id: number; readonly request: IoRequest }) => {
  waiting.push(message);
  startWaiting();
});

function startWaiting(): void {
  for (let next = waiting[0]; next !== undefined && running < maxConcurrent; next = waiting[0]) {
    waiting.shift();
    running++;
    void answer(next.id, next.request);
  }
}

async function answer(id: number, request: IoRequest): Promise<void> {
  let reply: IoReply;
  try {
    reply = { id, value: await serve(request) };
  } catch (error) {
    reply = { id, failure: failureOf(error, request, s3) };
  }
  const bytes = 'value' in reply && reply.value instanceof Uint8Array ? [reply.value.buffer as ArrayBuffer] : [];
  port.postMessage(reply, bytes);
  Atomics.add(replies, 0, 1);
  Atomics.notify(replies, 0);
  running--;
  startWaiting();
}

async function serve(request: IoRequest): Promise<IoResults[IoRequest['op']]> {
  switch (request.op) {
    case 'httpHead':
      return httpHead(request.url, s3.timeoutMs);
    case 'httpGet':
      return httpGet(request, s3.timeoutMs);
    default:
      return operations.serve(request);
  }
}
