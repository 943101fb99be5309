import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 1, logLevel: 'off', maxTaskFailures: 1 });
});
afterAll(() => sc.stop());

describe('conditions without the form of one are refused at the call', () => {
  it.each([
    [null, /needs a column/],
    [{ op: '=', value: 1 }, /needs a column/],
    [{ column: 'a', op: '~', value: 1 }, /op "~"/],
    [{ column: 'a', op: '=' }, /no value/],
    [{ column: 'a', op: 'in', value: 3 }, /needs an array/],
  ])('%j', (condition, reason) => {
    expect(() => sc.parquet('x.parquet', { filter: [condition as never] })).toThrow(reason);
  });
});

describe('what Parquet cannot be written with', () => {
  it.each([
    [{ bloomFilters: 'a' }, /bloomFilters must be an array/],
    [{ keyValues: { a: 1 } }, /keyValues\["a"\]/],
    [{ dictionary: 'no' }, /dictionary must be one of/],
    [{ schema: null }, /schema must be an object/],
  ])('%j', async (options, reason) => {
    const saved = sc.parallelize([{ a: 1 }]).saveAsParquet('out/refused-options', options as never);
    await expect(saved).rejects.toThrow(expect.objectContaining({ code: 'MR_OPTION_INVALID' }));
    await expect(saved).rejects.toThrow(reason);
  });

  it('refuses rows that hold themselves', async () => {
    const row: Record<string, unknown> = { a: 1 };
    row['self'] = row;
    const saved = sc.parallelize([row]).saveAsParquet('out/refused-cycle');
    await expect(saved).rejects.toThrow(expect.objectContaining({ code: 'MR_SCHEMA' }));
  });
});

describe('names of CSV columns', () => {
  it.each([[[]], [['a', 'a']], [['a', '']]])('%j would lose a column', (header) => {
    expect(() => sc.csv('x.csv', { header })).toThrow(expect.objectContaining({ code: 'MR_OPTION_INVALID' }));
  });
});

describe('partition values that would not come back', () => {
  it.each([
    ['__HIVE_DEFAULT_PARTITION__', /says null/],
    ['\ud800', /surrogate/],
    [new Date(0), /toISOString/],
  ])('%s is refused', async (day, reason) => {
    const saved = sc.parallelize([{ day, n: 1 }]).saveAsParquet('out/refused-partition', { partitionBy: ['day'] });
    await expect(saved).rejects.toThrow(reason);
  });

  it('refuses a column that is named twice', async () => {
    const saved = sc.parallelize([{ a: 1, b: 1 }]).saveAsParquet('out/refused-partition', { partitionBy: ['a', 'a'] });
    await expect(saved).rejects.toThrow(/names "a" twice/);
  });
});
