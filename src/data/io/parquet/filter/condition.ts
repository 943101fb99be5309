import { MillraceError } from '../../../../base/errors.ts';

/** A value that a column is compared with. Text stands for decimals, dates, times and timestamps as well. */
export type FilterValue = number | bigint | string | boolean | Date | Uint8Array;

/** A simple comparison of a column, or of a field of a struct by its path. Plain data. */
export type ParquetCondition =
  | { readonly column: string; readonly op: '=' | '!=' | '<' | '<=' | '>' | '>='; readonly value: FilterValue }
  | { readonly column: string; readonly op: 'in'; readonly value: readonly FilterValue[] }
  | { readonly column: string; readonly op: 'isNull' | 'isNotNull' };

/** `price >= 10`, as messages show it. */
export function describeCondition(condition: ParquetCondition): string {
  const { column, op } = condition;
  if (!('value' in condition)) return `${column} ${op}`;
  const text = (value: FilterValue): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));
  return condition.op === 'in'
    ? `${column} in (${condition.value.map(text).join(', ')})`
    : `${column} ${op} ${text(condition.value)}`;
}

const comparisons = ['=', '!=', '<', '<=', '>', '>='];

/** Refuses what has not the form of a condition; whether its value fits the column is known when a file is opened. */
export function checkCondition(condition: unknown): void {
  const { column, op, value } = (condition ?? {}) as { column?: unknown; op?: unknown; value?: unknown };
  if (typeof column !== 'string' || column === '') throw invalid('needs a column, its name');
  if (op === 'isNull' || op === 'isNotNull') return;
  if (op === 'in') {
    if (!Array.isArray(value)) throw invalid(`on "${column}" needs an array of values for the op in`);
  } else if (!comparisons.includes(op as string))
    throw invalid(
      `on "${column}" has the op ${JSON.stringify(op)}, expected ${comparisons.join(', ')}, in, isNull or isNotNull`,
    );
  else if (value === undefined) throw invalid(`on "${column}" has no value. For null there are isNull and isNotNull`);
}

function invalid(reason: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `parquet: a condition of filter ${reason}.`, {
    details: { option: 'filter' },
  });
}
