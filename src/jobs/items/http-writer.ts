import type { ItemWriter } from '../definition/item-writer.ts';
import { checkHttpOptions, checkHttpUrl, type HttpOptions, request } from './http-request.ts';
import { checkFunctionOption } from './option-checks.ts';

export interface HttpWriterOptions<O> extends HttpOptions {
  readonly url: string;
  /** Default POST. */
  readonly method?: string;
  /** The body of a request. Default: the items as a JSON array. What is neither text nor bytes is sent as JSON. */
  readonly body?: (items: readonly O[]) => unknown;
}

/**
 * One request a range of items, with an `Idempotency-Key` that is the same for a retry and after a crash: once if the
 * receiver honours it, else at least once.
 *
 * @throws RetryableError for statuses 408, 425, 429 and 5xx, MR_HTTP for others of 400 up
 */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function httpWriter<O = any>(options: HttpWriterOptions<O>): ItemWriter<O> {
  const url = checkHttpUrl('httpWriter', options?.url);
  checkHttpOptions('httpWriter', options);
  const { method = 'POST', body = (items: readonly O[]): unknown => items } = options;
  checkFunctionOption('httpWriter', 'body', body);
  return {
    guarantee: 'atLeastOnce',
    transactional: false,
    open: () => ({
      async write(items, { key, signal }) {
        const content = body(items);
        const isReady = typeof content === 'string' || content instanceof Uint8Array;
        const response = await request(
          url,
          {
            method,
            signal,
            headers: {
              'idempotency-key': headerText(key),
              'content-type': isReady && typeof content !== 'string' ? 'application/octet-stream' : 'application/json',
            },
            body: isReady ? content : JSON.stringify(content),
          },
          options,
        );
        await response.body?.cancel();
      },
    }),
  };
}

/** Step names may hold what no header can. */
function headerText(key: string): string {
  return /^[\x20-\x7e]*$/.test(key) ? key : encodeURI(key);
}
