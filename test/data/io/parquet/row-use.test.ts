import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFunction } from '../../../../src/base/closures/parse-function.ts';
import { rowProperties } from '../../../../src/base/closures/row-properties.ts';
import { rowTests } from '../../../../src/base/closures/row-tests.ts';
import { applyRowUse } from '../../../../src/data/io/parquet/filter/apply-row-use.ts';
import type { ParquetReadOptions } from '../../../../src/data/io/parquet/parquet-options.ts';
import { readParquetSplit } from '../../../../src/data/io/parquet/read-split.ts';
import { MemoryFile, planBytes, writeRows } from './support/memory-file.ts';

interface Read {
  readonly rows: Record<string, unknown>[];
  readonly rowsRead: number;
  readonly bytesRead: number;
}

/** The rows of a file for which the function, given as its text, is true: read with what the text tells left out. */
function readWhere(bytes: Uint8Array, text: string, options: ParquetReadOptions = {}): Read {
  const parsed = parseFunction(text);
  const { clauses } = rowTests(parsed, { constant: () => undefined, isGlobal: () => true });
  const properties = rowProperties(parsed);
  const plan = planBytes([new MemoryFile(bytes)], options);
  const file = new MemoryFile(bytes);
  const rows = plan.splits.flatMap((planned) => {
    const use = { clauses, properties: properties && [...properties, 'index'] };
    const reading = applyRowUse(file, planned, plan.options, use);
    return [...readParquetSplit(file, reading.split, reading.options, reading.clauses)].flat() as Record<
      string,
      unknown
    >[];
  });
  const bytesRead = file.reads.reduce((sum, { length }) => sum + length, 0);
  return { rows: rows.filter(predicateOf(text)), rowsRead: rows.length, bytesRead };
}

function predicateOf(text: string): (row: Record<string, unknown>) => boolean {
  return new Function(`return (${text})`)() as (row: Record<string, unknown>) => boolean;
}

const columns = {
  int: fc.option(fc.integer({ min: -20, max: 20 })),
  big: fc.option(fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 20n })),
  float: fc.option(fc.constantFrom(-0, 0, 1.5, -2.25, Number.NaN, Number.POSITIVE_INFINITY, 3)),
  text: fc.option(
    fc.constantFrom('', '0', '7', 'a', 'ab', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '🎈', 'x'.repeat(80)),
  ),
  money: fc.option(fc.constantFrom('0.00', '-1.50', '2.25', '100.00', '99.99')),
  at: fc.option(fc.integer({ min: -3, max: 20 }).map((day) => new Date(day * 86_400_000 + 1))),
  day: fc.option(fc.integer({ min: -3, max: 20 }).map((day) => new Date(day * 86_400_000))),
  flag: fc.option(fc.boolean()),
  point: fc.option(fc.record({ x: fc.option(fc.integer({ min: -5, max: 5 })) }, { noNullPrototype: true })),
};
const schema = {
  index: 'int32',
  int: 'int32',
  big: 'int64',
  float: 'float64',
  text: 'string',
  money: 'decimal(9,2)',
  at: 'timestamp(us)',
  day: 'date',
  flag: 'boolean',
  point: 'struct<x: int32>',
};
const table = fc.array(fc.record(columns), { maxLength: 60 });

