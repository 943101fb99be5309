import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP connection to a server that can be cut when the client says something, before or after the server heard it. */
export class CuttingProxy {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets: Set<Socket>;
  readonly #cut: CutState;

  static async start(targetPort: number): Promise<CuttingProxy> {
    const cut: CutState = { rule: undefined, count: 0 };
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const upstream = connect(targetPort, '127.0.0.1');
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
      }
      let isDeaf = false;
      client.on('data', (bytes) => {
        const { rule } = cut;
        if (rule === undefined || !bytes.toString('latin1').replace(/\0$/, '').endsWith(rule.said)) {
          upstream.write(bytes);
          return;
        }
        cut.rule = undefined;
        cut.count += 1;
        if (rule.isHeard) {
          // The server does it, and its answer goes nowhere.
          isDeaf = true;
          upstream.write(bytes);
        } else client.destroy();
      });
      upstream.on('data', (bytes) => {
        if (isDeaf) client.destroy();
        else client.write(bytes);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttingProxy(server, sockets, cut);
  }

  private constructor(server: ReturnType<typeof createServer>, sockets: Set<Socket>, cut: CutState) {
    this.#server = server;
    this.#sockets = sockets;
    this.#cut = cut;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Cuts the connection on which a client next sends a message that ends so. */
  cutAt(said: string, when: 'beforeServer' | 'afterServer'): void {
    this.#cut.rule = { said, isHeard: when === 'afterServer' };
  }

  /** How often it was cut. */
  get cuts(): number {
    return this.#cut.count;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

interface CutState {
  rule: Cut | undefined;
  count: number;
}

interface Cut {
  readonly said: string;
  readonly isHeard: boolean;
}
