import type { ColumnBatch } from '../columnar/column-batch.ts';
import type { ParquetSchema } from './parquet/schema.ts';

export interface FinishedPartFile {
  readonly sizeBytes: number;
  /** csv: the columns it has. */
  readonly columns?: readonly string[];
  /** parquet: the schema it has. */
  readonly schema?: ParquetSchema;
  /** arrow: rows that were handed to it and have to go to another file. */
  readonly rest?: readonly unknown[];
}

/** Writes rows into one file of an output's format. */
export interface PartFileWriter {
  /** Whether the file is as large as files should become. */
  readonly isFull?: boolean;
  /** About how many bytes of rows are held, to be written together. */
  readonly bufferedBytes?: number;
  /** Writes what is held. */
  flush?(): void;
  write(rows: readonly unknown[]): void;
  /** Writes rows[from..to) of a batch without making objects of them, where the format is one of columns. */
  writeColumns?(batch: ColumnBatch, from: number, to: number): void;
  /** @returns what the file holds; undefined if it was given up because it would say nothing */
  finish(): FinishedPartFile | undefined;
  abort(): void;
}
