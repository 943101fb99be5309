import { createServer } from 'node:http';
import { parentPort } from 'node:worker_threads';

/**
 * A web server in a thread of its own (tests block theirs while they read). Messages: { put: { path, content } } and
 * { faults: [...] }, one fault for each of the next requests:
 * a status number, 'cut' (the body breaks off), 'stall' (it stands still), 'reset', 'noRange' (sends everything), 'ok'.
 */
const files = new Map();
let faults = [];
let version = 0;

const server = createServer((request, response) => {
  const fault = faults.shift() ?? 'ok';
  const file = files.get(request.url);
  if (fault === 'reset') return request.socket.destroy();
  if (typeof fault === 'number') return response.writeHead(fault, { 'retry-after': '0' }).end('fault');
  if (file === undefined) return response.writeHead(404).end();
  const headers = { etag: file.etag, 'last-modified': file.modified, 'accept-ranges': 'bytes' };
  const range = fault === 'noRange' ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const from = range ? Number(range[1]) : 0;
  const to = Math.min(range ? Number(range[2]) + 1 : file.content.length, file.content.length);
  if (range && from >= file.content.length)
    return response.writeHead(416, { ...headers, 'content-range': `bytes */${file.content.length}` }).end();
  const body = file.content.subarray(from, to);
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': body.length,
    ...(range ? { 'content-range': `bytes ${from}-${to - 1}/${file.content.length}` } : {}),
  });
  if (fault === 'cut') return response.write(body.subarray(0, body.length / 2), () => response.destroy());
  if (fault === 'stall') return response.write(body.subarray(0, body.length / 2));
  response.end(body);
});

parentPort.on('message', ({ put, setFaults, reply }) => {
  if (put) {
    const modified = new Date().toUTCString();
    files.set(put.path, { content: Buffer.from(put.content), modified, etag: put.etag ?? `"${++version}"` });
  }
  if (setFaults) faults = setFaults;
  const done = new Int32Array(reply);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});

server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
