import { MillraceError } from '../../../base/errors.ts';
import type { RowEncoder } from '../row-encoder.ts';
import { csvDialect } from './csv-options.ts';

export interface CsvOutputOptions {
  /** Whether each file begins with the names of the columns. Default: true for objects, false for tuples. */
  readonly header?: boolean | undefined;
  /** The columns and their order. Default: those of the first row of each partition, which must then all be the same. */
  readonly columns?: readonly string[] | undefined;
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  /** How null and undefined are written, default ''. The string of the same text is quoted, so both can be told apart. */
  readonly nullValue?: string | undefined;
}

/** Rows as CSV by RFC 4180, so that `csv` with the same options reads back the same values. */
export class CsvEncoder implements RowEncoder {
  columns: readonly string[] | undefined;
  readonly #options: CsvOutputOptions;
  readonly #delimiter: string;
  readonly #quote: string;
  readonly #nullValue: string;
  /** What makes a text need quotes. */
  readonly #special: RegExp;
  #isTuple = false;
  #isStarted = false;

  constructor(options: CsvOutputOptions) {
    csvDialect({ delimiter: options.delimiter, quote: options.quote });
    this.#options = options;
    this.columns = options.columns;
    this.#delimiter = options.delimiter ?? ',';
    this.#quote = options.quote ?? '"';
    this.#nullValue = options.nullValue ?? '';
    const escaped = [this.#delimiter, this.#quote].map((char) => char.replace(/[\\\]^-]/, '\\$&')).join('');
    this.#special = new RegExp(`[${escaped}\\n\\r]|^\\ufeff|^[ \\t]|[ \\t]$`);
  }

  encode(rows: readonly unknown[], firstRow: number): string {
    let text = '';
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      if (typeof row !== 'object' || row === null) throw this.#notARow(row, firstRow + index);
      if (!this.#isStarted) text += this.#start(row);
      text += Array.isArray(row)
        ? this.#tuple(row, firstRow + index)
        : this.#object(row as Record<string, unknown>, firstRow + index);
    }
    return text;
  }

  #start(row: object): string {
    this.#isStarted = true;
    this.#isTuple = Array.isArray(row);
    this.columns ??= Array.isArray(row) ? row.map((_, index) => `_c${index}`) : Object.keys(row);
    if (this.columns.length === 0) throw new MillraceError('MR_SCHEMA', 'csv: the first row has no columns.');
    if (!(this.#options.header ?? !this.#isTuple)) return '';
    return `${this.columns.map((name) => this.#text(name)).join(this.#delimiter)}\n`;
  }

  #object(row: Record<string, unknown>, index: number): string {
    if (this.#isTuple) throw this.#notARow(row, index);
    const columns = this.columns ?? [];
    let line = '';
    let present = 0;
    for (let column = 0; column < columns.length; column++) {
      const name = columns[column] as string;
      const value = row[name];
      if (value !== undefined || Object.hasOwn(row, name)) present++;
      if (column > 0) line += this.#delimiter;
      line += this.#field(value, name, index);
    }
    let keys = 0;
    for (const key in row) if (Object.hasOwn(row, key)) keys++;
    if (keys > present) {
      const extra = Object.keys(row).find((key) => !columns.includes(key));
      throw new MillraceError(
        'MR_SCHEMA',
        `csv: row ${index} of the partition has a column "${extra}", which the first row has not. Columns are ${columns.join(', ')}. Name all of them with columns: [...].`,
      );
    }
    return `${line}\n`;
  }

  #tuple(row: readonly unknown[], index: number): string {
    if (!this.#isTuple) throw this.#notARow(row, index);
    const columns = this.columns ?? [];
    if (row.length !== columns.length)
      throw new MillraceError(
        'MR_SCHEMA',
        `csv: row ${index} of the partition has ${row.length} values, expected ${columns.length}.`,
      );
    return `${columns.map((name, column) => this.#field(row[column], name, index)).join(this.#delimiter)}\n`;
  }

  #field(value: unknown, column: string, index: number): string {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        // Beyond 2**53 digits would look like an exact integer; an exponent is read as a number again.
        if (!Number.isSafeInteger(value) && Number.isInteger(value)) return value.toExponential();
        return Object.is(value, -0) ? '-0' : String(value);
      case 'boolean':
      case 'bigint':
        return String(value);
      case 'undefined':
        return this.#nullValue;
      case 'object':
        if (value === null) return this.#nullValue;
        if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
        break;
      case 'function':
      case 'symbol':
        break;
    }
    const kind = value instanceof Date ? 'an invalid Date' : Array.isArray(value) ? 'an array' : typeof value;
    throw new MillraceError(
      'MR_SCHEMA',
      `csv: column "${column}" of row ${index} of the partition holds ${kind === 'object' ? 'an object' : kind}, which CSV has no form for. Map it to a string or number, or save with saveAsJsonLines.`,
    );
  }

  #text(value: string): string {
    if (value !== '' && value !== this.#nullValue && !this.#special.test(value)) return value;
    const quote = this.#quote;
    if (quote === '')
      throw new MillraceError(
        'MR_SCHEMA',
        `csv: ${JSON.stringify(value.slice(0, 60))} cannot be written without quotes. Leave quote out, or map the value.`,
      );
    return quote + value.replaceAll(quote, quote + quote) + quote;
  }

  #notARow(row: unknown, index: number): MillraceError {
    const wanted = this.#isStarted
      ? this.#isTuple
        ? 'a tuple like the first'
        : 'an object like the first'
      : 'an object or a tuple';
    const found =
      row === null
        ? 'null'
        : Array.isArray(row)
          ? 'a tuple'
          : typeof row === 'object'
            ? 'an object'
            : `the ${typeof row} ${String(row).slice(0, 40)}`;
    return new MillraceError('MR_SCHEMA', `csv: row ${index} of the partition is ${found}, expected ${wanted}.`);
  }
}
