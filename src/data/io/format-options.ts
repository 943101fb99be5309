import type { ArrowWriteOptions } from './arrow/arrow-file-writer.ts';
import type { CsvOutputOptions } from './csv/csv-encoder.ts';
import type { CsvOptions } from './csv/csv-options.ts';
import type { JsonLinesOutputOptions } from './json/json-lines-encoder.ts';
import { checkKnownOptions } from './known-options.ts';
import type { CompressionOptions, OutputMode, OutputSpec, PartitionOptions } from './output-spec.ts';
import type { ParquetReadOptions } from './parquet/parquet-options.ts';
import type { ParquetWriteOptions } from './parquet/write-options.ts';
import type { PartitionReadOptions } from './partition-pruning.ts';
import type { JsonLinesOptions, SourceSpec, TextOptions } from './source-spec.ts';

/** The options of a type, each once: the compiler finds the one that was left out. */
type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

const minPartitions: NamesOf<{ minPartitions: number }> = { minPartitions: true };
const partitionsToRead: NamesOf<PartitionReadOptions> = { keepPartition: true, partitionTypes: true };
const text: NamesOf<TextOptions> = { encoding: true, invalidUtf8: true };
const csv: NamesOf<Omit<CsvOptions, 'planned'>> = {
  header: true,
  delimiter: true,
  quote: true,
  escape: true,
  comment: true,
  nullValue: true,
  trim: true,
  encoding: true,
  schema: true,
  columns: true,
  mode: true,
  multiLine: true,
  inferSchema: true,
  inferDates: true,
  sampleRows: true,
};
const jsonLines: NamesOf<JsonLinesOptions> = { mode: true, int64: true, encoding: true };
const parquet: NamesOf<ParquetReadOptions> = {
  columns: true,
  int64: true,
  timestamps: true,
  filter: true,
  mergeSchema: true,
  verifyChecksums: true,
};

/** Those that are read with options. */
type NamedFormat = Exclude<SourceSpec['format'], 'object' | 'binaryFiles' | 'binaryRecords'>;

const readOptions: Readonly<Record<NamedFormat, NamesOf<object>>> = {
  text,
  wholeText: text,
  csv: { ...csv, ...partitionsToRead, ...minPartitions },
  jsonLines: { ...jsonLines, ...partitionsToRead, ...minPartitions },
  parquet: { ...parquet, ...partitionsToRead, ...minPartitions },
  arrow: partitionsToRead,
};

const mode: NamesOf<{ mode: OutputMode }> = { mode: true };
const compression: NamesOf<CompressionOptions> = { compression: true };
const partitionsToWrite: NamesOf<PartitionOptions> = { partitionBy: true };
const csvOutput: NamesOf<CsvOutputOptions> = {
  header: true,
  columns: true,
  delimiter: true,
  quote: true,
  nullValue: true,
};
const jsonLinesOutput: NamesOf<JsonLinesOutputOptions> = { nonFinite: true };
const arrowOutput: NamesOf<ArrowWriteOptions> = { ipc: true };
const parquetOutput: NamesOf<ParquetWriteOptions> = {
  schema: true,
  compression: true,
  rowGroupSize: true,
  pageRows: true,
  dictionary: true,
  bloomFilters: true,
  keyValues: true,
  sortBy: true,
  maxFileSize: true,
};

const writeOptions: Readonly<Record<OutputSpec['format'], NamesOf<object>>> = {
  text: { ...mode, ...compression },
  csv: { ...mode, ...csvOutput, ...compression, ...partitionsToWrite },
  jsonLines: { ...mode, ...jsonLinesOutput, ...compression, ...partitionsToWrite },
  arrow: { ...mode, ...arrowOutput, ...partitionsToWrite },
  parquet: { ...mode, ...parquetOutput, ...partitionsToWrite },
  object: mode,
};

/**
 * Refuses options that a format is not read with.
 * @throws {MillraceError} MR_OPTION_INVALID naming the option and the nearest one that there is
 */
export function checkReadOptionNames(operator: string, format: NamedFormat, options: object): void {
  checkKnownOptions(operator, options, Object.keys(readOptions[format]));
}

/**
 * Refuses options that a format is not written with.
 * @param others what the operator takes besides
 * @throws {MillraceError} MR_OPTION_INVALID naming the option and the nearest one that there is
 */
export function checkWriteOptionNames(
  operator: string,
  format: OutputSpec['format'],
  options: object,
  others: readonly string[],
): void {
  checkKnownOptions(operator, options, [...Object.keys(writeOptions[format]), ...others]);
}
