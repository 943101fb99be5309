import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinaryValues } from '../../../../src/data/io/parquet/encodings/binary-values.ts';
import { blockHas, blockOf, bloomFilterOf } from '../../../../src/data/io/parquet/encodings/bloom-filter.ts';
import { xxHash64 } from '../../../../src/data/io/parquet/encodings/xxhash64.ts';
import type { ParquetCondition } from '../../../../src/data/io/parquet/filter/condition.ts';
import { encoding } from '../../../../src/data/io/parquet/format/parquet-format.ts';
import { MemoryFile, planBytes, readBytes, readMemory, writeRows } from './support/memory-file.ts';

const row = fc.record({
  int: fc.option(fc.integer({ min: -20, max: 20 })),
  big: fc.option(fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 20n })),
  float: fc.option(fc.constantFrom(-0, 0, 1.5, -2.25, Number.NaN, Number.POSITIVE_INFINITY, 3)),
  text: fc.option(fc.constantFrom('', 'a', 'ab', 'b', 'é', '\uffff', '🎈', 'x'.repeat(80), `${'x'.repeat(79)}y`)),
  at: fc.option(fc.integer({ min: 0, max: 20 }).map((day) => new Date(day * 86_400_000))),
  flag: fc.option(fc.boolean()),
});
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

const comparison = fc.constantFrom<'=' | '!=' | '<' | '<=' | '>' | '>='>('=', '!=', '<', '<=', '>', '>=');
const compare = <T extends ParquetCondition & { value: unknown }>(
  column: keyof Row,
  value: fc.Arbitrary<unknown>,
): fc.Arbitrary<ParquetCondition> =>
  fc.oneof(
    fc.record({ column: fc.constant(column), op: comparison, value }) as fc.Arbitrary<T>,
    fc.record({
      column: fc.constant(column),
      op: fc.constant('in' as const),
      value: fc.array(value, { maxLength: 3 }),
    }) as fc.Arbitrary<T>,
    fc.record({ column: fc.constant(column), op: fc.constantFrom('isNull' as const, 'isNotNull' as const) }),
  );
const condition: fc.Arbitrary<ParquetCondition> = fc.oneof(
  compare('int', fc.oneof(fc.integer({ min: -22, max: 22 }), fc.constant(0.5), fc.constant(3n))),
  compare('big', fc.oneof(fc.bigInt({ min: 2n ** 60n - 1n, max: 2n ** 60n + 21n }), fc.constant(2 ** 60))),
  compare('float', fc.constantFrom(-0, 0, 1.5, 2, Number.NaN, Number.NEGATIVE_INFINITY)),
  compare('text', fc.constantFrom('', 'a', 'aa', 'é', '🎈', 'x'.repeat(80), 'zz')),
  compare(
    'at',
    fc.integer({ min: -1, max: 21 }).map((day) => new Date(day * 86_400_000)),
  ),
  compare('flag', fc.boolean()),
);

/** What a filter means: SQL's comparisons, texts by code points. */
function fulfils(candidate: Row, { column, op, ...rest }: ParquetCondition): boolean {
  const value = candidate[column as keyof Row];
  if (op === 'isNull') return value === null;
  if (value === null) return false;
  if (op === 'isNotNull') return true;
  const literal = (rest as { value: unknown }).value;
  if (op === 'in') return (literal as unknown[]).some((one) => order(value, one) === 0);
  const difference = order(value, literal);
  return {
    '=': difference === 0,
    '!=': difference !== 0,
    '<': difference < 0,
    '<=': difference <= 0,
    '>': difference > 0,
    '>=': difference >= 0,
  }[op];
}

function order(a: unknown, b: unknown): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  const [first, second] = [a, b].map((value) => (value instanceof Date ? value.getTime() : (value as number)));
  if (first! < second!) return -1;
  if (first! > second!) return 1;
  return first! <= second! ? 0 : Number.NaN;
}

const schema = { int: 'int32', big: 'int64', float: 'float64', text: 'string', at: 'timestamp(us)', flag: 'boolean' };

