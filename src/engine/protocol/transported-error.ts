import { type ErrorCode, errorCodes, MillraceError } from '../../base/errors.ts';
import type { TransportedError } from './task.ts';

/** What can be said of anything thrown, as plain data. */
export function transportError(thrown: unknown, depth = 0): TransportedError {
  if (!(thrown instanceof Error) && !looksLikeError(thrown))
    return {
      name: 'Error',
      message: `thrown: ${describe(thrown)}`,
      stack: undefined,
      code: undefined,
      details: undefined,
      cause: undefined,
    };
  const error = thrown as Error & { code?: unknown; details?: unknown };
  return {
    name: String(error.name),
    message: String(error.message),
    stack: typeof error.stack === 'string' ? error.stack : undefined,
    code: typeof error.code === 'string' ? error.code : undefined,
    details: plainDetails(error.details),
    cause: error.cause === undefined || depth > 8 ? undefined : transportError(error.cause, depth + 1),
  };
}

/** The error again, on the other side: a MillraceError where it was one, else an Error with the name and stack it had. */
export function rebuildError(error: TransportedError): Error {
  const cause = error.cause === undefined ? {} : { cause: rebuildError(error.cause) };
  if (error.code !== undefined && Object.hasOwn(errorCodes, error.code)) {
    const details = error.details === undefined ? {} : { details: error.details };
    return new MillraceError(error.code as ErrorCode, error.message, { ...cause, ...details });
  }
  const rebuilt = new Error(error.message, cause);
  Object.defineProperty(rebuilt, 'name', { value: error.name, configurable: true, writable: true });
  // What is no error has no stack, and this place must not stand for one.
  rebuilt.stack = error.stack ?? `${error.name}: ${error.message}`;
  if (error.code !== undefined) Object.assign(rebuilt, { code: error.code });
  return rebuilt;
}

/** Errors of another realm (a vm context) are no instances of this one's Error. */
function looksLikeError(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown && 'stack' in thrown;
}

function describe(thrown: unknown): string {
  try {
    return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

function plainDetails(details: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  try {
    return structuredClone(details) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
