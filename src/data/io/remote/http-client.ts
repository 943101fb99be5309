import { MillraceError } from '../../../base/errors.ts';
import { timerMs } from '../../../base/timers.ts';
import { describeUri } from '../uri.ts';
import type { IoRequest, RemoteStatus } from './io-protocol.ts';
import { type BodyPart, fetchResuming } from './resuming-body.ts';

const maxAttempts = 5;
const defaultTimeoutMs = 20_000;

/** Size and version of what a URL names, or undefined when the server says 404. Asks for one byte: not all servers know HEAD. */
export async function httpHead(url: string, timeoutMs: number = defaultTimeoutMs): Promise<RemoteStatus | undefined> {
  const response = await request(url, { range: 'bytes=0-0' }, timeoutMs);
  await response.body?.cancel();
  if (response.status === 404 || response.status === 410) return undefined;
  // An empty file has no first byte.
  if (!response.ok && response.status !== 416) throw refused(url, response.status);
  const total =
    /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? response.headers.get('content-length');
  if (total === null)
    throw new MillraceError(
      'MR_UNSUPPORTED',
      `${describeUri(url)}: the server does not say how large it is. Download it first.`,
    );
  return {
    sizeBytes: response.status === 416 ? 0 : Number(total),
    modifiedMs: Date.parse(response.headers.get('last-modified') ?? '') || 0,
    ...version(response),
  };
}

/** Bytes of a URL. A body that breaks off is continued where it stopped. */
export async function httpGet(
  { url, from, to, version: expected }: Extract<IoRequest, { op: 'httpGet' }>,
  timeoutMs: number = defaultTimeoutMs,
): Promise<Uint8Array> {
  return fetchResuming(from, to, timeoutMs, async (position): Promise<BodyPart> => {
    const response = await request(url, { range: `bytes=${position}-${to - 1}` }, timeoutMs);
    if (!response.ok || response.body === null) throw refused(url, response.status);
    if (expected !== undefined && version(response).version !== expected)
      throw new MillraceError(
        'MR_INPUT_CHANGED',
        `${describeUri(url)} changed while it was being read. Read it with a new RDD once nothing writes to it.`,
      );
    // A server without ranges sends everything from the beginning.
    return { body: response.body, startsAt: response.status === 206 ? position : 0 };
  });
}

/** Strong validators only: a weak one may stay the same when bytes change. */
function version(response: Response): { readonly version?: string } {
  const etag = response.headers.get('etag');
  return etag === null || etag.startsWith('W/') ? {} : { version: etag };
}

async function request(url: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<Response> {
  const target = new URL(url);
  const sent = new Headers({ ...headers, 'accept-encoding': 'identity' });
  if (target.username !== '') {
    const login = [target.username, target.password].map(decodeURIComponent).join(':');
    sent.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`);
    target.username = '';
    target.password = '';
  }
  for (let attempt = 1; ; attempt++) {
    let problem: unknown;
    try {
      const response = await fetch(target, { headers: sent, signal: AbortSignal.timeout(timerMs(timeoutMs)) });
      if (response.status < 500 && response.status !== 429) return response;
      await response.body?.cancel();
      problem = refused(url, response.status);
    } catch (error) {
      problem = new MillraceError('MR_IO', `cannot read ${describeUri(url)}: ${reasonOf(error)}.`);
    }
    if (attempt === maxAttempts) throw problem;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(5000, 100 * 2 ** attempt)));
  }
}

/** fetch says only "fetch failed"; the reason is its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message;
}

function refused(url: string, status: number): MillraceError {
  return new MillraceError('MR_IO', `cannot read ${describeUri(url)}: the server answered HTTP ${status}.`);
}
