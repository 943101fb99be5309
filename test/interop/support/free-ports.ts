import { type AddressInfo, createServer } from 'node:net';

/** Two ports that nobody listens on. Both are held at once, so that they differ. */
export async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) await new Promise((done) => server.close(done));
  return [ports[0] ?? 0, ports[1] ?? 0];
}
