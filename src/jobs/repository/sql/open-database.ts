import type { SqlDatabase } from './database.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { MysqlDatabase } from './mysql-database.ts';
import { type PoolOptions, PostgresDatabase } from './postgres-database.ts';
import { SqliteDatabase, type SqliteOptions } from './sqlite-database.ts';

export type DatabaseOptions = SqliteOptions & PoolOptions;

/**
 * The database of a URL: `sqlite:file`, `sqlite::memory:`, `postgres:`, `postgresql:`, `mysql:`, `mariadb:`. Connects
 * at the first use.
 *
 * @throws {MillraceError} MR_REPOSITORY_UNREACHABLE when the scheme is unknown
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): SqlDatabase {
  const location = parseDatabaseUrl(url);
  switch (location.dialect) {
    case 'sqlite':
      return new SqliteDatabase(location.path, location.identity, options);
    case 'postgres':
      return new PostgresDatabase(location.url, location.identity, options);
    case 'mysql':
      return new MysqlDatabase(location.url, location.identity, options);
  }
}
