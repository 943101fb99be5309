import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { type CsvType, csvTypes } from './csv/csv-options.ts';
import type { FileStatus } from './file-system.ts';
import { type PartitionValue, type PartitionValues, partitionValuesOf } from './hive-partitions.ts';
import { checkOneOf } from './known-options.ts';
import { describeCondition, type FilterValue, type ParquetCondition } from './parquet/filter/condition.ts';
import { passes } from './parquet/filter/row-test-predicate.ts';
import type { RowUse } from './source-spec.ts';
import type { Split } from './split.ts';
import { describeUri } from './uri.ts';

/** How directories like `year=2026/month=01` above the files are read: each name is a column of all rows below it. */
export interface PartitionReadOptions {
  /** Partition pruning: files below directories for whose values it gives false are not opened. Runs in the program, not in workers. */
  readonly keepPartition?: ((values: PartitionValues) => boolean) | undefined;
  /** Types by name. Default: numbers where all values look like numbers (bigints where one is beyond 2^53), else strings. */
  readonly partitionTypes?: Readonly<Record<string, CsvType>> | undefined;
}

/** Checks what can be checked without a file. */
export function checkPartitionOptions(operator: string, { keepPartition, partitionTypes }: PartitionReadOptions): void {
  if (keepPartition !== undefined && typeof keepPartition !== 'function')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${operator}: keepPartition must be a function, got ${typeof keepPartition}.`,
    );
  for (const [name, type] of Object.entries(partitionTypes ?? {}))
    checkOneOf(operator, `partitionTypes["${name}"]`, type, csvTypes);
}

/** The files that are left, and the partition columns that their rows get. */
export interface PrunedFiles {
  readonly files: readonly FileStatus[];
  /** The partition columns, also those that `columns` leaves out. */
  readonly names: readonly string[];
  /** Adds the values of the partition columns that are wanted to splits. */
  readonly label: (splits: readonly Split[], columns?: readonly string[]) => readonly Split[];
}

/**
 * Reads the partition directories above the files and leaves out those that `keepPartition` or a condition on a partition column
 * does not want. Conditions on other columns are not looked at.
 *
 * @throws {MillraceError} MR_OPTION_INVALID when there is a `keepPartition` and no partition directory
 */
export function prunePartitions(
  files: readonly FileStatus[],
  { keepPartition, partitionTypes }: PartitionReadOptions,
  conditions: readonly ParquetCondition[] = [],
): PrunedFiles {
  const values = partitionValuesOf(files, partitionTypes);
  if (values === undefined) {
    if (keepPartition !== undefined)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `keepPartition: ${describeUri(files[0]?.uri ?? '')} lies in no partition directory like year=2026. Leave keepPartition out, or filter rows.`,
      );
    return { files, names: [], label: (splits) => splits };
  }
  const byUri = new Map(files.map(({ uri }, index) => [uri, defined(values[index], 'partition values')]));
  const valuesOf = (uri: string): PartitionValues => defined(byUri.get(uri), 'partition values');
  const names = Object.keys(values[0] ?? {});
  const wanted = conditions.filter(({ column }) => names.includes(column));
  const isKept = ({ uri }: FileStatus): boolean => {
    const of = valuesOf(uri);
    return (keepPartition === undefined || keepPartition(of)) && wanted.every((one) => fulfils(of[one.column], one));
  };
  return {
    files: files.filter(isKept),
    names,
    label: (splits, columns) =>
      splits.map((split) => ({ ...split, partitionValues: selected(valuesOf(split.uri), columns) })),
  };
}

function selected(values: PartitionValues, columns: readonly string[] | undefined): PartitionValues {
  if (columns === undefined) return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => columns.includes(name)));
}

/** As in SQL, a comparison with null is never true. */
function fulfils(value: PartitionValue | undefined, condition: ParquetCondition): boolean {
  const { op } = condition;
  if (value === null || value === undefined) return op === 'isNull';
  switch (op) {
    case 'isNull':
      return false;
    case 'isNotNull':
      return true;
    case 'in':
      return condition.value.some((one) => compare(value, one, condition) === 0);
    case '=':
      return compare(value, condition.value, condition) === 0;
    case '!=':
      return compare(value, condition.value, condition) !== 0;
    case '<':
      return compare(value, condition.value, condition) < 0;
    case '<=':
      return compare(value, condition.value, condition) <= 0;
    case '>':
      return compare(value, condition.value, condition) > 0;
    case '>=':
      return compare(value, condition.value, condition) >= 0;
  }
}

function compare(
  value: string | number | bigint | boolean | Date,
  other: FilterValue,
  condition: ParquetCondition,
): number {
  const isNumeric = (one: unknown): boolean => typeof one === 'number' || typeof one === 'bigint';
  const left = value instanceof Date ? value.getTime() : value;
  // A day as a string is the day's name: a Date is compared with it as such.
  const right =
    other instanceof Date
      ? typeof left === 'string'
        ? other.toISOString().slice(0, left.length)
        : other.getTime()
      : other;
  if (typeof left !== typeof right && !(isNumeric(left) && isNumeric(right)))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `filter ${describeCondition(condition)}: the partition column holds values such as ${JSON.stringify(String(value))} (${typeof value}), which cannot be compared with that. Say what it is with partitionTypes.`,
    );
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Whether the functions behind a source drop all rows of a split because of its partition values: then its file need not be opened.
 */
export function dropsAllRows({ partitionValues }: Split, { clauses = [] }: RowUse): boolean {
  if (partitionValues === undefined) return false;
  return clauses.some((tests) =>
    tests.every(({ path, op, value }) => {
      const [name = ''] = path;
      return path.length === 1 && Object.hasOwn(partitionValues, name) && !passes(op, value, partitionValues[name]);
    }),
  );
}
