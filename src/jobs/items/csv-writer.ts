import { MillraceError } from '../../base/errors.ts';
import type { ItemWriter } from '../definition/item-writer.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { FileEncoder } from './file-encoder.ts';
import { FileWriter } from './file-writer.ts';
import { checkOption, isMark, isNames } from './option-checks.ts';
import type { OutputOptions } from './staged-file.ts';
import { byteOrderMark, encodeText, encodingOf, type TextEncoding, type TextOptions } from './text-encoding.ts';
import { plainText } from './text-writers.ts';

export interface CsvWriterOptions<O> extends OutputOptions, TextOptions {
  /** The fields to write, in this order. Default: those of the first item; a later item with others is MR_VALIDATION. */
  readonly columns?: readonly (keyof O & string)[];
  /** Whether the first row names the columns. Default true; arrays have no names. */
  readonly header?: boolean;
  /** Default a comma. */
  readonly delimiter?: string;
  /** Default a double quote. */
  readonly quote?: string;
}

/**
 * One CSV row an item (RFC 4180), which is an object or an array; null and undefined are empty fields, Dates UTC text,
 * objects JSON. The file appears when the step is complete (ST-50).
 *
 * @throws {MillraceError} MR_OUTPUT_EXISTS when the file exists and no `mode` is given
 */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function csvWriter<O extends object = any>(path: string, options: CsvWriterOptions<O> = {}): ItemWriter<O> {
  const encoding = encodingOf('csvWriter', options);
  const { columns, header = true, delimiter = ',', quote = '"' } = options;
  checkOption(
    isMark(delimiter) && isMark(quote) && delimiter !== quote,
    'csvWriter',
    'delimiter and quote',
    { delimiter, quote },
    'different characters, and no line ends',
  );
  const isNamed = columns === undefined || (isNames(columns) && columns.length > 0);
  checkOption(isNamed, 'csvWriter', 'columns', columns, 'names that are all different');
  const encoder = (state: JsonValue | undefined): FileEncoder<O> =>
    new CsvEncoder<O>({ encoding, header, delimiter, quote, columns }, state as readonly string[] | undefined);
  return new FileWriter(path, { writer: 'csvWriter', encoder }, options);
}

interface CsvEncoderOptions {
  readonly encoding: TextEncoding;
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  readonly columns: readonly string[] | undefined;
}

class CsvEncoder<O extends object> implements FileEncoder<O> {
  readonly footer: Buffer = Buffer.alloc(0);
  readonly #options: CsvEncoderOptions;
  /** Those of the options, or of the first item. */
  #columns: readonly string[] | undefined;
  /** How the file begins that is appended to, until its header has been compared with ours. */
  #existing: { readonly head: Buffer; readonly path: string } | undefined;

  constructor(options: CsvEncoderOptions, columns: readonly string[] | undefined) {
    this.#options = options;
    this.#columns = options.columns ?? columns;
  }

  /** With named columns it is known before the first item; otherwise it comes with that. */
  get header(): Buffer {
    const { columns, header, encoding } = this.#options;
    return header && columns !== undefined ? encodeText(this.#line(columns), encoding) : Buffer.alloc(0);
  }

  appendTo(head: Buffer, path: string): void {
    this.#existing = { head, path };
    if (this.#columns !== undefined) this.#checkHeader(this.#columns);
  }

  encode(items: readonly O[], isFirst: boolean): Buffer {
    const { columns, header, encoding } = this.#options;
    // A first item that was taken back named no columns.
    if (isFirst) this.#columns = columns;
    const lines = items.map((item) => this.#row(item));
    const isNamedNow = header && columns === undefined && isFirst && this.#columns !== undefined;
    if (isNamedNow) lines.unshift(this.#line(this.#columns ?? []));
    return encodeText(lines.join(''), encoding);
  }

  state(): JsonValue {
    return this.#columns ?? null;
  }

  #row(item: O): string {
    if (Array.isArray(item)) return this.#line(item);
    const record = item as Readonly<Record<string, unknown>>;
    const columns = this.#columns ?? Object.keys(record);
    if (this.#columns === undefined) this.#checkHeader(columns);
    this.#columns = columns;
    if (this.#options.columns === undefined) {
      const other = Object.keys(record).find((name) => !columns.includes(name));
      if (other !== undefined) {
        throw new MillraceError(
          'MR_VALIDATION',
          `csvWriter: the item has "${other}", which is no column. Columns are: ${columns.join(', ')}. Name all of them in columns.`,
        );
      }
    }
    return this.#line(columns.map((name) => record[name]));
  }

  #checkHeader(columns: readonly string[]): void {
    const { header, encoding } = this.#options;
    if (!header || this.#existing === undefined) return;
    const { head, path } = this.#existing;
    const mark = byteOrderMark(encoding);
    const start = mark.length > 0 && head.subarray(0, mark.length).equals(mark) ? mark.length : 0;
    const expected = encodeText(this.#line(columns).slice(0, -1), encoding);
    const end = start + expected.length;
    const isWhole = end === head.length || head[end] === 10 || head[end] === 13;
    if (head.subarray(start, end).equals(expected) && isWhole) return;
    throw new MillraceError(
      'MR_OUTPUT_TAMPERED',
      `${path} cannot be appended to: it does not begin with the columns ${columns.join(', ')}. Name its columns, in their order, in columns.`,
      { details: { path } },
    );
  }

  #line(values: readonly unknown[]): string {
    const fields = values.map((value) => this.#quoted(plainText(value)));
    // One empty field would be an empty line, which is no row.
    const { quote } = this.#options;
    return fields.length === 1 && fields[0] === '' ? `${quote}${quote}\n` : `${fields.join(this.#options.delimiter)}\n`;
  }

  #quoted(field: string): string {
    const { delimiter, quote } = this.#options;
    const isPlain = !(
      field.includes(delimiter) ||
      field.includes(quote) ||
      field.includes('\n') ||
      field.includes('\r')
    );
    return isPlain ? field : quote + field.replaceAll(quote, quote + quote) + quote;
  }
}
