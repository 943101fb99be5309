import { MillraceError } from '../../../base/errors.ts';
import { checkOneOf } from '../known-options.ts';
import type { ColumnShape, ParquetLeaf } from './column-shape.ts';
import { checkCondition, type ParquetCondition } from './filter/condition.ts';
import type { ParquetSchema } from './schema.ts';

/** What to read of Parquet files and how. Plain data. */
export interface ParquetReadOptions {
  /** Columns, or parts of nested ones (`customer.address.city`, also inside of lists), in the order rows have them. Default: all. */
  readonly columns?: readonly string[] | undefined;
  /**
   * 64-bit integers as numbers or bigints. `auto`, the default, gives numbers for a column if the statistics of every file
   * say that all its values are below 2^53, and bigints otherwise: one of them for the whole column.
   * `number` fails on a value that would be rounded.
   */
  readonly int64?: 'auto' | 'bigint' | 'number' | undefined;
  /**
   * Timestamps: `auto`, the default, gives a Date where it is exact and ISO text with all digits where there are fractions
   * of a millisecond; `date` fails on those; `text` gives ISO text always; `bigint` gives the number of the column's units
   * since the epoch, in the finest unit where files differ.
   */
  readonly timestamps?: 'auto' | 'date' | 'text' | 'bigint' | undefined;
  /**
   * Only rows that fulfil all of these. A comparison with null is never true, as in SQL; texts compare by code points.
   * Row groups and pages that cannot have such rows are not read.
   */
  readonly filter?: readonly ParquetCondition[] | undefined;
  /** Files may have different columns: rows have the columns of all, null where a file lacks one. Default false. */
  readonly mergeSchema?: boolean | undefined;
  /** Fail on a page whose checksum is wrong, where there is one. Default true. */
  readonly verifyChecksums?: boolean | undefined;
}

/** Checks everything that can be checked without a file. */
export function checkParquetReadOptions(options: ParquetReadOptions): void {
  checkOneOf('parquet', 'int64', options.int64, ['auto', 'bigint', 'number']);
  checkOneOf('parquet', 'timestamps', options.timestamps, ['auto', 'date', 'text', 'bigint']);
  for (const name of ['mergeSchema', 'verifyChecksums'] as const)
    checkOneOf('parquet', name, options[name], [true, false]);
  const { columns, filter } = options;
  if (columns !== undefined && !(Array.isArray(columns) && columns.every((name) => typeof name === 'string')))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `parquet: columns must be an array of names, got ${JSON.stringify(columns)}.`,
      { details: { option: 'columns' } },
    );
  if (filter !== undefined && !Array.isArray(filter))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `parquet: filter must be an array of conditions, got ${typeof filter}. Functions go to rdd.filter.`,
      { details: { option: 'filter' } },
    );
  for (const condition of filter ?? []) checkCondition(condition);
}

/** The columns of files with one physical schema, lined up with the columns of all files. */
export interface ParquetLayout {
  /** One a field of the schema; null where these files lack it. */
  readonly columns: readonly (ColumnShape | null)[];
  /** One a condition of the filter: the leaf that it looks at; null where these files lack it. */
  readonly conditionLeaves: readonly (ParquetLeaf | null)[];
  /** Leaves whose integers are bigints, by index. */
  readonly bigintLeaves: readonly number[];
}

/** The options with what planning found out, as the tasks get them. Plain data. */
export interface PlannedParquetOptions extends ParquetReadOptions {
  readonly schema: ParquetSchema;
  /** Splits refer to these by position; files of the same schema share one. */
  readonly layouts: readonly ParquetLayout[];
  /** What the files hold of these columns, filtered or not. */
  readonly total: { readonly rowGroups: number; readonly bytes: number };
}
