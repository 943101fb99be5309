import { MillraceError } from '../../../base/errors.ts';

/**
 * Rewrites `?` to Postgres' `$1`, `$2`, ...; strings, quoted names, comments and dollar quotes stay as they are, and
 * `??` is the operator `?` of jsonb.
 */
export function numberedPlaceholders(sql: string): string {
  if (!sql.includes('?')) return sql;
  const known = rewritten.get(sql);
  if (known !== undefined) return known;
  let result = '';
  let next = 1;
  for (const { text, isCode } of parts(sql, 'postgres')) {
    result += isCode ? text.replace(/\?\??/g, (mark) => (mark === '??' ? '?' : `$${next++}`)) : text;
  }
  if (rewritten.size >= 200) rewritten.clear();
  rewritten.set(sql, result);
  return result;
}

const rewritten = new Map<string, string>();

/** Plain `?` of a SQLite statement, or undefined when it names or numbers its parameters. */
export function countPlaceholders(sql: string): number | undefined {
  let count = 0;
  for (const { text, isCode } of parts(sql, 'sqlite')) {
    if (!isCode) continue;
    if (/[:@$][a-z_]|\?\d/i.test(text)) return undefined;
    count += text.split('?').length - 1;
  }
  return count;
}

/** @throws {MillraceError} MR_OPTION_INVALID when more than one statement stands in `sql`: drivers run the first and forget the rest */
export function checkOneStatement(sql: string): void {
  if (!sql.includes(';') || /^\s*create\s+(temp\s+|temporary\s+)?trigger\b/i.test(sql)) return;
  let ended = false;
  for (const { text, isCode, isComment } of parts(sql, 'sqlite')) {
    if (isComment) continue;
    if (!ended && !(isCode && text.includes(';'))) continue;
    const after = ended ? text : text.slice(text.indexOf(';') + 1);
    ended = true;
    if (/[^\s;]/.test(after)) {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `More than one SQL statement in one call: ${sql.slice(0, 200)}. Give each statement a call of its own.`,
      );
    }
  }
}

interface SqlPart {
  readonly text: string;
  readonly isCode: boolean;
  readonly isComment: boolean;
}

const quoted = {
  sqlite: /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g,
  postgres:
    /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([a-zA-Z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g,
} as const;

function* parts(sql: string, dialect: keyof typeof quoted): Generator<SqlPart> {
  let from = 0;
  for (const match of sql.matchAll(quoted[dialect])) {
    if (match.index > from) yield { text: sql.slice(from, match.index), isCode: true, isComment: false };
    const text = match[0];
    yield { text, isCode: false, isComment: text.startsWith('--') || text.startsWith('/*') };
    from = match.index + text.length;
  }
  if (from < sql.length) yield { text: sql.slice(from), isCode: true, isComment: false };
}
