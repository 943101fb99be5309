import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../../src/base/errors.ts';
import type { ParquetCompression } from '../../../../src/data/io/parquet/write-options.ts';
import { readBytes, writeRows } from './support/memory-file.ts';

const rows = Array.from({ length: 500 }, (_, index) => ({
  id: index % 3 === 0 ? null : index,
  price: index / 7,
  text: `text ${index % 20}`,
  unique: `unique ${index}`,
  tags: index % 4 === 0 ? null : [`a${index}`, null],
  map: new Map([[`k${index % 3}`, { x: index, y: index % 2 === 0 }]]),
}));

const files = (['none', 'snappy', 'gzip', 'zstd', 'lz4', 'brotli'] as const).map(
  (compression: ParquetCompression) =>
    [compression, writeRows(rows, { compression, rowGroupSize: 200, pageRows: 50, bloomFilters: ['unique'] })] as const,
);

/** Reads damaged bytes. The only way out but rows is an error that says what is wrong. */
function readDamaged(bytes: Uint8Array, verifyChecksums: boolean): unknown[] | undefined {
  try {
    return readBytes(bytes, { verifyChecksums });
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code === 'MR_BUG') throw error;
    expect(error.code).toMatch(/^MR_(PARSE|UNSUPPORTED|SCHEMA)$/);
    expect(error.message).toContain('test.parquet');
    return undefined;
  }
}

describe('a damaged file', () => {
  for (const [compression, bytes] of files) {
    it(`is refused wherever it is cut off (${compression})`, () => {
      fc.assert(
        fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
          expect(() => readBytes(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'MR_PARSE' }));
        }),
        { numRuns: 60 },
      );
    });

    it(`gives its rows or an error, and never anything else, with flipped bits (${compression})`, () => {
      const dataEnd = dataEndOf(bytes);
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat({ max: dataEnd - 5 }), fc.nat({ max: 7 })), { minLength: 1, maxLength: 5 }),
          (flips) => {
            const damaged = bytes.slice();
            for (const [position, bit] of flips) damaged[position + 4]! ^= 1 << bit;
            const read = readDamaged(damaged, true);
            // A flip may hit what is not read, or be undone; what was read is what was written.
            if (read !== undefined) expect(read).toEqual(rows);
          },
        ),
        { numRuns: 60 },
      );
    });

    it(`never crashes or hangs without checksums or with a damaged footer (${compression})`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
          (writes) => {
            const damaged = bytes.slice();
            for (const [position, byte] of writes) damaged[position] = byte;
            readDamaged(damaged, false);
          },
        ),
        { numRuns: 150 },
      );
    });
  }

  it('is no Parquet file when it does not end as one', () => {
    expect(() => readBytes(new Uint8Array(0))).toThrow(/has at least 12 bytes, this one has 0/);
    expect(() => readBytes(new Uint8Array(1000).fill(65))).toThrow(/byte 996: it does not end with "PAR1"/);
  });

  it('is said to be encrypted when its footer is', () => {
    const bytes = files[0]![1].slice();
    bytes.set(Buffer.from('PARE'), bytes.length - 4);
    expect(() => readBytes(bytes)).toThrow(
      expect.objectContaining({ code: 'MR_UNSUPPORTED', message: expect.stringContaining('encrypted') }),
    );
  });
});

/** Where pages end and indexes and footer begin. */
function dataEndOf(bytes: Uint8Array): number {
  const footerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  return bytes.length - 8 - footerLength;
}
