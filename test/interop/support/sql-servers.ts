import { execFileSync } from 'node:child_process';

const script = 'test/services/sql.sh';

/** Starts Postgres and MariaDB for the run, unless the settings of running ones are in the environment. */
export default function startSqlServers(): (() => void) | undefined {
  if (process.env['MILLRACE_POSTGRES_URL'] !== undefined && process.env['MILLRACE_MYSQL_URL'] !== undefined) return;
  const settings = execFileSync(script, ['start'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  for (const [, name = '', value] of settings.matchAll(/(MILLRACE_\w+)=(\S+)/g)) process.env[name] = value;
  return () => {
    execFileSync(script, ['stop'], { stdio: 'inherit' });
  };
}
