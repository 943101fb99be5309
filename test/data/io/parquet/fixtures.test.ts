import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusText } from './support/corpus-text.ts';
import { readFiles } from './support/read-parquet.ts';

/** Files that pyarrow 26 wrote, of every type, encoding and page version it has, and beside each what it reads from them. */
const folder = join(import.meta.dirname, 'fixtures');

interface Expected {
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly values: readonly unknown[] }[];
}

describe('files of pyarrow', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json')))
    it(`are read exactly: ${name.replace('.json', '')}`, () => {
      const expected = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Expected;
      const path = join(folder, name.replace('.json', '.parquet'));
      const { rows, plan } = readFiles([path], { timestamps: 'text' });
      const columns = plan.options.schema.fields.map(({ name: column, type }) => ({
        name: column,
        values: rows.map((row) => corpusText(row[column], type)),
      }));
      expect({ rows: rows.length, columns }).toEqual(expected);
    });

  it('with an encrypted footer are said to be encrypted', () => {
    const path = join(folder, 'encrypted-footer.parquet');
    expect(() => readFiles([path])).toThrow(
      expect.objectContaining({
        code: 'MR_UNSUPPORTED',
        message: expect.stringContaining(`${path}, byte 1829: its footer is encrypted`),
      }),
    );
  });

  it('with an encrypted column are read without it', () => {
    const path = join(folder, 'encrypted-columns.parquet');
    expect(() => readFiles([path])).toThrow(/encrypted-columns\.parquet: column a is encrypted\. Leave it out/);
    expect(readFiles([path], { columns: ['b', 'c'] }).rows).toEqual([
      { b: 'x', c: 1.5 },
      { b: 'y', c: null },
      { b: 'z', c: 2.5 },
    ]);
  });
});
