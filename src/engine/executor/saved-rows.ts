import { MillraceError } from '../../base/errors.ts';
import { compareValues } from '../../data/columnar/ordering.ts';
import type { OutputSpec } from '../../data/io/output-spec.ts';
import { type ResolvedSortKey, resolveWriteOptions } from '../../data/io/parquet/write-options.ts';
import type { TaskRun } from './task-run.ts';

type Row = Readonly<Record<string, unknown>> | null | undefined;

/** Whether rows are saved in another order than they have. */
export function isSorted(output: OutputSpec): boolean {
  return sortKeys(output).length > 0;
}

function sortKeys({ format, options }: OutputSpec): readonly ResolvedSortKey[] {
  return format === 'parquet' ? resolveWriteOptions(options).sortBy : [];
}

/** The rows of a partition in the order in which they are saved. */
export function savedRows(run: TaskRun, rows: Iterable<unknown[]>, output: OutputSpec): Iterable<unknown[]> {
  const keys = sortKeys(output);
  if (keys.length === 0) return rows;
  return run.sorted(withColumns(rows, keys), (a, b) => {
    for (const { column, descending } of keys) {
      const order = compareValues((a as Row)?.[column] ?? null, (b as Row)?.[column] ?? null);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

/** Refuses to sort by what no row has. */
function* withColumns(batches: Iterable<unknown[]>, keys: readonly ResolvedSortKey[]): Iterable<unknown[]> {
  let isChecked = false;
  for (const batch of batches) {
    const missing = isChecked ? undefined : keys.find(({ column }) => !batch.some((row) => has(row, column)));
    if (missing !== undefined && batch.length > 0)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `saveAsParquet: sortBy names "${missing.column}", which is no property of the rows (${Object.keys(batch[0] ?? {}).join(', ')}).`,
        { details: { column: missing.column } },
      );
    isChecked ||= batch.length > 0;
    yield batch;
  }
}

function has(row: unknown, column: string): boolean {
  return typeof row === 'object' && row !== null && Object.hasOwn(row, column);
}
