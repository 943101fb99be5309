import { MillraceError } from '../../base/errors.ts';

/** The row as a pair. @throws {MillraceError} MR_SCHEMA when it is none */
export function pairOf(row: unknown): readonly [key: unknown, value: unknown] {
  if (Array.isArray(row) && row.length === 2) return row as [unknown, unknown];
  throw notAPair(row);
}

export function notAPair(row: unknown): MillraceError {
  let shown: string;
  try {
    shown = JSON.stringify(row) ?? String(row);
  } catch {
    shown = String(row);
  }
  return new MillraceError(
    'MR_SCHEMA',
    `operations by key need rows that are pairs [key, value], got ${shown.slice(0, 200)}. Make pairs with map or keyBy first.`,
  );
}
