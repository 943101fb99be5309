import type { SqlDialect } from './sql/database.ts';
import { numberedPlaceholders } from './sql/placeholders.ts';

const texts: Readonly<Record<SqlDialect, Map<string, string>>> = {
  sqlite: new Map(),
  postgres: new Map(),
  mysql: new Map(),
};

/**
 * A statement of ours in a dialect. It is written with `?` placeholders and with double quotes around the few names that
 * are words of SQL somewhere.
 */
export function dialectSql(sql: string, dialect: SqlDialect): string {
  if (dialect === 'sqlite') return sql;
  let text = texts[dialect].get(sql);
  if (text === undefined) {
    text = dialect === 'mysql' ? sql.replaceAll('"', '`') : numberedPlaceholders(sql);
    texts[dialect].set(sql, text);
  }
  return text;
}

/** The store's own time in ms: leases are compared by one clock, whoever asks. */
export const nowMs: Readonly<Record<SqlDialect, string>> = {
  sqlite: "cast(unixepoch('subsec') * 1000 as integer)",
  postgres: 'cast(extract(epoch from clock_timestamp()) * 1000 as bigint)',
  mysql: 'cast(unix_timestamp(now(3)) * 1000 as signed)',
};

/** What a heartbeat runs, with the lease's length and the owner: all its active executions. */
export function renewLeases(dialect: SqlDialect): string {
  return dialectSql(
    `update millrace_job_execution set lease_until = ${nowMs[dialect]} + ? where owner = ? and status in ('QUEUED', 'STARTING', 'STARTED', 'STOPPING')`,
    dialect,
  );
}

/** `n` placeholders: `?, ?, ?`. */
export function marks(n: number): string {
  return Array(n).fill('?').join(', ');
}
