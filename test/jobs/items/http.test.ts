import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HttpReaderOptions, httpReader } from '../../../src/jobs/items/http-reader.ts';
import { httpWriter } from '../../../src/jobs/items/http-writer.ts';
import { CircuitBreaker } from '../../../src/jobs/policies/circuit-breaker.ts';
import { systemClock } from '../../../src/jobs/policies/system-clock.ts';
import { readAll, stepContext } from './step-context.ts';

let server: Server;
let url: string;
let requests: {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}[];
let answer: (path: string, response: ServerResponse) => void;

beforeEach(async () => {
  requests = [];
  answer = (_, response) => response.end('[]');
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      requests.push({ path: request.url ?? '', method: request.method ?? '', headers: request.headers, body });
      answer(request.url ?? '', response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const signal = new AbortController().signal;
/** Ten numbers, three a page. */
function pages(path: string, response: ServerResponse): void {
  const page = Number(new URL(path, url).searchParams.get('page') ?? 0);
  const data = [0, 1, 2].map((n) => page * 3 + n).filter((n) => n < 10);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data, next: page < 3 ? `?page=${page + 1}` : null }));
}
interface Page {
  readonly data: number[];
  readonly next: string | null;
}
const paged = (more: Partial<HttpReaderOptions<number>> = {}) =>
  httpReader<number>({
    url: `${url}/list`,
    items: (body: Page) => body.data,
    next: (body: Page) => body.next,
    ...more,
  });

