import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContenderPlan } from '../harness/contender.ts';
import { type BenchSettings, type JudgedScenario, type PartReport, runScenarios } from '../harness/run-scenarios.ts';
import { type Format, formats, writeSales } from './sales.ts';

/** CSV and JSON lines beside plain scripts and DuckDB. */
export async function runTextFormatsBench(settings: BenchSettings): Promise<PartReport> {
  const folder = settings.isSmoke ? 'bench/data/smoke' : 'bench/data';
  const rows = settings.isSmoke ? 20_000 : 1_000_000;
  mkdirSync(folder, { recursive: true });
  const output = mkdtempSync(join(tmpdir(), 'millrace-bench-text-'));
  try {
    return await runScenarios(
      formats.flatMap((format) => scenariosOf(format, { folder, rows, output })),
      settings,
    );
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function scenariosOf(
  format: Format,
  { folder, rows, output }: { readonly folder: string; readonly rows: number; readonly output: string },
): JudgedScenario[] {
  const input = join(folder, `text-${rows}.${format}`);
  if (!existsSync(input)) writeSales(format, input, rows);
  const { size: bytes } = statSync(input);
  const title = format === 'csv' ? 'CSV' : 'JSON lines';
  const contender = (program: string, query: string, name: string): ContenderPlan => ({
    name,
    command: process.execPath,
    args: [
      '--expose-gc',
      'dist-bench/contenders/text-formats.js',
      program,
      query,
      format,
      input,
      join(output, `${program}.${format}`),
      String(rows),
    ],
  });
  const millrace = 'millrace, 2 workers';
  return [
    {
      scenario: {
        name: `${title}: read`,
        description:
          'Rows of six columns as objects, the sum of one column; "whole rows" asks for the names of all. csv-parse gives texts only.',
        rows,
        bytes,
        contenders: [
          contender('millrace', 'sum', millrace),
          contender('millrace', 'whole-rows', `${millrace}, whole rows`),
          contender('plain', 'sum', format === 'csv' ? 'csv-parse' : '`JSON.parse` a line'),
          contender('duckdb', 'sum', 'DuckDB, 2 threads'),
        ],
        bars: [],
      },
    },
    {
      scenario: {
        name: `${title}: write`,
        description: 'The same rows, made from their numbers.',
        rows,
        bytes,
        contenders: [
          contender('millrace', 'write', millrace),
          contender('plain', 'write', 'a plain script'),
          contender('duckdb', 'write', 'DuckDB, 2 threads'),
        ],
        bars: [],
      },
    },
  ];
}
