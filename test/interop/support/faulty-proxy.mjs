import { createServer, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/** Forwards requests to a server, and spoils the next ones as it is told: one fault each, as in file-server.mjs.
 * lostAnswer: the server does as asked, and nobody hears of it. ignoresConditions: a server that does not know If-None-Match. */
const target = new URL(workerData.target);
let faults = [];

const server = createServer((incoming, outgoing) => {
  const fault = faults.shift() ?? 'ok';
  if (fault === 'reset') return incoming.socket.destroy();
  if (typeof fault === 'number') {
    incoming.resume();
    const code = { 501: 'NotImplemented', 503: 'SlowDown' }[fault] ?? 'InternalError';
    return outgoing
      .writeHead(fault, { 'content-type': 'application/xml' })
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
  }
  const { method, url: path, headers } = incoming;
  const upstream = request({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
    if (fault === 'lostAnswer') return incoming.socket.destroy();
    if (fault === 'ignoresConditions' && answer.statusCode === 412) {
      answer.resume();
      return outgoing.writeHead(200, { etag: '"taken"', 'content-length': 0 }).end();
    }
    outgoing.writeHead(answer.statusCode, answer.headers);
    if (fault === 'ok' || fault === 'ignoresConditions') return answer.pipe(outgoing);
    answer.once('data', (chunk) => {
      outgoing.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => {
        if (fault === 'cut') outgoing.destroy();
        upstream.destroy();
      });
    });
  });
  upstream.on('error', () => outgoing.destroy());
  incoming.pipe(upstream);
});

parentPort.on('message', ({ setFaults, reply }) => {
  faults = setFaults;
  const done = new Int32Array(reply);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});

server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
