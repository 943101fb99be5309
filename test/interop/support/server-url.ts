/** The URL of a server that {@link startSqlServers} started. */
export function urlOf(setting: 'MILLRACE_POSTGRES_URL' | 'MILLRACE_MYSQL_URL'): string {
  const url = process.env[setting];
  if (url === undefined) throw new Error(`${setting} is not set: start the servers with test/services/sql.sh start.`);
  return url;
}
