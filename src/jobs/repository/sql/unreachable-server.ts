import { MillraceError } from '../../../base/errors.ts';

/** The server did not take the connection. Names it without the password. */
export function unreachableServer(identity: string, cause: unknown): MillraceError {
  const reason = cause instanceof AggregateError ? cause.errors.map(String).join('; ') : String(cause);
  return new MillraceError(
    'MR_REPOSITORY_UNREACHABLE',
    `The database ${identity} cannot be reached: ${reason}. Is the server running, and are user, password and database right?`,
    { cause, details: { database: identity } },
  );
}
