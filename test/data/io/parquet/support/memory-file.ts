import { columnBatch } from '../../../../../src/data/columnar/column-batch.ts';
import { encodeBatch } from '../../../../../src/data/columnar/row-codec.ts';
import type { RandomAccessFile, WritableFile } from '../../../../../src/data/io/file-system.ts';
import type { ParquetReadOptions } from '../../../../../src/data/io/parquet/parquet-options.ts';
import { type ParquetPlan, planParquet } from '../../../../../src/data/io/parquet/plan.ts';
import { readParquetSplit } from '../../../../../src/data/io/parquet/read-split.ts';
import type { ParquetWriteOptions } from '../../../../../src/data/io/parquet/write-options.ts';
import { openParquetWriter } from '../../../../../src/data/io/parquet/writer.ts';

/** Bytes as a file, which counts what is read of it. */
export class MemoryFile implements RandomAccessFile {
  readonly uri: string;
  readonly bytes: Uint8Array;
  readonly reads: { readonly position: number; readonly length: number }[] = [];

  constructor(bytes: Uint8Array, uri = 'memory://test.parquet') {
    this.bytes = bytes;
    this.uri = uri;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  readInto(target: Uint8Array, position: number): number {
    const part = this.bytes.subarray(position, position + target.length);
    target.set(part);
    this.reads.push({ position, length: part.length });
    return part.length;
  }

  checkUnchanged(): void {}

  close(): void {}
}

class MemoryTarget implements WritableFile {
  readonly uri = 'memory://test.parquet';
  readonly parts: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.parts.push(bytes.slice());
  }

  finish(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }

  abort(): void {
    this.parts.length = 0;
  }
}

/** The file that rows make. */
export function writeRows(rows: readonly unknown[], options: ParquetWriteOptions = {}, batchRows = 1000): Uint8Array {
  const target = new MemoryTarget();
  const writer = openParquetWriter(target, options);
  for (let start = 0; start < rows.length; start += batchRows) writer.write(rows.slice(start, start + batchRows));
  writer.finish();
  return new Uint8Array(Buffer.concat(target.parts));
}

/** The same, given as encoded batches, each in pieces of so many rows. */
export function writeBatches(
  rows: readonly unknown[],
  options: ParquetWriteOptions,
  { batchRows, pieceRows }: { readonly batchRows: number; readonly pieceRows: number },
): Uint8Array {
  const target = new MemoryTarget();
  const writer = openParquetWriter(target, options);
  for (let start = 0; start < rows.length; start += batchRows) {
    const batch = columnBatch(encodeBatch(rows, start, Math.min(start + batchRows, rows.length)));
    if (batch === undefined) writer.write(rows.slice(start, start + batchRows));
    else
      for (let from = 0; from < batch.numRows; from += pieceRows)
        writer.writeColumns(batch, from, Math.min(from + pieceRows, batch.numRows));
  }
  writer.finish();
  return new Uint8Array(Buffer.concat(target.parts));
}

export function planBytes(
  files: readonly MemoryFile[],
  options: ParquetReadOptions = {},
  minPartitions = 1,
): ParquetPlan {
  const statuses = files.map(({ uri, sizeBytes }) => ({ uri, sizeBytes, modifiedMs: 0 }));
  const open = ({ uri }: { readonly uri: string }): MemoryFile => files.find((file) => file.uri === uri)!;
  return planParquet(statuses, options, { open, minPartitions });
}

export function readMemory(files: readonly MemoryFile[], options: ParquetReadOptions = {}): Record<string, unknown>[] {
  const plan = planBytes(files, options);
  return plan.splits.flatMap((split) => {
    const file = files.find(({ uri }) => uri === split.uri)!;
    return [...readParquetSplit(file, split, plan.options)].flat() as Record<string, unknown>[];
  });
}

export function readBytes(bytes: Uint8Array, options: ParquetReadOptions = {}): Record<string, unknown>[] {
  return readMemory([new MemoryFile(bytes)], options);
}
