import { mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { planSource } from '../../../src/data/io/source.ts';
import type { SourceSpec } from '../../../src/data/io/source-spec.ts';
import { readRows, scratchDirectory } from './scratch.ts';

const parquet = createRequire(import.meta.url)('parquetjs-lite');
const directory = scratchDirectory();

it('reads Parquet files with the columns of their Hive directories, and opens only the partitions that are wanted', async () => {
  for (const year of [2025, 2026]) {
    mkdirSync(join(directory, `year=${year}`));
    const schema = new parquet.ParquetSchema({ name: { type: 'UTF8' }, n: { type: 'DOUBLE' } });
    const writer = await parquet.ParquetWriter.openFile(schema, join(directory, `year=${year}`, 'a.parquet'));
    for (let n = 0; n < 3; n++) await writer.appendRow({ name: `row ${n}`, n: year + n / 2 });
    await writer.close();
  }
  const source: SourceSpec = { format: 'parquet', paths: [directory], options: { columns: ['n', 'year'] } };
  expect(readRows(source)).toEqual(
    [2025, 2025.5, 2026, 2026, 2026.5, 2027].map((n, index) => ({ n, year: index < 3 ? 2025 : 2026 })),
  );
  renameSync(join(directory, 'year=2025/a.parquet'), join(directory, 'year=2025/b.parquet'));
  const plan = planSource(source, { minPartitions: 1, keepPartition: ({ year }) => year === 2026 });
  expect(structuredClone(plan)).toMatchObject({ splits: [{ partitionValues: { year: 2026 } }] });
});
