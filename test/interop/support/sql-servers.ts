import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';

const script = 'test/services/sql.sh';

/**
 * Starts Postgres and MariaDB for the run, unless the settings of running ones are in the environment. Each run has ports and a folder of
 * its own, so that two on one machine do not stop each other's.
 */
export default async function startSqlServers(): Promise<(() => void) | undefined> {
  if (process.env['MILLRACE_POSTGRES_URL'] !== undefined && process.env['MILLRACE_MYSQL_URL'] !== undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sql-'));
  // The servers do not run as root.
  chmodSync(folder, 0o755);
  const [postgresPort, mysqlPort] = await freePorts();
  const env = {
    ...process.env,
    MILLRACE_SQL_STATE: join(folder, 'state'),
    MILLRACE_POSTGRES_PORT: String(postgresPort),
    MILLRACE_MYSQL_PORT: String(mysqlPort),
  };
  const settings = startServers(env);
  for (const [, name = '', value] of settings.matchAll(/(MILLRACE_\w+)=(\S+)/g)) process.env[name] = value;
  return () => {
    execFileSync(script, ['stop'], { env, stdio: 'inherit' });
    rmSync(folder, { recursive: true, force: true });
  };
}

/** On a busy machine a server may take longer than is waited for, or lose its port; then both begin anew. */
function startServers(env: NodeJS.ProcessEnv): string {
  for (let attempt = 1; ; attempt++)
    try {
      return execFileSync(script, ['start'], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    } catch (error) {
      execFileSync(script, ['stop'], { env, stdio: 'inherit' });
      if (attempt === 3) throw error;
    }
}
