import { pathToFileURL } from 'node:url';
import type { FileStatus, RandomAccessFile } from '../../../../../src/data/io/file-system.ts';
import { FileSystems } from '../../../../../src/data/io/file-systems.ts';
import type { ParquetReadOptions } from '../../../../../src/data/io/parquet/parquet-options.ts';
import { type ParquetPlan, planParquet } from '../../../../../src/data/io/parquet/plan.ts';
import { readParquetSplit } from '../../../../../src/data/io/parquet/read-split.ts';

const fileSystems = new FileSystems();

function statusOf(path: string): FileStatus {
  const uri = pathToFileURL(path).href;
  const entry = fileSystems.of(uri).stat(uri);
  if (entry?.kind !== 'file') throw new Error(`${path} is not there`);
  return entry.status;
}

function openFile(status: FileStatus): RandomAccessFile {
  return fileSystems.of(status.uri).openRead(status.uri, status);
}

function planFiles(paths: readonly string[], options: ParquetReadOptions = {}, minPartitions = 1): ParquetPlan {
  return planParquet(paths.map(statusOf), options, { open: openFile, minPartitions });
}

/** The rows of files, and the plan they were read by. */
export function readFiles(
  paths: readonly string[],
  options: ParquetReadOptions = {},
): { readonly rows: Record<string, unknown>[]; readonly plan: ParquetPlan } {
  const plan = planFiles(paths, options);
  const rows: Record<string, unknown>[] = [];
  for (const split of plan.splits) {
    const file = openFile(split);
    try {
      for (const batch of readParquetSplit(file, split, plan.options))
        for (const row of batch) rows.push(row as Record<string, unknown>);
    } finally {
      file.close();
    }
  }
  return { rows, plan };
}
