/** Writes to each column from `at` on its property of rows[start..end). */
export type AppendProperties = (
  rows: readonly unknown[],
  start: number,
  end: number,
  columns: readonly unknown[][],
  at: number,
) => void;

/** V8 does not optimize functions that are much longer. */
const maxNames = 64;

/**
 * A loop generated for these properties, which sees objects of few shapes where a loop for all would see every shape there is.
 * Of what Object.prototype has too, only own properties count.
 */
export function propertyAppender(names: readonly string[]): AppendProperties {
  const parts: AppendProperties[] = [];
  for (let first = 0; first < names.length; first += maxNames)
    parts.push(appenderOf(names.slice(first, first + maxNames), first));
  return (rows, start, end, columns, at) => {
    for (const part of parts) part(rows, start, end, columns, at);
  };
}

function appenderOf(names: readonly string[], first: number): AppendProperties {
  const columns = names.map((_, index) => `const c${index} = columns[${first + index}];`).join(' ');
  const writes = names.map((name, index) => `c${index}[to] = ${propertyOf(name)};`).join(' ');
  const body = `${columns} for (let index = start, to = at; index < end; index++, to++) { const row = rows[index]; ${writes} }`;
  return new Function('rows', 'start', 'end', 'columns', 'at', body) as AppendProperties;
}

function propertyOf(name: string): string {
  const key = JSON.stringify(name).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return name in Object.prototype ? `Object.hasOwn(row, ${key}) ? row[${key}] : undefined` : `row[${key}]`;
}
