import { MillraceError } from '../../../base/errors.ts';
import { timerMs } from '../../../base/timers.ts';

/** The body of one response and the position in the file of its first byte. */
export interface BodyPart {
  readonly body: AsyncIterable<Uint8Array>;
  readonly startsAt: number;
}

/** How often in a row a body may break off without a single byte before it counts as broken. */
const maxFruitless = 5;

/**
 * Bytes `from` to `to` through as many requests as it takes: when a body breaks off, ends early or stands still, `request`
 * is asked again for the rest. Its own errors are final; it does its own retries.
 */
export async function fetchResuming(
  from: number,
  to: number,
  timeoutMs: number,
  request: (position: number) => Promise<BodyPart>,
): Promise<Uint8Array> {
  const target = new Uint8Array(to - from);
  let have = 0;
  for (let fruitless = 0; have < target.length; ) {
    const before = have;
    const { body, startsAt } = await request(from + have);
    let skip = from + have - startsAt;
    const chunks = body[Symbol.asyncIterator]();
    let problem: unknown = new Error('the body ended early');
    try {
      for (;;) {
        const next = await withTimeout(chunks.next(), timeoutMs);
        if (next.done) break;
        const chunk = next.value.subarray(Math.min(skip, next.value.length));
        skip -= next.value.length - chunk.length;
        const count = Math.min(chunk.length, target.length - have);
        target.set(chunk.subarray(0, count), have);
        have += count;
        if (have === target.length) break;
      }
    } catch (error) {
      problem = error;
    }
    // Closing a body that is broken or stands still may wait for ever, so nobody waits for it.
    chunks.return?.().catch(() => undefined);
    fruitless = have > before ? 0 : fruitless + 1;
    if (have < target.length && fruitless >= maxFruitless)
      throw new MillraceError(
        'MR_IO',
        `the response broke off ${maxFruitless} times in a row: ${(problem as Error).message}.`,
      );
    if (fruitless > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 100 * 2 ** fruitless));
  }
  return target;
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no byte for ${timeoutMs} ms`)), timerMs(timeoutMs));
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
