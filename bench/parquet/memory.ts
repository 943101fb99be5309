import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { list, verdict } from '../harness/report.ts';
import type { PartReport } from '../harness/run-scenarios.ts';

const mostMoreBytes = 64 * 2 ** 20;

/** One partition of so many rows and of eight times as many, written and read: memory must follow the row group, not the rows. */
export function measureParquetMemory(rows: number, folder: string): PartReport {
  const peakOf = (direction: string, count: number): number => {
    const command = ['dist-bench/contenders/parquet-memory.js', direction, join(folder, `memory-${count}`), `${count}`];
    return Number(execFileSync(process.execPath, command, { encoding: 'utf8' }));
  };
  const measured = ['write', 'read'].map((direction) => ({
    direction,
    peaks: [rows, 8 * rows].map((count) => peakOf(direction, count)),
  }));
  const megabytes = (bytes = Number.NaN): string => `${Math.round(bytes / 2 ** 20)} MB`;
  const lines = measured.map(({ direction, peaks }) => `| ${[direction, ...peaks.map(megabytes)].join(' | ')} |`);
  const verdicts = measured.map(({ direction, peaks: [less = 0, more = Number.NaN] }) =>
    verdict(
      more - less <= mostMoreBytes,
      `to ${direction} eight times the rows takes ${megabytes(more - less)} more (bar: ${megabytes(mostMoreBytes)})`,
    ),
  );
  const section = `### parquet: memory

One partition of five columns in row groups of 122,880 rows, one worker, one run each: the greatest resident size of the whole process.

| | ${rows.toLocaleString('en-US')} rows | ${(8 * rows).toLocaleString('en-US')} rows |
|---|---|---|
${lines.join('\n')}

${list(verdicts)}`;
  return { sections: [section], verdicts };
}
