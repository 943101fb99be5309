import { MillraceError } from '../../base/errors.ts';
import type { ItemReader } from '../definition/item-reader.ts';
import type { SchemaOutput, StandardSchemaV1 } from '../definition/standard-schema.ts';
import { CsvCutter, type CsvSettings } from './csv-cutter.ts';
import type { InputFile } from './input-file.ts';
import { skipLines } from './lines-reader.ts';
import { checkPath, checkSchema, isMark, isNames } from './option-checks.ts';
import { asRawText, encodingOf, type TextOptions } from './text-encoding.ts';
import { incomplete, malformed, type RecordPlace, TextFileReader } from './text-records.ts';
import { TextWindow } from './text-window.ts';
import { validateItem } from './validation.ts';

export interface CsvOptions extends TextOptions {
  /** true: the first row names the columns. Names: the file has no such row. false: rows are arrays. Default true. */
  readonly header?: boolean | readonly string[];
  /** Default a comma. */
  readonly delimiter?: string;
  /** Default a double quote; the empty string for none. */
  readonly quote?: string;
  /** Lines before the header or the first row that are no rows. Default 0. */
  readonly linesToSkip?: number;
}

export type CsvRow = Record<string, string>;

/**
 * The rows of a CSV file (RFC 4180): objects of strings, arrays with `header: false`, or what `schema` makes of them.
 *
 * Empty lines are no rows, unless there is one column. `.gz`, `.zst` and `.br` files are decompressed.
 *
 * @throws {MillraceError} MR_PARSE for a row of the wrong width, a stray or unclosed quote, with `details: { path, line }`;
 *   MR_VALIDATION when the schema refuses a row; MR_INPUT_CHANGED when a restart finds another file
 */
export function csvReader<S extends StandardSchemaV1>(
  path: string,
  options: CsvOptions & { readonly schema: S },
): ItemReader<SchemaOutput<S>>;
export function csvReader(path: string, options: CsvOptions & { readonly header: false }): ItemReader<string[]>;
export function csvReader<const N extends string>(
  path: string,
  options: CsvOptions & { readonly header: readonly N[] },
): ItemReader<{ [K in N]: string }>;
export function csvReader(path: string, options?: CsvOptions): ItemReader<CsvRow>;
export function csvReader(
  path: string,
  options: CsvOptions & { readonly schema?: StandardSchemaV1 } = {},
): ItemReader<unknown> {
  checkPath('csvReader', path);
  checkSchema('csvReader', options.schema);
  const { schema } = options;
  const settings = csvSettings(options);
  return new TextFileReader<unknown>(path, {
    encoding: settings.encoding,
    start: async (file, from) => {
      const { header, width, offset, line } = await readHead(file, settings);
      const cutter = new CsvCutter(file.name, settings, from?.line ?? line, width, header);
      return { cutter, offset: from?.offset ?? offset };
    },
    check:
      schema &&
      ((row, { path: name, line }: RecordPlace) =>
        validateItem(schema, row, `${name}, line ${line}`, { path: name, line })),
  });
}

function csvSettings(options: CsvOptions): CsvSettings {
  const encoding = encodingOf('csvReader', options);
  const { header = true, delimiter = ',', quote = '"', linesToSkip = 0 } = options;
  if (!isMark(delimiter)) throw invalid('delimiter', delimiter, 'at least one character and no line end');
  if (!(quote === '' || (isMark(quote) && [...quote].length === 1)) || quote === delimiter)
    throw invalid('quote', quote, 'one character, not the delimiter, or empty');
  if (!(Number.isInteger(linesToSkip) && linesToSkip >= 0))
    throw invalid('linesToSkip', linesToSkip, 'an integer of at least 0');
  if (typeof header !== 'boolean' && !(isNames(header) && header.length > 0))
    throw invalid('header', header, 'true, false, or names that are all different');
  return {
    encoding,
    header,
    delimiter: asRawText(delimiter, encoding),
    quote: asRawText(quote, encoding),
    linesToSkip,
  };
}

function invalid(name: string, value: unknown, allowed: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `csvReader: ${name} must be ${allowed}, got ${JSON.stringify(value)}.`);
}

function checkNames(names: readonly string[], fail: (reason: string) => Error): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw fail(`the column ${JSON.stringify(twice)} is there twice`);
}

interface CsvHead {
  /** Names of columns, when rows are objects. */
  readonly header: readonly string[] | undefined;
  /** Fields of a row; undefined in an empty file. */
  readonly width: number | undefined;
  /** Where the first row begins. */
  readonly offset: number;
  readonly line: number;
}

/** Reads the lines to skip and the header, or, when there is none, the width of the first row. */
async function readHead(file: InputFile, settings: CsvSettings): Promise<CsvHead> {
  const window = new TextWindow(file, settings.encoding, 0);
  await window.fill();
  const line = 1 + (await skipLines(window, settings.linesToSkip));
  const { offset } = window;
  if (Array.isArray(settings.header)) return { header: settings.header, width: settings.header.length, offset, line };
  const cutter = new CsvCutter(file.name, settings, line, undefined, undefined);
  const first = await firstRow(window, cutter, settings.header === true);
  if (settings.header === false) return { header: undefined, width: first?.length, offset, line };
  if (first !== undefined) checkNames(first, (reason) => malformed(file.name, line, `in the header ${reason}.`));
  return { header: first, width: first?.length, offset: window.offset, line: cutter.line };
}

/** @param mustBeGood whether a malformed row is an error; otherwise the width is that of the first good one */
async function firstRow(window: TextWindow, cutter: CsvCutter, mustBeGood: boolean): Promise<string[] | undefined> {
  while (!(window.at === window.text.length && window.isEnd)) {
    let row: unknown;
    try {
      row = cutter.next(window);
    } catch (error) {
      if (mustBeGood) throw error;
      continue;
    }
    if (row === incomplete) await window.fill();
    else if (row !== undefined) return row as string[];
  }
  return undefined;
}