describe('httpReader', () => {
  it('ST-200: follows pages; any fetch size and restart give the same items', async () => {
    answer = pages;
    const whole = await readAll(paged(), 100);
    expect(whole.items).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const size of [1, 2, 5]) {
      const { items, positions } = await readAll(paged(), size);
      expect(items).toEqual(whole.items);
      for (const { position, items: before } of positions) {
        expect((await readAll(paged(), size, position)).items).toEqual(whole.items.slice(before));
      }
    }
  });

  it('follows the Link header, also past empty pages', async () => {
    answer = (path, response) => {
      if (path === '/a')
        response.setHeader('link', '<https://x.example/last>; rel="last", </b?x=1,2>; title="a, b"; rel="prev next"');
      if (path.startsWith('/b')) response.setHeader('link', '</c>; rel=next');
      response.end(JSON.stringify(path.startsWith('/b') ? [] : [path]));
    };
    const reader = httpReader<string>({ url: `${url}/a`, items: (body: string[]) => body, next: 'link' });
    expect((await readAll(reader, 10)).items).toEqual(['/a', '/c']);
    expect(requests.map(({ path }) => path)).toEqual(['/a', '/b?x=1,2', '/c']);
  });

  it('throws RetryableError for 408, 425, 429 and 5xx, with status and retryAfterMs, and reads on when tried again', async () => {
    const stream = await paged().open(undefined, stepContext());
    for (const status of [408, 425, 429, 500, 503]) {
      answer = (_, response) => response.writeHead(status, { 'retry-after': '7' }).end('busy');
      await expect(Promise.resolve(stream.read(2))).rejects.toMatchObject({
        name: 'RetryableError',
        status,
        retryAfterMs: 7000,
      });
    }
    answer = (_, response) =>
      response.writeHead(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end();
    const error: unknown = await Promise.resolve(stream.read(2)).catch((e: unknown) => e);
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);
    answer = pages;
    expect(await stream.read(2)).toEqual([0, 1]);
    expect(await stream.read(2)).toEqual([2]);
  });

  it('throws MR_HTTP for other statuses of 400 up, and MR_PARSE for a body that is no JSON', async () => {
    const first = async (): Promise<unknown> => {
      const stream = await paged({ url: `${url}/list?key=s3cret` }).open(undefined, stepContext());
      return Promise.resolve(stream.read(1)).catch((error: unknown) => error);
    };
    for (const status of [400, 401, 404, 418]) {
      answer = (_, response) => response.writeHead(status).end();
      const error = await first();
      expect(error).toMatchObject({ code: 'MR_HTTP', status, details: { status } });
      expect(String(error)).toContain(`${url}/list?…`);
      expect(JSON.stringify(error) + String(error)).not.toContain('s3cret');
    }
    answer = (_, response) => response.setHeader('content-type', 'application/json').end('<html>');
    expect(await first()).toMatchObject({ code: 'MR_PARSE' });
  });

  it('sends auth and headers to the host of its url only, and puts them into no error', async () => {
    const other = createServer((request, response) => {
      requests.push({ path: 'other', method: '', headers: request.headers, body: '' });
      response.end(JSON.stringify({ data: [9], next: null }));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const otherUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    answer = (_, response) => response.end(JSON.stringify({ data: [1], next: otherUrl }));
    const secret = { auth: { user: 'ann', password: 'pa55' }, headers: { 'x-key': 'k' } };
    expect((await readAll(paged(secret), 5)).items).toEqual([1, 9]);
    expect(requests[0]?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('ann:pa55').toString('base64')}`,
      'x-key': 'k',
    });
    expect(requests[1]?.headers).not.toHaveProperty('authorization');
    expect(requests[1]?.headers).not.toHaveProperty('x-key');
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    answer = (_, response) => response.writeHead(401).end();
    const stream = await paged({ auth: { bearer: 't0ken' } }).open(undefined, stepContext());
    const error: unknown = await Promise.resolve(stream.read(1)).catch((e: unknown) => e);
    expect(requests.at(-1)?.headers.authorization).toBe('Bearer t0ken');
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain('t0ken');
  });

  it('asks no faster than requestsPerSecond and through the breaker', async () => {
    answer = pages;
    const sleeping = vi.spyOn(systemClock, 'sleep').mockResolvedValue();
    await readAll(paged({ requestsPerSecond: 1e-6 }), 10);
    const waits = sleeping.mock.calls.map(([ms]) => ms);
    sleeping.mockRestore();
    // All but what the requests themselves took of the 1e9 ms between two of them.
    expect(waits).toEqual([1, 2, 3].map(() => expect.closeTo(1e9, -6)));
    answer = (_, response) => response.writeHead(500).end();
    const breaker = new CircuitBreaker({ failureThreshold: 1 });
    const stream = await paged({ breaker }).open(undefined, stepContext());
    await expect(Promise.resolve(stream.read(1))).rejects.toMatchObject({ status: 500 });
    const { length } = requests;
    await expect(Promise.resolve(stream.read(1))).rejects.toMatchObject({ code: 'MR_CIRCUIT_OPEN' });
    expect(requests).toHaveLength(length);
  });

  it('ends with the signal of its step', async () => {
    answer = () => undefined;
    const controller = new AbortController();
    const stream = await paged().open(undefined, stepContext({ signal: controller.signal }));
    setTimeout(() => controller.abort(), 10);
    await expect(Promise.resolve(stream.read(1))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('refuses what would never end or cannot work', async () => {
    answer = (_, response) => response.end(JSON.stringify({ data: 5, next: null }));
    const notArray = await paged().open(undefined, stepContext());
    await expect(Promise.resolve(notArray.read(1))).rejects.toThrow(/not an array/);
    answer = (_, response) => response.end(JSON.stringify({ data: [], next: '/list' }));
    const circle = await paged().open(undefined, stepContext());
    await expect(Promise.resolve(circle.read(1))).rejects.toThrow(/itself/);
    answer = (_, response) => response.writeHead(404).end();
    const gone = await paged().open(undefined, stepContext());
    for (let n = 0; n < 100; n++)
      await expect(Promise.resolve(gone.read(1))).rejects.toMatchObject({ code: 'MR_HTTP' });
    await expect(Promise.resolve(gone.read(1))).rejects.toMatchObject({ code: 'MR_BATCH', cause: { status: 404 } });
    const items = (): never[] => [];
    expect(() => httpReader({ url: 'ftp://x', items })).toThrow(/http/);
    expect(() => httpReader({ url: 'http://ann:pa55@x/', items })).toThrow(/auth/);
    expect(() => httpReader({ url: 'http://ann:pa55@x/', items })).not.toThrow(/pa55/);
    expect(() => httpReader({ url, items, requestsPerSecond: 0 })).toThrow(/requestsPerSecond/);
  });
});

describe('httpWriter', () => {
  const chunk = { firstIndex: 4, key: 'i-1/1/load/0/4-2', signal };

  it('ST-50: sends one request a range with the key of the range as Idempotency-Key', async () => {
    const writer = httpWriter<number>({ url: `${url}/in`, auth: { bearer: 't' } });
    expect(writer.guarantee).toBe('atLeastOnce');
    const sink = await writer.open({ c: stepContext() });
    await sink.write([1, 2], chunk);
    await sink.write([1, 2], chunk);
    expect(requests).toMatchObject(
      [0, 1].map(() => ({
        method: 'POST',
        path: '/in',
        body: '[1,2]',
        headers: { 'idempotency-key': chunk.key, 'content-type': 'application/json', authorization: 'Bearer t' },
      })),
    );
    await sink.write([1], { ...chunk, key: 'i/1/tägliche Last/0/0-1' });
    expect(requests.at(-1)?.headers['idempotency-key']).toBe('i/1/t%C3%A4gliche%20Last/0/0-1');
  });

  it('takes method, headers and a body of its own', async () => {
    const writer = httpWriter<number>({
      url,
      method: 'PUT',
      headers: { 'content-type': 'text/csv' },
      body: (items) => items.join(','),
    });
    await (await writer.open({ c: stepContext() })).write([1, 2], chunk);
    expect(requests[0]).toMatchObject({ method: 'PUT', body: '1,2', headers: { 'content-type': 'text/csv' } });
    const object = httpWriter<number>({ url, body: (items) => ({ items }) });
    await (await object.open({ c: stepContext() })).write([1], chunk);
    expect(requests[1]?.body).toBe('{"items":[1]}');
    const bytes = httpWriter<number>({ url, body: (items) => Buffer.from(items) });
    await (await bytes.open({ c: stepContext() })).write([65], chunk);
    expect(requests[2]).toMatchObject({ body: 'A', headers: { 'content-type': 'application/octet-stream' } });
  });

  it('throws as httpReader does', async () => {
    const sink = await httpWriter({ url }).open({ c: stepContext() });
    answer = (_, response) => response.writeHead(429, { 'retry-after': '1' }).end();
    await expect(Promise.resolve(sink.write([1], chunk))).rejects.toMatchObject({
      code: 'MR_RETRYABLE',
      status: 429,
      retryAfterMs: 1000,
    });
    answer = (_, response) => response.writeHead(422).end();
    await expect(Promise.resolve(sink.write([1], chunk))).rejects.toMatchObject({ code: 'MR_HTTP', status: 422 });
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const unheard = await httpWriter({ url: `http://127.0.0.1:${port}/` }).open({ c: stepContext() });
    const refused: unknown = await Promise.resolve(unheard.write([1], chunk)).catch((error: unknown) => error);
    expect((refused as { cause: { code: string } }).cause.code).toBe('ECONNREFUSED');
  });
});
