import type { ChunkWrite, ItemSink, ItemWriter } from '../definition/item-writer.ts';
import { checkOption } from './option-checks.ts';

/** Into an array, before the commit: what a failed attempt wrote is taken out again, what a crash repeats is there twice. */
export function listWriter<O>(list: O[]): ItemWriter<O> {
  checkOption(Array.isArray(list), 'listWriter', 'its argument', list, 'an array');
  return { guarantee: 'atLeastOnce', transactional: false, open: () => new ListSink(list) };
}

class ListSink<O> implements ItemSink<O> {
  readonly #list: O[];
  #attempt: { readonly key: string; readonly items: readonly O[] } | undefined;

  constructor(list: O[]) {
    this.#list = list;
  }

  write(items: readonly O[], { key }: ChunkWrite): void {
    this.#attempt = { key, items };
    this.#list.push(...items);
  }

  rollback({ key }: ChunkWrite): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.key !== key) return;
    this.#attempt = undefined;
    // Other partitions may have added to the list since.
    const { items } = attempt;
    for (let at = this.#list.length - items.length; at >= 0; at--) {
      if (items.every((item, index) => Object.is(this.#list[at + index], item))) {
        this.#list.splice(at, items.length);
        return;
      }
    }
  }
}
