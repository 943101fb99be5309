const postgresStates = new Set(['40001', '40P01', '55P03', '57P01', '57P02', '57P03']);
const codes = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_CHECKREAD',
  'ER_SERVER_SHUTDOWN',
  'ER_CONNECTION_KILLED',
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * Whether a database may well accept the same transaction when it is tried again: it was busy, deadlocked, could not
 * serialize, or the connection was lost (ST-33). Looks through causes.
 */
export function isTransientSqlError(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 20; at = at.cause, depth++) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code === 'string') {
      if (/^SQLITE_(BUSY|LOCKED)/.test(code) || codes.has(code)) return true;
      if (postgresStates.has(code) || /^08...$/.test(code)) return true;
    }
    // pg and mysql2 give these no code.
    if (/^Connection terminated|^Client has encountered a connection error|closed state/.test(at.message)) return true;
  }
  return false;
}
