import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ParquetCompression, ParquetWriteOptions } from '../../../../src/data/io/parquet/write-options.ts';
import { readBytes, writeRows } from './support/memory-file.ts';

/** One kind of value a column, as Parquet needs it. */
const leaf: fc.Arbitrary<fc.Arbitrary<unknown>> = fc.constantFrom<fc.Arbitrary<unknown>>(
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('a', 'é', '日', '🎈'), maxLength: 100 }),
  fc.constantFrom('red', 'green', 'blue'),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 40 }),
);

const column: fc.Arbitrary<fc.Arbitrary<unknown>> = fc.letrec<{ column: fc.Arbitrary<unknown> }>((tie) => ({
  column: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf.map((value) => fc.option(value)),
    tie('column').map((element) => fc.option(fc.array(element, { maxLength: 4 }))),
    fc
      .dictionary(fc.constantFrom('a', 'b', '__proto__', 'x y', ''), tie('column'), {
        minKeys: 1,
        noNullPrototype: true,
      })
      .map((fields) => fc.option(fc.record(fields, { noNullPrototype: true }))),
    tie('column').map((value) =>
      fc.option(
        fc.array(fc.tuple(fc.string({ maxLength: 3 }), value), { maxLength: 3 }).map((pairs) => new Map(pairs)),
      ),
    ),
  ),
})).column;

const table: fc.Arbitrary<Record<string, unknown>[]> = fc
  .dictionary(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), column, {
    minKeys: 1,
    maxKeys: 5,
    noNullPrototype: true,
  })
  .chain((columns) => fc.array(fc.record(columns, { noNullPrototype: true }), { maxLength: 40 }));

const options: fc.Arbitrary<ParquetWriteOptions> = fc.record({
  compression: fc.constantFrom<ParquetCompression>('none', 'snappy', 'gzip', 'lz4', 'brotli', 'zstd'),
  dictionary: fc.boolean(),
});

describe('writing and reading Parquet', () => {
  it('gives back the rows that were written', () => {
    fc.assert(
      fc.property(table, options, (rows, writeOptions) => {
        expect(readBytes(writeRows(rows, writeOptions))).toStrictEqual(rows);
      }),
      { numRuns: 400 },
    );
  });
});