const literal = fc.oneof(
  fc.integer({ min: -22, max: 22 }).map(String),
  fc.constantFrom('0.5', '1e400', '-0', '-1e400', '1152921504606846980n', '3n', '86400000', '99.99', '0', 'null'),
  fc.constantFrom('true', 'false', '""', '"0"', '"5"', '"a"', '"aa"', '"\ud7ff"', '"\ue001"', '"🎈"', '"2.25"'),
  fc.constantFrom('new Date(86400000)', "new Date('1970-01-05')", 'new Date("no date")', '`b`'),
);
const property = fc.constantFrom(
  ...[...Object.keys(columns), 'missing'].map((name) => `r.${name}`),
  'r["int"]',
  'r.point?.x',
  'r?.text',
);
const operator = fc.constantFrom('<', '<=', '>', '>=', '===', '!==', '==', '!=');
const comparison = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(property, operator, literal).map((parts) => parts.join(' ')) },
  { weight: 2, arbitrary: fc.tuple(literal, operator, property).map((parts) => parts.join(' ')) },
  { weight: 1, arbitrary: property },
  { weight: 1, arbitrary: property.map((one) => `!${one}`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.array(literal, { maxLength: 3 }), property)
      .map(([list, one]) => `[${list}].includes(${one})`),
  },
);
const condition = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    comparison,
    fc.tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition')).map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
})).condition;

describe('what a closure tests', () => {
  it('gives the rows that calling it on all of them gives, whatever is left out', () => {
    fc.assert(
      fc.property(
        table,
        condition,
        fc.constantFrom(...Object.keys(columns), 'index'),
        fc.constantFrom<ParquetReadOptions['timestamps']>('auto', 'text', 'bigint'),
        (data, body, sortedBy, timestamps) => {
          const rows = data
            .map((row, index) => ({ index, ...row }))
            .sort((a, b) => {
              const [x, y] = [a, b].map((row) => String((row as Record<string, unknown>)[sortedBy] ?? ''));
              return x! < y! ? -1 : 1;
            });
          const bytes = writeRows(rows, {
            schema,
            rowGroupSize: 17,
            pageRows: 4,
            bloomFilters: ['int', 'text', 'big'],
          });
          const text = `(r) => ${body}`;
          const plain = planAll(bytes, { timestamps }).filter(predicateOf(text));
          const read = readWhere(bytes, text, { timestamps });
          expect(read.rows.map(({ index }) => index)).toEqual(plain.map(({ index }) => index));
        },
      ),
      { numRuns: 300 },
    );
  });

  const many = Array.from({ length: 40_000 }, (_, index) => ({
    index,
    day: new Date(Date.UTC(2026, 0, 1 + Math.floor(index / 400))),
    n: index % 400 === 7 ? 3 : null,
    text: `text ${String(index).padStart(6, '0')} ${'-'.repeat(30)}`,
  }));
  const large = writeRows(many, { rowGroupSize: 10_000, pageRows: 500, compression: 'none' });

  it('reads the pages that may have such rows and no others', () => {
    const { rows, rowsRead, bytesRead } = readWhere(
      large,
      "(r) => r.day >= new Date('2026-02-01') && r.day < new Date('2026-02-03')",
    );
    expect(rows.length).toBe(800);
    expect(rowsRead).toBeLessThanOrEqual(1500);
    expect(bytesRead).toBeLessThan(large.length / 20);
  });

  it('counts null as 0 where JavaScript does', () => {
    expect(readWhere(large, '(r) => r.n <= 0').rows.length).toBe(39_900);
    expect(readWhere(large, '(r) => r.n > 3').rowsRead).toBe(0);
    expect(readWhere(large, '(r) => r.n > -1').rows.length).toBe(40_000);
    expect(readWhere(large, '(r) => r.n >= 3').rows.length).toBe(100);
  });

  it('tells nothing from the first part on that might throw', () => {
    const throwing = '(r) => r.missing.length > 3 && r.index > 1e9';
    expect(() => readWhere(large, throwing)).toThrow(TypeError);
    expect(readWhere(large, '(r) => r.index > 1e9 && r.missing.length > 3').rowsRead).toBe(0);
  });
});

function planAll(bytes: Uint8Array, options: ParquetReadOptions): Record<string, unknown>[] {
  const file = new MemoryFile(bytes);
  const plan = planBytes([file], options);
  return plan.splits.flatMap((split) => [...readParquetSplit(file, split, plan.options)].flat()) as Record<
    string,
    unknown
  >[];
}
