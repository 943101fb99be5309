import { MillraceError } from '../../base/errors.ts';
import { BatchError } from '../definition/batch-error.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { StepContext } from '../definition/step-context.ts';
import { systemClock } from '../policies/system-clock.ts';
import { checkHttpOptions, checkHttpUrl, type HttpOptions, request, shownUrl } from './http-request.ts';
import { checkFunctionOption, checkOption } from './option-checks.ts';

export interface HttpReaderOptions<I> extends HttpOptions {
  readonly url: string;
  /** The items in the body of a page, which is parsed JSON, or text when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what a server sends is the user's knowledge
  readonly items: (body: any) => readonly I[];
  /** The URL of the next page, relative to this one, or nothing at the end; 'link': what the Link header calls next. Default: one page. */
  // biome-ignore lint/suspicious/noExplicitAny: what a server sends is the user's knowledge
  readonly next?: 'link' | ((body: any, response: Response) => string | null | undefined);
  /** Requests in a second at most. */
  readonly requestsPerSecond?: number;
}

type HttpPosition = {
  /** The page the next item is on; null behind the last one. */
  readonly url: string | null;
  /** Items of it that were read. */
  readonly read: number;
};

/**
 * The items of a paged web service. A restart asks for the page it was on again and drops what was read of it.
 *
 * @throws RetryableError for statuses 408, 425, 429 and 5xx, MR_HTTP for others of 400 up; MR_PARSE for a body that is no JSON though the server says so
 */
export function httpReader<I>(options: HttpReaderOptions<I>): ItemReader<I> {
  const first = checkHttpUrl('httpReader', options?.url);
  const { requestsPerSecond, items, next } = options;
  checkFunctionOption('httpReader', 'items', items);
  const isNext = next === undefined || next === 'link' || typeof next === 'function';
  checkOption(isNext, 'httpReader', 'next', next, "a function or 'link'");
  checkHttpOptions('httpReader', options);
  if (requestsPerSecond !== undefined && !(requestsPerSecond > 0)) {
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `httpReader: requestsPerSecond must be more than 0, got ${requestsPerSecond}.`,
    );
  }
  return {
    open: (position, c) =>
      new HttpStream(options, first, (position as HttpPosition | undefined) ?? { url: first.href, read: 0 }, c),
  };
}

const mostRefusals = 100;

class HttpStream<I> implements ItemStream<I> {
  readonly #options: HttpReaderOptions<I>;
  readonly #origin: string;
  readonly #signal: AbortSignal;
  /** The page that `#items` are of, or are to be. */
  #url: URL | undefined;
  #next: URL | undefined;
  #items: readonly I[] | undefined;
  #read: number;
  #notBefore = 0;
  /** How often in a row the page was refused or could not be read. */
  #refusals = 0;

  constructor(
    options: HttpReaderOptions<I>,
    first: URL,
    { url, read }: HttpPosition,
    c: StepContext<unknown, unknown>,
  ) {
    this.#options = options;
    this.#origin = first.origin;
    this.#signal = c.signal;
    this.#url = url === null ? undefined : new URL(url);
    this.#read = read;
  }

  async read(size: number): Promise<readonly I[]> {
    while (this.#url !== undefined) {
      if (this.#items === undefined) await this.#fetchUnlessHopeless(this.#url);
      const items = this.#items ?? [];
      if (this.#read < items.length) {
        const batch = items.slice(this.#read, this.#read + size);
        this.#read += batch.length;
        return batch;
      }
      this.#url = this.#next;
      this.#items = undefined;
      this.#read = 0;
    }
    return [];
  }

  position(): JsonValue {
    return { url: this.#url?.href ?? null, read: this.#read };
  }

  /** What is behind a page is not known without it: a step that skips its errors would ask for it for ever. */
  async #fetchUnlessHopeless(url: URL): Promise<void> {
    try {
      await this.#fetch(url);
      this.#refusals = 0;
    } catch (error) {
      const isOfPage = error instanceof MillraceError && (error.code === 'MR_HTTP' || error.code === 'MR_PARSE');
      if (isOfPage && ++this.#refusals > mostRefusals) {
        throw new BatchError(
          `httpReader: the page ${shownUrl(url)} was asked for ${this.#refusals} times in vain, and what is behind it is not known. A page cannot be skipped.`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  /** Nothing is changed when it throws: the same page may be asked for again. */
  async #fetch(url: URL): Promise<void> {
    await this.#pace();
    const init = { headers: { accept: 'application/json' }, signal: this.#signal };
    const response = await request(url, init, this.#options, url.origin === this.#origin);
    const body = bodyOf(url, response.headers.get('content-type') ?? '', await response.text());
    const items = this.#options.items(body);
    if (!Array.isArray(items)) {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `httpReader: items(body) of ${shownUrl(url)} gave ${typeof items}, not an array.`,
      );
    }
    this.#next = this.#nextOf(url, body, response);
    this.#items = items;
  }

  #nextOf(url: URL, body: unknown, response: Response): URL | undefined {
    const { next } = this.#options;
    const found = next === 'link' ? linkedNext(response.headers.get('link')) : next?.(body, response);
    if (found === undefined || found === null || found === '') return undefined;
    const nextUrl = checkHttpUrl('httpReader', new URL(found, url).href);
    if (nextUrl.href !== url.href) return nextUrl;
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `httpReader: the page behind ${shownUrl(url)} is that page itself; it would be read for ever.`,
    );
  }

  async #pace(): Promise<void> {
    const { requestsPerSecond } = this.#options;
    if (requestsPerSecond === undefined) return;
    const waitMs = this.#notBefore - performance.now();
    if (waitMs > 0) await systemClock.sleep(waitMs, this.#signal);
    this.#notBefore = performance.now() + 1000 / requestsPerSecond;
  }
}

function bodyOf(url: URL, contentType: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!/[/+]json\b/i.test(contentType)) return text;
    throw new MillraceError(
      'MR_PARSE',
      `${shownUrl(url)}: the body is no JSON, though the server says so: ${(cause as Error).message}.`,
      {
        cause,
        details: { url: shownUrl(url) },
      },
    );
  }
}

/** The target of the link with relation next, RFC 8288. */
function linkedNext(header: string | null): string | undefined {
  for (const [, target, parameters = ''] of (header ?? '').matchAll(
    /<([^>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]+))?)*)/g,
  )) {
    const [, quoted, plain] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters) ?? [];
    if ((quoted ?? plain ?? '').toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return undefined;
}
