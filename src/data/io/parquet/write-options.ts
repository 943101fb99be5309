import { byteSize } from '../../../base/byte-size.ts';
import { MillraceError } from '../../../base/errors.ts';
import { checkOneOf } from '../known-options.ts';
import type { Codec } from './format/parquet-format.ts';
import { parseSchema, type SchemaText } from './parse-schema.ts';
import type { ParquetSchema } from './schema.ts';

export type ParquetCompression = 'snappy' | 'gzip' | 'zstd' | 'lz4' | 'brotli' | 'none';

/** How to write Parquet. Plain data. */
export interface ParquetWriteOptions {
  /** Default: inferred from the rows of the first row group. */
  readonly schema?: ParquetSchema | SchemaText | undefined;
  /** Default snappy. */
  readonly compression?: ParquetCompression | undefined;
  /** Rows of a row group, default 122880; fewer where rows are large. Row groups are what readers split and skip. */
  readonly rowGroupSize?: number | undefined;
  /** Rows of a page, default 20000: what readers skip inside of a row group. Pages also end at about 1 MiB. */
  readonly pageRows?: number | undefined;
  /** Texts that repeat are written once. Default true. */
  readonly dictionary?: boolean | undefined;
  /** Columns that get a bloom filter a row group, by name; nested ones as paths of their struct fields. */
  readonly bloomFilters?: readonly string[] | undefined;
  /** Entries for the footer. */
  readonly keyValues?: Readonly<Record<string, string>> | undefined;
  /**
   * Sorts the rows of each partition by these columns before they are written, in the order that `sortBy` of an RDD has (null first):
   * row groups and pages then hold narrow ranges, which readers skip. Spills to disk where memory is short.
   */
  readonly sortBy?: string | readonly SortKey[] | undefined;
  /** A partition goes on in another file when one is about this large: bytes, or text such as `'128mb'`. Default: one file. */
  readonly maxFileSize?: number | string | undefined;
}

export type SortKey = string | { readonly column: string; readonly descending?: boolean | undefined };

/** The options with defaults filled in and checked. */
export interface ResolvedWriteOptions {
  readonly schema: ParquetSchema | undefined;
  readonly codec: Codec;
  readonly rowGroupSize: number;
  readonly pageRows: number;
  readonly dictionary: boolean;
  readonly bloomFilters: readonly string[];
  readonly keyValues: Readonly<Record<string, string>>;
  readonly sortBy: readonly ResolvedSortKey[];
  readonly maxFileBytes: number;
}

export interface ResolvedSortKey {
  readonly column: string;
  readonly descending: boolean;
}

const codecOf: Readonly<Record<ParquetCompression, Codec>> = {
  snappy: 'SNAPPY',
  gzip: 'GZIP',
  zstd: 'ZSTD',
  lz4: 'LZ4_RAW',
  brotli: 'BROTLI',
  none: 'UNCOMPRESSED',
};

/**
 * @throws {MillraceError} MR_OPTION_INVALID for a value that an option cannot have
 */
export function resolveWriteOptions(options: ParquetWriteOptions): ResolvedWriteOptions {
  const { compression = 'snappy', rowGroupSize = 122_880, pageRows = 20_000, schema } = options;
  if (!Object.hasOwn(codecOf, compression))
    throw invalid(`compression must be one of ${Object.keys(codecOf).join(', ')}, got "${compression}"`);
  for (const [name, value] of Object.entries({ rowGroupSize, pageRows }))
    if (!Number.isInteger(value) || value < 1) throw invalid(`${name} must be an integer of at least 1, got ${value}`);
  checkOneOf('writing Parquet', 'dictionary', options.dictionary, [true, false]);
  const { bloomFilters = [], keyValues = {} } = options;
  if (!Array.isArray(bloomFilters) || !bloomFilters.every((name) => typeof name === 'string'))
    throw invalid(`bloomFilters must be an array of column names, got ${JSON.stringify(bloomFilters)}`);
  for (const [name, value] of Object.entries(keyValues))
    if (typeof value !== 'string') throw invalid(`keyValues["${name}"] must be text, got ${String(value)}`);
  if (schema === null || (schema !== undefined && typeof schema !== 'object'))
    throw invalid(`schema must be an object of types by column name, got ${String(schema)}`);
  return {
    schema: schema === undefined ? undefined : parseSchema(schema),
    codec: codecOf[compression],
    rowGroupSize,
    pageRows,
    dictionary: options.dictionary ?? true,
    bloomFilters,
    keyValues,
    sortBy: sortKeys(options.sortBy),
    maxFileBytes: maxFileBytes(options.maxFileSize),
  };
}

function sortKeys(sortBy: ParquetWriteOptions['sortBy'] = []): readonly ResolvedSortKey[] {
  return (typeof sortBy === 'string' ? [sortBy] : sortBy).map((key) => {
    const { column, descending = false } = typeof key === 'string' ? { column: key } : key;
    if (typeof column !== 'string') throw invalid(`sortBy must name columns, got ${String(column)}`);
    return { column, descending };
  });
}

function maxFileBytes(size: number | string | undefined): number {
  const bytes = size === undefined ? Number.POSITIVE_INFINITY : byteSize(size);
  if (bytes >= 1) return bytes;
  throw invalid(`maxFileSize must be a number of bytes or a text such as '128mb', got ${String(size)}`);
}

function invalid(reason: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `writing Parquet: ${reason}.`);
}
