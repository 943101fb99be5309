import type { RowTest } from '../../base/closures/row-tests.ts';
import type { CsvOptions } from './csv/csv-options.ts';
import type { FileSystems } from './file-systems.ts';
import { checkOneOf } from './known-options.ts';
import type { ParquetReadOptions, PlannedParquetOptions } from './parquet/parquet-options.ts';
import type { PartitionReadOptions } from './partition-pruning.ts';
import type { Split } from './split.ts';

/** What to read, as a lineage node holds it: frozen, structured-clonable, no secret in it. */
export type SourceSpec =
  | { readonly format: 'text'; readonly paths: readonly string[]; readonly options: TextOptions }
  | { readonly format: 'wholeText'; readonly paths: readonly string[]; readonly options: TextOptions }
  | { readonly format: 'object'; readonly paths: readonly string[]; readonly options: Readonly<Record<string, never>> }
  | { readonly format: 'arrow'; readonly paths: readonly string[]; readonly options: Readonly<Record<string, never>> }
  | {
      readonly format: 'binaryFiles';
      readonly paths: readonly string[];
      readonly options: Readonly<Record<string, never>>;
    }
  | { readonly format: 'csv'; readonly paths: readonly string[]; readonly options: CsvOptions }
  | { readonly format: 'jsonLines'; readonly paths: readonly string[]; readonly options: JsonLinesOptions }
  | {
      readonly format: 'parquet';
      readonly paths: readonly string[];
      readonly options: ParquetReadOptions | PlannedParquetOptions;
    }
  | { readonly format: 'binaryRecords'; readonly paths: readonly string[]; readonly options: BinaryRecordsOptions };

export interface TextOptions {
  /** Default utf8. */
  readonly encoding?: 'utf8' | 'latin1' | undefined;
  /** Bytes that are not UTF-8: fail with MR_PARSE naming file and offset (default), or read them as U+FFFD. */
  readonly invalidUtf8?: 'fail' | 'replace' | undefined;
}

export interface JsonLinesOptions {
  /**
   * What to do with a line that is not JSON. fail: MR_PARSE naming file and line. dropMalformed: leave it out.
   * permissive: the row `{ _corruptRecord: line }`.
   */
  readonly mode?: 'fail' | 'dropMalformed' | 'permissive' | undefined;
  /** Integers beyond 2**53: auto (default) gives a bigint for those, number rounds them. */
  readonly int64?: 'auto' | 'number' | undefined;
  readonly encoding?: 'utf8' | 'latin1' | undefined;
}

export function checkTextOptions(operator: string, options: TextOptions): void {
  checkOneOf(operator, 'encoding', options.encoding, ['utf8', 'latin1']);
  checkOneOf(operator, 'invalidUtf8', options.invalidUtf8, ['fail', 'replace']);
}

export function checkJsonLinesOptions(options: JsonLinesOptions): void {
  checkOneOf('jsonLines', 'mode', options.mode, ['fail', 'dropMalformed', 'permissive']);
  checkOneOf('jsonLines', 'int64', options.int64, ['auto', 'number']);
  checkOneOf('jsonLines', 'encoding', options.encoding, ['utf8', 'latin1']);
}

export interface BinaryRecordsOptions {
  readonly recordLength: number;
}

export interface PlanSettings extends PartitionReadOptions {
  readonly minPartitions: number;
  readonly maxSplitBytes?: number | undefined;
  /** Default: only file:. */
  readonly fileSystems?: FileSystems | undefined;
}

/** What planning found: the source with what was inferred filled in, and one split a partition. */
export interface SourcePlan {
  readonly source: SourceSpec;
  readonly splits: readonly Split[];
  /** The URIs of all files that were listed, also those that pruning left out. */
  readonly files: readonly string[];
}

export interface ReadSettings {
  /** Default: only file:. */
  readonly fileSystems?: FileSystems | undefined;
  readonly use?: RowUse | undefined;
}

/**
 * What becomes of the rows of a source, so that a format may leave out what nobody can miss. Plain data.
 */
export interface RowUse {
  /** The properties that are read from a row; undefined: all may be. */
  readonly properties?: readonly string[] | undefined;
  /** Rows that fail all tests of one of these are dropped by what follows, unseen. */
  readonly clauses?: readonly (readonly RowTest[])[] | undefined;
}
