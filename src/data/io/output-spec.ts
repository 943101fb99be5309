import type { ArrowWriteOptions } from './arrow/arrow-file-writer.ts';
import type { CsvOutputOptions } from './csv/csv-encoder.ts';
import type { PendingUpload } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import type { JsonLinesOutputOptions } from './json/json-lines-encoder.ts';
import type { OutputCompression } from './output-compression.ts';
import type { ParquetSchema } from './parquet/schema.ts';
import type { ParquetWriteOptions } from './parquet/write-options.ts';

/**
 * error: refuse an output that exists and is not empty. overwrite: readers see the old output until the new one replaces
 * it whole. append: the new files are added, all at once. overwritePartitions: the new files replace those in the same
 * partition directories, and the other partitions stay.
 */
export type OutputMode = 'error' | 'overwrite' | 'append' | 'overwritePartitions';

export const outputModes: readonly OutputMode[] = ['error', 'overwrite', 'append', 'overwritePartitions'];

/** What to write and where, as a lineage node holds it. `uri` is a directory: part files and `_SUCCESS`. */
export type OutputSpec =
  | OutputOf<'text', CompressionOptions>
  | OutputOf<'csv', CsvOutputOptions & CompressionOptions & PartitionOptions>
  | OutputOf<'jsonLines', JsonLinesOutputOptions & CompressionOptions & PartitionOptions>
  | OutputOf<'object', Readonly<Record<string, never>>>
  | OutputOf<'arrow', ArrowWriteOptions & PartitionOptions>
  | OutputOf<'parquet', ParquetWriteOptions & PartitionOptions>;

export interface OutputOf<Format, Options> {
  readonly format: Format;
  readonly uri: string;
  readonly mode: OutputMode;
  readonly options: Options;
}

export interface CompressionOptions {
  /** Default none; adds .gz, .zst or .br to the names. */
  readonly compression?: OutputCompression | undefined;
}

export interface PartitionOptions {
  /** Columns whose values become directories, `year=2026/month=1`, and are left out of the files. */
  readonly partitionBy?: readonly string[] | undefined;
}

/** Where the attempts of one action write: plain data, made by `OutputCommitter.begin`, sent to the workers. */
export interface OutputStaging {
  readonly output: OutputSpec;
  readonly actionId: string;
  /** Attempts write below this URI, each in a directory of its own; undefined where uploads are completed instead. */
  readonly stagingUri?: string;
}

/** What one attempt wrote: plain data, sent to the driver, which publishes one attempt of each partition. */
export interface StagedPart {
  readonly partitionIndex: number;
  readonly attempt: number;
  readonly files: readonly StagedFile[];
  readonly rows: number;
  readonly sizeBytes: number;
  /** csv: the columns, which must be those of every other part. */
  readonly columns?: readonly string[];
  /** parquet: the schema of each file. */
  readonly schemas?: readonly ParquetSchema[];
}

export interface StagedFile {
  readonly stagedUri: string;
  /** Where it goes, relative to the output: `part-00000.csv`, or below partition directories. */
  readonly path: string;
  readonly sizeBytes: number;
  /** What completes it, on a store without renames. */
  readonly upload?: PendingUpload;
}

export interface OutputSettings {
  /** Default: only file:. */
  readonly fileSystems?: FileSystems | undefined;
}
