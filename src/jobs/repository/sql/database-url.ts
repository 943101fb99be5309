import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MillraceError } from '../../../base/errors.ts';
import type { SqlDialect } from './database.ts';

export type DatabaseUrl =
  | { readonly dialect: 'sqlite'; readonly path: string; readonly identity: string }
  | { readonly dialect: 'postgres' | 'mysql'; readonly url: string; readonly identity: string };

const schemes: Readonly<Record<string, SqlDialect>> = {
  sqlite: 'sqlite',
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
};
const defaultPorts = { postgres: '5432', mysql: '3306' } as const;
let memoryDatabases = 0;

/**
 * Takes a database URL apart, without connecting.
 *
 * @throws {MillraceError} MR_REPOSITORY_UNREACHABLE when the scheme is unknown or the rest is no URL; never shows a password
 */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  const scheme = /^([a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const dialect = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (dialect === undefined) throw unreachable(`unknown scheme "${scheme}"`);
  return dialect === 'sqlite' ? sqliteUrl(url.slice(scheme.length + 1)) : serverUrl(dialect, url, scheme);
}

function sqliteUrl(rest: string): DatabaseUrl {
  const path = rest.startsWith('//') ? rest.slice(2) : rest;
  if (path === ':memory:') {
    memoryDatabases += 1;
    return { dialect: 'sqlite', path, identity: `sqlite::memory:${memoryDatabases}` };
  }
  if (path === '') throw unreachable('a SQLite URL without a path');
  const absolute = resolve(path);
  return { dialect: 'sqlite', path: absolute, identity: `sqlite:${throughLinks(absolute)}` };
}

/** The path with its links followed, so that two ways to one file count as one database. */
function throughLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const directory = dirname(path);
    return directory === path ? path : join(throughLinks(directory), basename(path));
  }
}

function serverUrl(dialect: 'postgres' | 'mysql', url: string, scheme: string): DatabaseUrl {
  const normal = `${dialect}:${url.slice(scheme.length + 1)}`;
  if (!URL.canParse(normal)) throw unreachable(`a ${scheme} URL that cannot be read`);
  const { hostname, port, username, pathname } = new URL(normal);
  if (hostname === '' && dialect === 'mysql') throw unreachable('a mysql URL without a host');
  const address = `${hostname || 'localhost'}:${port || defaultPorts[dialect]}`;
  return { dialect, url: normal, identity: `${dialect}://${username}@${address}${pathname}` };
}

function unreachable(what: string): MillraceError {
  return new MillraceError(
    'MR_REPOSITORY_UNREACHABLE',
    `The database URL has ${what}. Give sqlite:file.db, sqlite::memory:, postgres://user:password@host/database or mysql://user:password@host/database.`,
  );
}
