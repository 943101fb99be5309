import { MillraceError } from '../../base/errors.ts';
import { RetryableError } from '../definition/batch-error.ts';
import type { CircuitBreaker } from '../policies/circuit-breaker.ts';
import { checkOption } from './option-checks.ts';

export type HttpAuth = { readonly bearer: string } | { readonly user: string; readonly password: string };

export interface HttpOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the host of `url` only; never in a log, row or error. */
  readonly auth?: HttpAuth;
  readonly breaker?: CircuitBreaker;
}

/** Statuses that may be another one soon: timeout, too early, too many requests, and the server's own failures. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** @throws {MillraceError} MR_OPTION_INVALID for what is no http URL, or one with a password in it */
export function checkHttpUrl(where: string, url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new MillraceError('MR_OPTION_INVALID', `${where}: url must begin with http: or https: and be whole.`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${where}: the url holds a user or password. Give them as auth: { user, password }.`,
    );
  }
  return parsed;
}

/** @throws {MillraceError} MR_OPTION_INVALID, which does not show what `auth` holds */
export function checkHttpOptions(where: string, { auth, breaker }: HttpOptions): void {
  const { bearer, user, password } = (auth ?? {}) as Readonly<Record<string, unknown>>;
  const isAuth = typeof bearer === 'string' || (typeof user === 'string' && typeof password === 'string');
  if (auth !== undefined && !isAuth) {
    throw new MillraceError('MR_OPTION_INVALID', `${where}: auth must be { bearer } or { user, password }, all text.`);
  }
  const isBreaker = breaker === undefined || typeof breaker?.call === 'function';
  checkOption(isBreaker, where, 'breaker', breaker, 'a CircuitBreaker');
}

/** A URL as messages show it: queries may hold secrets. */
export function shownUrl({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/**
 * One request, through the breaker if there is one.
 *
 * @throws RetryableError for 408, 425, 429 and 5xx, MR_HTTP for other statuses of 400 up, both with `status` and
 *   `retryAfterMs`; errors of the network as they are
 */
export function request(url: URL, init: RequestInit, options: HttpOptions, isTrusted = true): Promise<Response> {
  const headers = new Headers(init.headers);
  if (isTrusted) {
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
    if (options.auth !== undefined) headers.set('authorization', authorization(options.auth));
  }
  const send = async (): Promise<Response> => {
    const response = await fetch(url, { ...init, headers });
    if (response.ok) return response;
    await response.body?.cancel();
    throw statusError(url, init.method ?? 'GET', response);
  };
  return options.breaker === undefined ? send() : options.breaker.call(send);
}

function authorization(auth: HttpAuth): string {
  if ('bearer' in auth) return `Bearer ${auth.bearer}`;
  return `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
}

function statusError(url: URL, method: string, response: Response): Error {
  const { status, statusText } = response;
  const retryAfterMs = retryAfter(response.headers.get('retry-after'));
  const facts = { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const said = `${method} ${shownUrl(url)}: ${status}${statusText === '' ? '' : ` ${statusText}`}.`;
  if (isPassing(status)) return Object.assign(new RetryableError(said), facts);
  return Object.assign(
    new MillraceError('MR_HTTP', `${said} The server refuses the request: look at url, auth and what is sent.`, {
      details: facts,
    }),
    facts,
  );
}

/** Seconds or a date, RFC 9110, section 10.2.3. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
