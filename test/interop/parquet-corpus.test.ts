import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import type { ParquetReadOptions } from '../../src/data/io/parquet/parquet-options.ts';
import { corpusText } from '../data/io/parquet/support/corpus-text.ts';
import { readFiles } from '../data/io/parquet/support/read-parquet.ts';

/** The part of apache/parquet-testing that lies beside the repository; its README says how values are written. */
const { MILLRACE_CORPUS: corpus = resolve(import.meta.dirname, '../../../shared/corpora') } = process.env;
const folder = join(corpus, 'parquet-testing');

interface Expected {
  readonly file: string;
  readonly rows?: number;
  readonly columns?: readonly { readonly name: string; readonly values: readonly unknown[] }[];
  readonly error?: string;
}

/** Read only when told not to look at checksums: their pages were damaged on purpose, and pyarrow does not check. */
const damaged = ['datapage_v1-corrupt-checksum.parquet', 'rle-dict-uncompressed-corrupt-checksum.parquet'];

const files = existsSync(folder) ? readdirSync(join(folder, 'data')).filter((name) => name.endsWith('.parquet')) : [];

describe('apache/parquet-testing', () => {
  it('is there to be read', () => {
    expect(
      files.length,
      `no corpus in ${folder}: set MILLRACE_CORPUS to the folder that holds parquet-testing`,
    ).toBeGreaterThan(0);
  });

  for (const name of files) {
    const path = join(folder, 'data', name);
    const expected = JSON.parse(readFileSync(join(folder, 'expected', `${name}.json`), 'utf8')) as Expected;
    if (expected.columns === undefined) {
      it(`says what is wrong with ${name}`, () => {
        expectNamedError(() => readFiles([path]), path);
      });
      continue;
    }
    const isDamaged = damaged.includes(name);
    if (isDamaged)
      it(`refuses ${name}, whose checksum is wrong`, () => {
        expectNamedError(() => readFiles([path]), path);
      });
    it(`reads ${name} as pyarrow does`, () => {
      expect(readAsCorpus(path, isDamaged ? { verifyChecksums: false } : {})).toEqual({
        rows: expected.rows,
        columns: expected.columns?.map(({ name: column, values }) => ({ name: column, values })),
      });
    });
  }
});

function readAsCorpus(path: string, options: ParquetReadOptions): unknown {
  const { rows, plan } = readFiles([path], { ...options, timestamps: 'text' });
  const columns = plan.options.schema.fields.map(({ name, type }) => ({
    name,
    values: rows.map((row) => corpusText(row[name], type)),
  }));
  return { rows: rows.length, columns };
}

function expectNamedError(read: () => unknown, path: string): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    expect((error as MillraceError).code).toMatch(/^MR_(PARSE|UNSUPPORTED)$/);
    expect((error as MillraceError).message).toContain(path);
    return;
  }
  expect.fail(`${path} was read without an error`);
}
