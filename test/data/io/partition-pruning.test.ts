import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSystems } from '../../../src/data/io/file-systems.ts';
import { LocalFileSystem } from '../../../src/data/io/local-file-system.ts';
import { OutputCommitter } from '../../../src/data/io/output-committer.ts';
import type { OutputSpec } from '../../../src/data/io/output-spec.ts';
import { createPartWriter } from '../../../src/data/io/part-writer.ts';
import type { PartitionReadOptions } from '../../../src/data/io/partition-pruning.ts';
import type { SourceSpec } from '../../../src/data/io/source-spec.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { readRows, scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();

/** Counts the files that are opened to be read. */
class CountingFileSystem extends LocalFileSystem {
  readonly opened = new Set<string>();

  override openRead(...args: Parameters<LocalFileSystem['openRead']>): ReturnType<LocalFileSystem['openRead']> {
    this.opened.add(args[0]);
    return super.openRead(...args);
  }
}

const rows = [2024, 2025, 2026].flatMap((year) =>
  Array.from({ length: 12 }, (_, month) => ({ v: year + month, year, month: month + 1 })),
);

function saved(format: 'csv' | 'jsonLines' | 'parquet' | 'arrow'): string {
  const uri = toUri(join(directory, format));
  const output = { format, uri, mode: 'overwrite', options: { partitionBy: ['year', 'month'] } } as OutputSpec;
  const committer = new OutputCommitter(output, 'save');
  const part = createPartWriter(committer.begin(), 0, 0);
  part.write(rows);
  committer.commit([part.finish()]);
  return uri;
}

describe.each(['csv', 'jsonLines', 'parquet', 'arrow'] as const)('partition pruning of %s', (format) => {
  const uri = saved(format);
  const read = (settings: PartitionReadOptions, options: object = {}): { found: unknown[]; opened: number } => {
    const system = new CountingFileSystem();
    const fileSystems = new FileSystems([system]);
    const own = format === 'csv' ? { header: true, ...options } : options;
    const found = readRows({ format, paths: [uri], options: own } as SourceSpec, { fileSystems, ...settings });
    return { found, opened: system.opened.size };
  };
  const byValue = (a: unknown, b: unknown): number => (a as { v: number }).v - (b as { v: number }).v;

  it('opens the files of the wanted partitions only', () => {
    const all = read({});
    expect(all.found.toSorted(byValue)).toEqual(rows.toSorted(byValue));
    expect(all.opened).toBe(36);
    const some = read({ keepPartition: ({ year, month }) => year === 2025 && (month as number) > 10 });
    expect(some.found).toEqual([
      { v: 2035, year: 2025, month: 11 },
      { v: 2036, year: 2025, month: 12 },
    ]);
    expect(some.opened).toBe(2);
    expect(read({ keepPartition: () => false })).toEqual({ found: [], opened: 0 });
  });

  it('gives partition columns the types asked for', () => {
    const [row] = read({
      keepPartition: ({ year, month }) => year === '2026' && month === 1n,
      partitionTypes: { year: 'string', month: 'bigint' },
    }).found;
    expect(row).toEqual({ v: 2026, year: '2026', month: 1n });
    expect(() => read({ partitionTypes: { year: 'boolean' } })).toThrow(
      /the partition column "year" has the value "2024", which is not a boolean/,
    );
  });

  it('prunes by a filter on partition columns, and reads only the columns asked for', () => {
    if (format === 'parquet') {
      const filter = [
        { column: 'year', op: '>=', value: 2026 },
        { column: 'month', op: 'in', value: [1, 2n] },
        { column: 'v', op: '>', value: 2026 },
      ];
      expect(read({}, { filter })).toEqual({ found: [{ v: 2027, year: 2026, month: 2 }], opened: 2 });
      expect(() => read({}, { filter: [{ column: 'year', op: '=', value: 'x' }] })).toThrow(
        /filter year = "x": the partition column holds values such as "2024"/,
      );
    }
    const keepPartition = ({ year, month }: { year?: unknown; month?: unknown }): boolean =>
      year === 2024 && month === 3;
    const columns = format === 'csv' || format === 'parquet' ? { columns: ['v', 'month'] } : {};
    const [row] = read({ keepPartition }, columns).found;
    expect(row).toEqual({ v: 2026, month: 3, ...('columns' in columns ? {} : { year: 2024 }) });
  });
});

describe('partition columns', () => {
  const csv = (paths: readonly string[], settings: PartitionReadOptions = {}, options: object = {}): unknown[] =>
    readRows({ format: 'csv', paths, options: { header: true, ...options } }, settings);

  it('are bigints where an integer is beyond 2^53, and strings where one looks like no number', () => {
    for (const name of ['a=9007199254740993/b=1', 'a=-5/b=01x', 'a=__HIVE_DEFAULT_PARTITION__/b=1.5'])
      writeFile(join(directory, `typed/${name}/x.csv`), 'v\n1\n');
    expect(csv([join(directory, 'typed')])).toEqual([
      { v: 1, a: -5n, b: '01x' },
      { v: 1, a: 9007199254740993n, b: '1' },
      { v: 1, a: null, b: '1.5' },
    ]);
  });

  it('take their types from the schema of a csv as well', () => {
    writeFile(join(directory, 'days/day=2026-01-31/x.csv'), 'v\n1\n');
    const schema = { day: 'date', v: 'string' };
    expect(csv([join(directory, 'days')], {}, { schema })).toEqual([{ v: '1', day: new Date('2026-01-31') }]);
  });

  it('are missed when keepPartition is given and there are none', () => {
    const path = writeFile(join(directory, 'plain.csv'), 'v\n1\n');
    expect(() => csv([path], { keepPartition: () => true })).toThrow(/lies in no partition directory/);
  });
});
