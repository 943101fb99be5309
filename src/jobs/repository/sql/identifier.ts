import { MillraceError } from '../../../base/errors.ts';
import type { SqlDialect } from './database.ts';

/** A column name as SQL text: `a"b` is `"a""b"`, on MySQL in backticks. */
export function quoteIdentifier(name: string, dialect: SqlDialect): string {
  if (name === '' || name.includes('\0')) {
    throw new MillraceError('MR_OPTION_INVALID', `${JSON.stringify(name)} is no name for a table or column.`);
  }
  return dialect === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
}

/** A table name as SQL text; `schema.table` names the schema. */
export function quoteTable(name: string, dialect: SqlDialect): string {
  return name
    .split('.')
    .map((part) => quoteIdentifier(part, dialect))
    .join('.');
}
