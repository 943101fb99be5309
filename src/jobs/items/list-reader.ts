import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { checkOption } from './option-checks.ts';

/** The items of an array. A step with `partitions(n)` cuts it into `n` parts that differ by at most one item. */
export function listReader<I>(items: readonly I[]): ItemReader<I> {
  checkOption(Array.isArray(items), 'listReader', 'items', items, 'an array');
  return {
    open(position, c) {
      const part = (c.partition?.value ?? null) as { readonly from?: unknown; readonly to?: unknown } | null;
      const isPart = typeof part?.from === 'number' && typeof part.to === 'number';
      const [from, to] = isPart ? [part.from as number, part.to as number] : [0, items.length];
      return new ListStream(items, typeof position === 'number' ? position : from, to);
    },
    split(n) {
      const parts = Math.max(1, Math.min(n, items.length));
      return Array.from({ length: parts }, (_, index) => ({
        from: Math.floor((items.length * index) / parts),
        to: Math.floor((items.length * (index + 1)) / parts),
      }));
    },
  };
}

class ListStream<I> implements ItemStream<I> {
  readonly #items: readonly I[];
  readonly #end: number;
  #at: number;

  constructor(items: readonly I[], from: number, to: number) {
    this.#items = items;
    this.#at = from;
    this.#end = to;
  }

  read(size: number): readonly I[] {
    const batch = this.#items.slice(this.#at, Math.min(this.#at + size, this.#end));
    this.#at += batch.length;
    return batch;
  }

  position(): JsonValue {
    return this.#at;
  }

  progress(): { current: number; total: number } {
    return { current: this.#at, total: this.#end };
  }
}
