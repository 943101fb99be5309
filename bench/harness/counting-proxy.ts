import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Forwards requests to a server as they are and counts the bytes of what was got of files with this suffix. */
export class CountingProxy {
  readonly origin: string;
  readonly #server: Server;
  readonly #counted: { bytes: number; requests: number };

  private constructor(server: Server, counted: { bytes: number; requests: number }) {
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    this.#counted = counted;
  }

  static async start(target: string, suffix: string): Promise<CountingProxy> {
    const { hostname, port } = new URL(target);
    const counted = { bytes: 0, requests: 0 };
    const server = createServer((incoming, outgoing) => {
      const { method, url: path = '/', headers } = incoming;
      const isCounted = method === 'GET' && path.split('?')[0]?.endsWith(suffix) === true;
      if (isCounted) counted.requests++;
      const upstream = request({ hostname, port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        if (isCounted) answer.on('data', (bytes: Buffer) => (counted.bytes += bytes.length));
        answer.pipe(outgoing);
      });
      upstream.on('error', () => outgoing.destroy());
      incoming.pipe(upstream);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CountingProxy(server, counted);
  }

  /** What was counted since the last time. */
  take(): { readonly bytes: number; readonly requests: number } {
    const { bytes, requests } = this.#counted;
    Object.assign(this.#counted, { bytes: 0, requests: 0 });
    return { bytes, requests };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
