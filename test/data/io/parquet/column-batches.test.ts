import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../../src/base/errors.ts';
import type { ParquetWriteOptions } from '../../../../src/data/io/parquet/write-options.ts';
import { MemoryFile, planBytes, readBytes, writeBatches, writeRows } from './support/memory-file.ts';

/** Values of one kind, with now and then one of another, or none. */
const column = fc
  .constantFrom<fc.Arbitrary<unknown>>(
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.constantFrom(0, -0, 1, 2 ** 53, Number.NaN),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.string({ maxLength: 60 }),
    fc.constantFrom('red', 'green', 'blue'),
    fc.date(),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.record({ a: fc.integer(), b: fc.option(fc.string({ maxLength: 3 })) }),
    fc.constant(null),
  )
  .chain((values) => {
    const absent = fc.constantFrom<unknown[]>([], [null], [undefined], [null, undefined]);
    return absent.map((nothing) =>
      fc.oneof({ weight: 20, arbitrary: values }, ...nothing.map((none) => fc.constant(none))),
    );
  });

const rowsOf = fc
  .record({ a: column, b: column, c: column }, { noNullPrototype: true })
  .chain((columns) =>
    fc.array(fc.record(columns, { requiredKeys: ['a'], noNullPrototype: true }), { minLength: 1, maxLength: 120 }),
  );

const schema = fc.record({
  a: fc.constantFrom(
    'int64',
    'float64',
    'string',
    'int32',
    'boolean not null',
    'timestamp(ms)',
    'timestamp(ns)',
    'float32',
    'uint64',
  ),
  b: fc.constantFrom('int64', 'string', 'decimal(20,0)', 'list<int32>'),
  c: fc.constantFrom('float64 not null', 'string not null', 'int16', 'json'),
});

const options: fc.Arbitrary<ParquetWriteOptions> = fc.record({
  schema: fc.option(schema, { nil: undefined }),
  dictionary: fc.boolean(),
  rowGroupSize: fc.integer({ min: 1, max: 80 }),
  pageRows: fc.integer({ min: 1, max: 50 }),
});

/** The rows that a file gives and its schema, or the code of the error that rows do not fit with. */
function outcome(write: () => Uint8Array): unknown {
  try {
    const bytes = write();
    return { schema: planBytes([new MemoryFile(bytes)]).options.schema, rows: readBytes(bytes) };
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'MR_SCHEMA') return error.code;
    throw error;
  }
}

describe('writing encoded batches', () => {
  it('gives the file that their rows give, or refuses them as those are refused', () => {
    let [written, refused] = [0, 0];
    fc.assert(
      fc.property(
        rowsOf,
        options,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (rows, how, batchRows, pieceRows) => {
          const expected = outcome(() => writeRows(rows, how));
          expect(outcome(() => writeBatches(rows, how, { batchRows, pieceRows }))).toStrictEqual(expected);
          if (typeof expected === 'string') refused++;
          else written++;
        },
      ),
      { numRuns: 1500 },
    );
    expect(Math.min(written, refused)).toBeGreaterThan(100);
  });
});
