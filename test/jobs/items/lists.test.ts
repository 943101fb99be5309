import { describe, expect, it } from 'vitest';
import { listReader } from '../../../src/jobs/items/list-reader.ts';
import { listWriter } from '../../../src/jobs/items/list-writer.ts';
import { readAll, stepContext } from './step-context.ts';

const signal = new AbortController().signal;

describe('listReader', () => {
  it('ST-200: gives the same items for any fetch size and restart', async () => {
    const items = [1, null, undefined, 'x', { a: 1 }];
    for (const size of [1, 2, 10]) {
      const { items: read, positions } = await readAll(listReader(items), size);
      expect(read).toEqual(items);
      for (const { position, items: before } of positions) {
        expect((await readAll(listReader(items), size, position)).items).toEqual(items.slice(before));
      }
    }
  });

  it('ST-110: cuts itself into parts that together are the list', async () => {
    for (const [length, n] of [
      [10, 3],
      [2, 5],
      [0, 4],
      [7, 1],
    ] as const) {
      const reader = listReader(Array.from({ length }, (_, index) => index));
      const values = await reader.split?.(n, stepContext());
      const parts = await Promise.all(
        (values ?? []).map((value, index) =>
          readAll(reader, 2, undefined, stepContext({ partition: { index, name: `partition${index}`, value } })),
        ),
      );
      expect(parts.flatMap(({ items }) => items)).toEqual(Array.from({ length }, (_, index) => index));
      expect(parts.length).toBeLessThanOrEqual(n);
    }
  });
});

describe('listWriter', () => {
  const chunk = (key: string) => ({ firstIndex: 0, key, signal });

  it('takes out what a failed attempt wrote, also when other partitions wrote since', async () => {
    const list: number[] = [];
    const writer = listWriter(list);
    const [a, b] = [await writer.open({ c: stepContext() }), await writer.open({ c: stepContext() })];
    await a.write([1, 2], chunk('a'));
    await a.rollback?.(chunk('another attempt'));
    await a.write([3, 4], chunk('a2'));
    await b.write([5], chunk('b'));
    await a.rollback?.(chunk('a2'));
    await a.rollback?.(chunk('a2'));
    expect(list).toEqual([1, 2, 5]);
    expect(writer.guarantee).toBe('atLeastOnce');
  });
});
