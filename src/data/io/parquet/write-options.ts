import { MillraceError } from '../../../base/errors.ts';
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
}

/** The options with defaults filled in and checked. */
export interface ResolvedWriteOptions {
  readonly schema: ParquetSchema | undefined;
  readonly codec: Codec;
  readonly rowGroupSize: number;
  readonly pageRows: number;
  readonly dictionary: boolean;
  readonly bloomFilters: readonly string[];
  readonly keyValues: Readonly<Record<string, string>>;
}

const codecOf: Readonly<Record<ParquetCompression, Codec>> = {
  snappy: 'SNAPPY',
  gzip: 'GZIP',
  zstd: 'ZSTD',
  lz4: 'LZ4_RAW',
  brotli: 'BROTLI',
  none: 'UNCOMPRESSED',
};

export function resolveWriteOptions(options: ParquetWriteOptions): ResolvedWriteOptions {
  const { compression = 'snappy', rowGroupSize = 122_880, pageRows = 20_000, schema } = options;
  if (!Object.hasOwn(codecOf, compression))
    throw invalid(`compression must be one of ${Object.keys(codecOf).join(', ')}, got "${compression}"`);
  for (const [name, value] of Object.entries({ rowGroupSize, pageRows }))
    if (!Number.isInteger(value) || value < 1) throw invalid(`${name} must be an integer of at least 1, got ${value}`);
  return {
    schema: schema === undefined ? undefined : parseSchema(schema),
    codec: codecOf[compression],
    rowGroupSize,
    pageRows,
    dictionary: options.dictionary ?? true,
    bloomFilters: options.bloomFilters ?? [],
    keyValues: options.keyValues ?? {},
  };
}

function invalid(reason: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `writing Parquet: ${reason}.`);
}
