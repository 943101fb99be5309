import { BatchError } from '../definition/batch-error.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';

/**
 * The items of an iterable or async iterable, which must give the same items each time: a restart drops those that were
 * read. What it throws ends it, so the step fails, whatever its lists say (ST-204).
 */
export function iterableReader<I>(source: Iterable<I> | AsyncIterable<I>): ItemReader<I> {
  return {
    async open(position) {
      const stream = new IterableStream(source);
      const count = typeof position === 'number' ? position : 0;
      try {
        await stream.drop(count);
      } catch (error) {
        await stream.close();
        throw error;
      }
      return stream;
    },
  };
}

/** What an iterable threw, in `cause`: it has ended with it, so that nothing can be skipped or tried again. */
export class IterableFailure extends BatchError {}

class IterableStream<I> implements ItemStream<I> {
  readonly #iterator: Iterator<I> | AsyncIterator<I>;
  readonly #isAsync: boolean;
  #index = 0;
  #isEnd = false;
  /** What the iterable threw; it comes when the items before it were read. */
  #failure: BatchError | undefined;

  constructor(source: Iterable<I> | AsyncIterable<I>) {
    this.#isAsync = Symbol.asyncIterator in source;
    this.#iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  async drop(count: number): Promise<void> {
    const most = 1000;
    while (this.#index < count) {
      const dropped = await this.read(Math.min(most, count - this.#index));
      if (dropped.length === 0) return;
    }
  }

  async read(size: number): Promise<readonly I[]> {
    const items: I[] = [];
    while (items.length < size && !this.#isEnd && this.#failure === undefined) {
      try {
        // Awaiting what is not a promise would cost a turn of the queue for each item.
        const next = this.#iterator.next();
        const result = this.#isAsync ? await next : (next as IteratorResult<I>);
        if (result.done === true) this.#isEnd = true;
        else items.push(result.value);
      } catch (error) {
        this.#failure = new IterableFailure(
          `The iterable that is read threw: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
      }
    }
    if (items.length === 0 && this.#failure !== undefined) throw this.#failure;
    this.#index += items.length;
    return items;
  }

  position(): JsonValue {
    return this.#index;
  }

  async close(): Promise<void> {
    if (this.#isEnd || this.#failure !== undefined) return;
    this.#isEnd = true;
    await this.#iterator.return?.();
  }
}
