import { MillraceError } from '../../../base/errors.ts';
import { checkOneOf } from '../known-options.ts';

/** The types of a CSV column. Every column may hold null. `date` and `timestamp` become Date objects in UTC. */
export type CsvType = 'string' | 'number' | 'bigint' | 'boolean' | 'date' | 'timestamp';

export interface CsvOptions {
  /** true (default): the first record of each file names the columns. Names: the files have no header. false: `_c0`, `_c1`. */
  readonly header?: boolean | readonly string[] | undefined;
  /** One ASCII character, default `,`. */
  readonly delimiter?: string | undefined;
  /** One ASCII character, default `"`; '' reads quotes as they stand. */
  readonly quote?: string | undefined;
  /** What makes a quote inside quotes part of the value; default the quote itself, as in RFC 4180. */
  readonly escape?: string | undefined;
  /** Lines that begin with this character are left out. Files with comments are read as one split. */
  readonly comment?: string | undefined;
  /** The unquoted text that means null, default ''. An empty field is null too in any column that is not a string. */
  readonly nullValue?: string | undefined;
  /** Removes blanks around fields that are not quoted. Default false. */
  readonly trim?: boolean | undefined;
  readonly encoding?: 'utf8' | 'latin1' | undefined;
  /** Types by column name, partition columns among them. Columns that it does not name are inferred. */
  readonly schema?: Readonly<Record<string, CsvType>> | undefined;
  /** Read only these columns, partition columns among them. */
  readonly columns?: readonly string[] | undefined;
  /**
   * What to do with a record of too many or too few fields, text after a closing quote, or a value that does not fit its
   * type. fail: MR_PARSE naming file and line. dropMalformed: leave it out. permissive: what does not fit or is missing
   * is null, and `_corruptRecord` holds the record's text (null in rows that are fine).
   */
  readonly mode?: 'fail' | 'dropMalformed' | 'permissive' | undefined;
  /**
   * false: no value contains a line break, so that large files are split at any. Default true: they are split where the quotes nearby
   * tell that a record begins, or all quotes before; the latter not on S3 and the web, where a file without quotes is one split.
   */
  readonly multiLine?: boolean | undefined;
  /** false: columns that `schema` does not name are strings. Default true. */
  readonly inferSchema?: boolean | undefined;
  /**
   * true: columns of ISO dates (2026-01-31) and of ISO timestamps are inferred as `date` and `timestamp`. Default false: they are
   * strings, which compare and print as they stand; `schema` makes Dates of those that should be.
   */
  readonly inferDates?: boolean | undefined;
  /** How many records the types are inferred from, default 20000; Infinity reads everything twice. */
  readonly sampleRows?: number | undefined;
  /** Filled in by planning; do not set it. */
  readonly planned?: readonly CsvColumn[] | undefined;
}

/** A column as planning settled it. `isInferred` types are strict: what contradicts them later is an error. */
export interface CsvColumn {
  readonly name: string;
  readonly type: CsvType;
  readonly isInferred: boolean;
}

/** The characters of a CSV file as bytes; -1 where there is none. */
export interface CsvDialect {
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly comment: number;
}

export function csvDialect(options: CsvOptions): CsvDialect {
  const quote = byteOf('quote', options.quote ?? '"', true);
  const dialect = {
    delimiter: byteOf('delimiter', options.delimiter ?? ',', false),
    quote,
    escape: options.escape === undefined ? quote : byteOf('escape', options.escape, true),
    comment: byteOf('comment', options.comment ?? '', true),
  };
  if (dialect.delimiter === dialect.quote || dialect.delimiter === dialect.comment)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `csv: the delimiter "${options.delimiter}" is also the quote or comment character.`,
    );
  return dialect;
}

export const csvTypes: readonly CsvType[] = ['string', 'number', 'bigint', 'boolean', 'date', 'timestamp'];

/** Checks everything that can be checked without a file. */
export function checkCsvOptions(options: CsvOptions): void {
  csvDialect(options);
  const { header } = options;
  if (typeof header !== 'boolean' && header !== undefined && !isTexts(header))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `csv: header must be true, false or the names of the columns, got ${JSON.stringify(header)}.`,
    );
  if (Array.isArray(header)) checkNames(header);
  checkOneOf('csv', 'mode', options.mode, ['fail', 'dropMalformed', 'permissive']);
  checkOneOf('csv', 'encoding', options.encoding, ['utf8', 'latin1']);
  for (const name of ['trim', 'multiLine', 'inferSchema', 'inferDates'] as const)
    checkOneOf('csv', name, options[name], [true, false]);
  for (const [name, type] of Object.entries(options.schema ?? {}))
    checkOneOf('csv', `schema["${name}"]`, type, csvTypes);
  const { sampleRows } = options;
  if (sampleRows !== undefined && !(sampleRows >= 1))
    throw new MillraceError('MR_OPTION_INVALID', `csv: sampleRows must be at least 1, got ${sampleRows}.`);
}

function checkNames(names: readonly string[]): void {
  const wrong = names.find((name, index) => name === '' || names.indexOf(name) !== index);
  if (names.length > 0 && wrong === undefined) return;
  const reason =
    wrong === undefined ? 'names no column' : wrong === '' ? 'has an empty name' : `names "${wrong}" twice`;
  throw new MillraceError('MR_OPTION_INVALID', `csv: header ${reason}. Each column needs a name of its own.`);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function byteOf(name: string, text: string, mayBeEmpty: boolean): number {
  if (text === '' && mayBeEmpty) return -1;
  const code = text.charCodeAt(0);
  if (text.length === 1 && code < 128 && code !== 10 && code !== 13) return code;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `csv: ${name} must be one ASCII character other than a line break${mayBeEmpty ? ", or ''" : ''}, got ${JSON.stringify(text)}.`,
  );
}