describe('the option filter', () => {
  it('gives the rows that fulfil every condition, whatever can be skipped', () => {
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 60 }),
        fc.array(condition, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (rows, filter, sorted) => {
          const written = sorted ? rows.toSorted((a, b) => (a.int ?? 0) - (b.int ?? 0)) : rows;
          const bytes = writeRows(written, {
            schema,
            rowGroupSize: 17,
            pageRows: 4,
            bloomFilters: ['int', 'big', 'float', 'text', 'at'],
          });
          const expected = written.filter((candidate) => filter.every((one) => fulfils(candidate, one)));
          expect(readBytes(bytes, { filter, int64: 'auto' }).map(({ text, int }) => ({ text, int }))).toEqual(
            expected.map(({ text, int }) => ({ text, int })),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  const many = Array.from({ length: 100_000 }, (_, index) => ({
    id: index,
    text: `text ${index} ${'-'.repeat(20)}`,
    tags: [`t${index}`],
    point: { x: index, y: -1 - index },
  }));
  const large = writeRows(many, { rowGroupSize: 50_000, pageRows: 1000, compression: 'none', bloomFilters: ['text'] });

  it('reads the pages it needs and nothing else', () => {
    const file = new MemoryFile(large);
    const plan = planBytes([file], {
      columns: ['id', 'text', 'tags'],
      filter: [
        { column: 'id', op: '>=', value: 70_500 },
        { column: 'id', op: '<', value: 71_500 },
      ],
    });
    const needed = plan.splits
      .flatMap((split) =>
        split.groups.flatMap(({ chunks }) =>
          chunks.flatMap(({ pages }) => pages!.runs.map(({ bytes }) => bytes.length)),
        ),
      )
      .reduce((sum, length) => sum + length, 0);
    expect(needed).toBeLessThan(large.length / 40);
    const reading = new MemoryFile(large);
    const rows = readMemory([reading], plan.options);
    expect(rows).toEqual(many.slice(70_500, 71_500).map(({ id, text, tags }) => ({ id, text, tags })));
    const fetched = reading.reads.reduce((sum, { length }) => sum + length, 0);
    const footer = file.reads.reduce((sum, { length }) => sum + length, 0);
    expect(fetched - footer).toBeLessThanOrEqual(needed * 1.2);
  });

  it('finds rows of nested columns by a field of a struct', () => {
    const rows = readBytes(large, {
      columns: ['point.y', 'tags'],
      filter: [{ column: 'point.x', op: 'in', value: [5, 60_000, 99_999] }],
    });
    expect(rows).toEqual([5, 60_000, 99_999].map((index) => ({ point: { y: -1 - index }, tags: [`t${index}`] })));
  });

  it('leaves out row groups by their bloom filters', () => {
    const plan = planBytes([new MemoryFile(large)], { filter: [{ column: 'text', op: '=', value: 'text 70000x' }] });
    expect(plan.splits).toEqual([]);
  });

  it('says which condition cannot be', () => {
    const cases: [ParquetCondition, RegExp][] = [
      [{ column: 'ids', op: '=', value: 1 }, /no column "ids".*Did you mean "id"/],
      [{ column: 'id', op: '=', value: 'x' }, /filter id = "x": its column holds int64/],
      [{ column: 'tags', op: '=', value: 'x' }, /filter tags = "x": the column is a list/],
    ];
    for (const [one, message] of cases)
      expect(() => planBytes([new MemoryFile(large)], { filter: [one] })).toThrow(
        expect.objectContaining({ code: 'MR_OPTION_INVALID', message: expect.stringMatching(message) }),
      );
  });
});

describe('bloom filters', () => {
  it('hash as XXH64 does', () => {
    const hash = (text: string): string => {
      const { high, low } = xxHash64(Buffer.from(text));
      return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
    };
    expect(hash('')).toBe('ef46db3751d8e999');
    expect(hash('a')).toBe('d24ec4f1a98c6e5b');
    expect(hash('abc')).toBe('44bc2cf5ad770999');
    expect(hash('Nobody inspects the spammish repetition')).toBe('fbcea83c8a378bf1');
  });

  it('never deny a value that is there, and seldom admit one that is not', () => {
    const values = new BinaryValues(1000);
    const texts = Array.from({ length: 1000 }, (_, index) => Buffer.from(`value ${index}`));
    const plain = Buffer.concat(texts.flatMap((text) => [Uint8Array.of(text.length, 0, 0, 0), text]));
    values.decode(encoding.plain, plain, 0, plain.length, 1000);
    const filter = bloomFilterOf(values);
    const has = (text: string): boolean => {
      const hash = xxHash64(Buffer.from(text));
      const block = blockOf(hash, filter.length / 32) * 32;
      return blockHas(filter.subarray(block, block + 32), hash);
    };
    expect(texts.every((text) => has(text.toString()))).toBe(true);
    const wrong = Array.from({ length: 10_000 }, (_, index) => `other ${index}`).filter(has);
    expect(wrong.length).toBeLessThan(300);
  });
});
