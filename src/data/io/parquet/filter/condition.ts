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
