import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../../src/api/context.ts';
import { rddReader } from '../../../src/jobs/items/rdd-reader.ts';
import { readAll, stepContext } from './step-context.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 1 });
});
afterAll(async () => {
  await sc.stop();
});

describe('rddReader', () => {
  const rdd = (partitions: number) =>
    rddReader((context) => context.range(0, 20, 1, partitions).filter((n) => n % 3 !== 0 || n > 9));

  it('ST-200: reads an RDD partition by partition; any fetch size and restart give the same rows', async () => {
    const c = stepContext({ millrace: () => Promise.resolve(sc) });
    const whole = await readAll(rdd(4), 100, undefined, c);
    expect(whole.items).toEqual([1, 2, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    for (const size of [1, 3]) {
      const { items, positions } = await readAll(rdd(4), size, undefined, c);
      expect(items).toEqual(whole.items);
      for (const { position, items: before } of positions.filter((_, index) => index % 3 === 0)) {
        expect((await readAll(rdd(4), size, position, c)).items).toEqual(whole.items.slice(before));
      }
    }
    const nothing = rddReader((context) => context.emptyRDD<number>());
    expect((await readAll(nothing, 5, undefined, c)).items).toEqual([]);
  });

  it('is MR_INPUT_CHANGED when a restart finds another number of partitions', async () => {
    const c = stepContext({ millrace: () => Promise.resolve(sc) });
    const { positions } = await readAll(rdd(4), 5, undefined, c);
    await expect(readAll(rdd(5), 5, positions[1]?.position, c)).rejects.toMatchObject({ code: 'MR_INPUT_CHANGED' });
  });
});
