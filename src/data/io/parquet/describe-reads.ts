import type { RowTest } from '../../../base/closures/row-tests.ts';
import type { FileStatus, RandomAccessFile } from '../file-system.ts';
import type { RowUse } from '../source-spec.ts';
import { applyRowUse } from './filter/apply-row-use.ts';
import { describeCondition } from './filter/condition.ts';
import type { PlannedParquetOptions } from './parquet-options.ts';
import type { ParquetSplit } from './plan.ts';
import { sizeOf } from './planned-group.ts';

/**
 * What is read of Parquet files: `reads 2 of 40 row groups, 1.2 MB of 30.4 MB; columns day, n; where day >= "2026-01-01"`.
 * Reads footers and indexes where functions test rows, as the tasks will.
 */
export function describeReads(
  splits: readonly ParquetSplit[],
  options: PlannedParquetOptions,
  use: RowUse,
  open: (status: FileStatus) => RandomAccessFile,
): string {
  let groups = 0;
  let bytes = 0;
  let fields = options.schema.fields;
  for (const planned of splits) {
    const file = open(planned);
    try {
      const { split, options: reading } = applyRowUse(file, planned, options, use);
      groups += split.groups.length;
      bytes += split.groups.reduce((sum, group) => sum + sizeOf(group), 0);
      fields = reading.schema.fields;
    } finally {
      file.close();
    }
  }
  const { total } = options;
  const conditions = [...(options.filter ?? []).map(describeCondition), ...(use.clauses ?? []).map(describeClause)];
  return [
    `reads ${groups} of ${total.rowGroups} row group${total.rowGroups === 1 ? '' : 's'}, ${megabytes(bytes)} of ${megabytes(total.bytes)}`,
    `columns ${fields.length === 0 ? 'none' : fields.map(({ name }) => name).join(', ')}`,
    ...(conditions.length === 0 ? [] : [`where ${conditions.join(' and ')}`]),
  ].join('; ');
}

function describeClause(tests: readonly RowTest[]): string {
  const texts = tests.map(({ path, op, value }) => {
    const name = path.join('?.');
    if (op === 'isNull' || op === 'isNotNull' || op === 'truthy' || op === 'falsy') return `${name} ${op}`;
    return `${name} ${op} ${constantText(value)}`;
  });
  return texts.length === 1 ? (texts[0] ?? '') : `(${texts.join(' or ')})`;
}

function constantText(value: RowTest['value']): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : String(value);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e5 ? 3 : 1)} MB`;
}
