import { describe, expect, it } from 'vitest';
import { iterableReader } from '../../../src/jobs/items/iterable-reader.ts';
import { readAll, stepContext } from './step-context.ts';

async function* slowly<I>(items: readonly I[]): AsyncGenerator<I> {
  for (const item of items) {
    await Promise.resolve();
    yield item;
  }
}

describe('iterableReader', () => {
  const items = ['a', null, undefined, 4];

  it('ST-204: reads iterables and async iterables; a restart drops what was read', async () => {
    const sources = [items, new Set(items), { [Symbol.asyncIterator]: () => slowly(items) }];
    for (const source of sources) {
      for (const size of [1, 3, 10]) {
        const { items: read, positions } = await readAll(iterableReader<unknown>(source), size);
        expect(read).toEqual(items);
        for (const { position, items: before } of positions) {
          expect((await readAll(iterableReader<unknown>(source), size, position)).items).toEqual(items.slice(before));
        }
      }
    }
  });

  it('ST-204: fails for good when the iterable throws, after the items before', async () => {
    const source = {
      *[Symbol.iterator]() {
        yield 1;
        yield 2;
        throw new RangeError('no more');
      },
    };
    const stream = await iterableReader(source).open(undefined, stepContext());
    expect(await stream.read(10)).toEqual([1, 2]);
    for (let n = 0; n < 2; n++) {
      await expect(Promise.resolve(stream.read(10))).rejects.toMatchObject({
        code: 'MR_BATCH',
        message: expect.stringContaining('no more'),
        cause: expect.any(RangeError),
      });
    }
    await expect(Promise.resolve(iterableReader(source).open(3, stepContext()))).rejects.toThrow('no more');
  });

  it('ends the iterator when it is closed before its end, and only then', async () => {
    let ended = 0;
    const source = {
      *[Symbol.iterator]() {
        try {
          yield* [1, 2, 3];
        } finally {
          ended += 1;
        }
      },
    };
    const stream = await iterableReader(source).open(undefined, stepContext());
    await stream.read(1);
    await stream.close?.();
    expect(ended).toBe(1);
    expect(await stream.read(1)).toEqual([]);
    await readAll(iterableReader(source), 2);
    expect(ended).toBe(2);
  });
});
