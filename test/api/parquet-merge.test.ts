import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext, type ParquetReadOptions } from '../../src/index.ts';

let sc: MillraceContext;
let dir: string;
let tables = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-merge-'));
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off', progress: false });
});
afterAll(async () => {
  await sc.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Column {
  readonly type: string;
  readonly values: readonly unknown[];
}

/** A table of two outputs, whose column `x` has one type each; the rows are numbered. */
async function tableOf(...columns: readonly Column[]): Promise<string> {
  const table = join(dir, `table${tables++}`);
  let n = 0;
  for (const [index, { type, values }] of columns.entries()) {
    const rows = values.map((x) => ({ n: n++, x }));
    const schema = { n: 'int32', x: type };
    await sc.parallelize(rows, 1).saveAsParquet(join(table, `${index}`), {
      schema,
      rowGroupSize: 2,
      bloomFilters: type.startsWith('list') ? [] : ['x'],
    });
  }
  return `${table}/*/part-*`;
}

interface Row {
  readonly n: number;
  readonly x: unknown;
}

const int64: Column = { type: 'int64', values: [5n, 9007199254740993n, null] };
const milli: Column = { type: 'timestamp(ms)', values: [new Date(0), new Date(1_577_836_800_123), null] };
const micro: Column = { type: 'timestamp(us)', values: ['2020-01-01T00:00:00.123456Z', '1969-12-31T23:59:59.999999Z'] };
const nano: Column = { type: 'timestamp(ns)', values: ['2020-01-01T00:00:00.123456789Z'] };

describe('files whose columns have different types', () => {
  it.each<[string, Column, Column, ParquetReadOptions, readonly unknown[]]>([
    [
      'int32 and int64, bigints for all rows',
      { type: 'int32', values: [1, -2147483648, null] },
      int64,
      {},
      [1n, -2147483648n, null, 5n, 9007199254740993n, null],
    ],
    [
      'int64 of numbers and float64',
      { type: 'int64', values: [1, -9007199254740991, null] },
      { type: 'float64', values: [2.5, -0] },
      {},
      [1, -9007199254740991, null, 2.5, -0],
    ],
    [
      'lists of them',
      { type: 'list<int64>', values: [[1], []] },
      { type: 'list<float32>', values: [[0.5, null]] },
      {},
      [[1], [], [0.5, null]],
    ],
    ['int8 and int64', { type: 'int8', values: [-128] }, { type: 'int64', values: [7] }, {}, [-128, 7]],
    [
      'uint32 and int64',
      { type: 'uint32', values: [4294967295] },
      { type: 'int64', values: [-1] },
      {},
      [4294967295, -1],
    ],
    [
      'int32 and float64',
      { type: 'int32', values: [2147483647] },
      { type: 'float64', values: [2.5] },
      {},
      [2147483647, 2.5],
    ],
    ['int16 and float32', { type: 'int16', values: [3] }, { type: 'float32', values: [0.5] }, {}, [3, 0.5]],
    [
      'float32 and float64',
      { type: 'float32', values: [Math.fround(0.1)] },
      { type: 'float64', values: [0.1] },
      {},
      [Math.fround(0.1), 0.1],
    ],
    [
      'decimals of other precision',
      { type: 'decimal(5,2)', values: ['1.50', '-0.01'] },
      { type: 'decimal(30,2)', values: ['1234567890123456789012345678.25'] },
      {},
      ['1.50', '-0.01', '1234567890123456789012345678.25'],
    ],
    [
      'decimals of other scale',
      { type: 'decimal(5,0)', values: ['15', '-3'] },
      { type: 'decimal(9,4)', values: ['1.2345'] },
      {},
      ['15.0000', '-3.0000', '1.2345'],
    ],
    [
      'timestamps of ms and us',
      milli,
      micro,
      {},
      [new Date(0), new Date(1_577_836_800_123), null, '2020-01-01T00:00:00.123456Z', '1969-12-31T23:59:59.999999Z'],
    ],
    [
      'timestamps of ms and us as text',
      milli,
      micro,
      { timestamps: 'text' },
      [
        '1970-01-01T00:00:00.000000Z',
        '2020-01-01T00:00:00.123000Z',
        null,
        '2020-01-01T00:00:00.123456Z',
        '1969-12-31T23:59:59.999999Z',
      ],
    ],
    [
      'timestamps of ms and ns as bigints, in the finer unit',
      milli,
      nano,
      { timestamps: 'bigint' },
      [0n, 1_577_836_800_123_000_000n, null, 1_577_836_800_123_456_789n],
    ],
    [
      'times of ms and us',
      { type: 'time(ms)', values: ['12:00:00.001'] },
      { type: 'time(us)', values: ['12:00:00.000999'] },
      {},
      ['12:00:00.001000', '12:00:00.000999'],
    ],
    [
      'lists of decimals',
      { type: 'list<decimal(4,1)>', values: [['1.5', null], []] },
      { type: 'list<decimal(6,3)>', values: [['2.125']] },
      {},
      [['1.500', null], [], ['2.125']],
    ],
  ])('are read in the type that holds both: %s', async (_, one, other, options, expected) => {
    for (const columns of [
      [one, other],
      [other, one],
    ]) {
      const path = await tableOf(...columns);
      const rows = await sc.parquet<Row>(path, { mergeSchema: true, ...options }).collect();
      const [first, second] = [expected.slice(0, one.values.length), expected.slice(one.values.length)];
      expect(rows.map(({ x }) => x)).toEqual(columns[0] === one ? [...first, ...second] : [...second, ...first]);
      // Pruning compares in the same type: with every value of either file, by the option and by a function's text.
      if (Array.isArray(expected[0])) continue;
      for (const value of new Set(expected.filter((x) => x !== null))) {
        const read = (filter: ParquetReadOptions['filter']) =>
          sc
            .parquet<Row>(path, { mergeSchema: true, ...options, filter })
            .map(({ n }) => n)
            .collect();
        const equal = rows.filter(({ x }) => x !== null && String(x) === String(value)).map(({ n }) => n);
        expect(await read([{ column: 'x', op: '=', value: value as string }])).toEqual(equal);
        const [above, below] = await Promise.all(
          (['>', '<='] as const).map((op) => read([{ column: 'x', op, value: value as string }])),
        );
        expect([...(above ?? []), ...(below ?? [])].toSorted((a, b) => a - b)).toEqual(
          rows.filter(({ x }) => x !== null).map(({ n }) => n),
        );
        const least = value as number;
        const pruned = sc.parquet<{ n: number; x: number }>(path, { mergeSchema: true, ...options });
        expect(
          await pruned
            .filter(({ x }) => x >= least)
            .map(({ n }) => n)
            .collect(),
        ).toEqual(rows.filter(({ x }) => (x as number) >= least).map(({ n }) => n));
      }
    }
  });

  it.each([
    { one: int64, other: { type: 'float64', values: [2.5] } },
    { one: int64, other: { type: 'uint64', values: [2] } },
    { one: { type: 'int32', values: [1] }, other: { type: 'decimal(9,2)', values: ['1.00'] } },
    { one: { type: 'decimal(76,0)', values: ['1'] }, other: { type: 'decimal(2,2)', values: ['0.10'] } },
    { one: { type: 'date', values: [new Date(0)] }, other: milli },
    { one: milli, other: { type: 'timestamp(ms, local)', values: [new Date(0)] } },
    { one: { type: 'int32', values: [1] }, other: { type: 'string', values: ['1'] } },
  ])('are refused where no type holds both, naming the files: $one.type and $other.type', async ({ one, other }) => {
    const path = await tableOf(one, other);
    await expect(sc.parquet(path, { mergeSchema: true }).count()).rejects.toMatchObject({
      code: 'MR_SCHEMA',
      message: expect.stringMatching(
        new RegExp(`column x is ${literal(one.type)} in \\S+/0/part-\\S+ and ${literal(other.type)} in \\S+/1/part-`),
      ),
    });
  });
});

function literal(text: string): string {
  return text.replace(/[()]/g, '\\$&');
}
