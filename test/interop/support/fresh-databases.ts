import { randomUUID } from 'node:crypto';
import { dataSource } from '../../../src/jobs/index.ts';
import type { FreshStores } from '../../conformance/jobs/chunk-support.ts';

/** A database of its own for each store, on a server. */
export function freshDatabases(server: string): FreshStores {
  const made: string[] = [];
  const run = async (statement: string): Promise<void> => {
    const admin = dataSource(server);
    await admin.execute(statement);
    await admin.close();
  };
  return {
    async make() {
      const name = `chunks_${randomUUID().replaceAll('-', '')}`;
      await run(`create database ${name}`);
      made.push(name);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return url.href;
    },
    async dropAll() {
      for (const name of made.splice(0)) await run(`drop database ${name}`);
    },
  };
}
