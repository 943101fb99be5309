import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContenderPlan } from '../harness/contender.ts';
import { type BenchSettings, type JudgedScenario, type PartReport, runScenarios } from '../harness/run-scenarios.ts';
import type { Bar } from '../harness/scenario.ts';
import { measureParquetMemory } from './memory.ts';
import { ordersFile } from './orders.ts';
import { s3Scenarios } from './s3-scenarios.ts';
import { withS3Server } from './s3-server.ts';

/** Parquet files on disk and, when asked, on S3, beside other libraries. */
export async function runParquetBench(settings: BenchSettings, isOnS3: boolean): Promise<PartReport> {
  const rows = settings.isSmoke ? 20_000 : 500_000;
  const input = await ordersFile(settings.isSmoke ? 'bench/data/smoke' : 'bench/data', rows);
  const output = mkdtempSync(join(tmpdir(), 'millrace-bench-parquet-'));
  try {
    const scenarios = await runScenarios(diskScenarios(input, rows, output), settings);
    const memory =
      settings.only === undefined ? measureParquetMemory(settings.isSmoke ? 2_000 : 1_000_000, output) : none;
    const onDisk = together(scenarios, settings.isSmoke ? { ...memory, verdicts: [] } : memory);
    if (!isOnS3) return onDisk;
    const onS3 = await withS3Server(async (endpoint) => {
      const { scenarios, stop } = await s3Scenarios({ endpoint, input, rows });
      try {
        return await runScenarios(scenarios, settings);
      } finally {
        await stop();
      }
    });
    return together(onDisk, onS3);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

const none: PartReport = { sections: [], verdicts: [] };

function together(a: PartReport, b: PartReport): PartReport {
  return { sections: [...a.sections, ...b.sections], verdicts: [...a.verdicts, ...b.verdicts] };
}

function diskScenarios(input: string, rows: number, output: string): JudgedScenario[] {
  const { size: bytes } = statSync(input);
  const program = (name: string, script: string, ...args: readonly string[]): ContenderPlan => ({
    name,
    command: process.execPath,
    args: ['--expose-gc', `dist-bench/contenders/${script}.js`, ...args],
  });
  const millrace = (query: string, workers: number, name = `millrace, ${workers} worker${workers === 1 ? '' : 's'}`) =>
    program(name, 'parquet', query, input, join(output, query), String(workers));
  const other = (library: string, query: string, name: string) =>
    program(name, 'parquet-readers', library, query, input, join(output, `${library}.parquet`));
  const scenario = (name: string, description: string, contenders: ContenderPlan[], bars: Bar[] = []) => ({
    scenario: { name: `parquet: ${name}`, description, rows, bytes, contenders, bars },
  });
  const wasm = 'parquet-wasm, 1 thread';
  return [
    scenario(
      'all columns',
      'All nine columns of one snappy file that DuckDB wrote into Arrow columns; with DuckDB, a table of its own.',
      [
        millrace('all', 1),
        millrace('all', 2),
        other('parquet-wasm', 'all', wasm),
        other('duckdb-1', 'all', 'DuckDB, 1 thread'),
        other('duckdb-2', 'all', 'DuckDB, 2 threads'),
      ],
      [{ faster: 'millrace, 1 worker', slower: wasm, atLeast: 1 / 1.5, by: 'cpu' }],
    ),
    scenario(
      'two columns',
      'Two of them. parquet-wasm reads all of a file in memory, whatever its option `columns` says.',
      [millrace('two', 1), other('parquet-wasm', 'two', wasm), other('duckdb-1', 'two', 'DuckDB, 1 thread')],
    ),
    scenario('rows', 'All rows as objects in the program.', [
      millrace('objects', 2),
      other('hyparquet', 'objects', 'hyparquet'),
      other('duckdb-2', 'objects', 'DuckDB, `getRowObjectsJS()`'),
      { ...other('parquetjs-lite', 'objects', 'parquetjs-lite'), runs: 1 },
    ]),
    scenario('sum', 'The sum of a column: `map((row) => row.price).sum()`.', [
      millrace('sum', 1),
      millrace('sum', 2),
      other('duckdb-1', 'sum', 'DuckDB, 1 thread'),
      other('hyparquet', 'sum', 'hyparquet'),
    ]),
    scenario('row group', 'A hundred rows of one row group: `filter((row) => row.id >= 100 && row.id < 200)`.', [
      millrace('filter', 1),
      other('duckdb-1', 'filter', 'DuckDB, 1 thread'),
      other('parquet-wasm', 'filter', 'parquet-wasm, told which row group'),
    ]),
    scenario(
      'write',
      'Rows that are in memory into snappy files. parquet-wasm starts from an Arrow table and keeps the file in memory.',
      [
        millrace('write', 2, 'millrace, 2 workers'),
        millrace('write-inferred', 2, 'millrace, 2 workers, schema inferred'),
        other('duckdb-2', 'write', 'DuckDB, `COPY`, 2 threads'),
        other('parquet-wasm', 'write', wasm),
      ],
      [{ faster: 'millrace, 2 workers', slower: 'DuckDB, `COPY`, 2 threads', atLeast: 0.5, by: 'cpu' }],
    ),
  ];
}
