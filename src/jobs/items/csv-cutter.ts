import { countNewlines, notUtf8 } from './lines-reader.ts';
import { decodePiece, type TextEncoding } from './text-encoding.ts';
import { incomplete, malformed, type RecordCutter } from './text-records.ts';
import type { TextWindow } from './text-window.ts';

export interface CsvSettings {
  readonly encoding: TextEncoding;
  readonly header: boolean | readonly string[];
  /** As raw text, as is the quote; an empty quote is none. */
  readonly delimiter: string;
  readonly quote: string;
  readonly linesToSkip: number;
}

type Row = string[] | Record<string, string>;

/** Cuts rows of CSV: objects when there is a header, arrays otherwise. RFC 4180, with `\n` as well as `\r\n`. */
export class CsvCutter implements RecordCutter<Row> {
  line: number;
  phase = '';
  readonly #path: string;
  readonly #settings: CsvSettings;
  readonly #width: number | undefined;
  readonly #header: readonly string[] | undefined;
  /** Where the next quote of the window stands; looked up once, not once a row. */
  #quoteAt = -1;
  #quoteText = '';

  constructor(
    path: string,
    settings: CsvSettings,
    line: number,
    width: number | undefined,
    header: readonly string[] | undefined,
  ) {
    this.#path = path;
    this.#settings = settings;
    this.line = line;
    this.#width = width;
    this.#header = header;
  }

  next(window: TextWindow): Row | typeof incomplete | undefined {
    const { text, at } = window;
    const newline = text.indexOf('\n', at);
    if (newline < 0 && !window.isEnd) return incomplete;
    const stop = newline < 0 ? text.length : newline;
    if (this.#nextQuote(text, at) < stop) return this.#quotedRow(window);
    window.at = newline < 0 ? stop : newline + 1;
    const line = this.line++;
    const end = stop > at && text.charCodeAt(stop - 1) === 13 ? stop - 1 : stop;
    if (end === at && this.#width !== 1) return undefined;
    return this.#row(window, text.slice(at, end).split(this.#settings.delimiter), line);
  }

  #nextQuote(text: string, at: number): number {
    const { quote } = this.#settings;
    if (quote === '') return Number.POSITIVE_INFINITY;
    if (this.#quoteText !== text || this.#quoteAt < at) {
      const found = text.indexOf(quote, at);
      this.#quoteAt = found < 0 ? Number.POSITIVE_INFINITY : found;
      this.#quoteText = text;
    }
    return this.#quoteAt;
  }

  /** A row with quotes in it, field by field. */
  #quotedRow(window: TextWindow): Row | typeof incomplete {
    const { text, isEnd } = window;
    const { delimiter, quote } = this.#settings;
    const fields: string[] = [];
    const { line } = this;
    let lines = 1;
    let at = window.at;
    for (;;) {
      let end: number;
      if (text.startsWith(quote, at)) {
        const close = closingQuote(text, at + quote.length, quote);
        if (close < 0 || (close + quote.length === text.length && !isEnd)) {
          if (!isEnd) return incomplete;
          if (close < 0) return this.#fail(window, text.length, lines, 'a quote opens here and is never closed.');
        }
        const raw = text.slice(at + quote.length, close);
        lines += countNewlines(raw);
        fields.push(raw.includes(quote) ? raw.replaceAll(quote + quote, quote) : raw);
        end = close + quote.length;
      } else {
        end = endOfField(text, at, delimiter);
        const field = text.slice(at, end);
        if (field.includes(quote)) {
          return this.#fail(
            window,
            end,
            lines,
            `a quote stands inside the field ${JSON.stringify(field)}. Quote the field and double the quotes in it.`,
          );
        }
        fields.push(field);
      }
      if (text.startsWith(delimiter, end)) {
        at = end + delimiter.length;
        continue;
      }
      const after = text.charCodeAt(end) === 13 ? end + 1 : end;
      if (after >= text.length && !isEnd) return incomplete;
      if (after < text.length && text.charCodeAt(after) !== 10) {
        return this.#fail(
          window,
          end,
          lines,
          'text follows a closing quote. Double the quotes inside of a quoted field.',
        );
      }
      window.at = Math.min(after + 1, text.length);
      this.line += lines;
      return this.#row(window, fields, line);
    }
  }

  /** Throws the error of a malformed row, which reaches to the next line end behind `from`, once that is in the window. */
  #fail(window: TextWindow, from: number, lines: number, reason: string): typeof incomplete {
    const newline = window.text.indexOf('\n', from);
    if (newline < 0 && !window.isEnd) return incomplete;
    const { line } = this;
    window.at = newline < 0 ? window.text.length : newline + 1;
    this.line += lines;
    throw malformed(this.#path, line, reason);
  }

  #row(window: TextWindow, raw: string[], line: number): Row {
    const width = this.#width;
    if (width !== undefined && raw.length !== width) {
      throw malformed(this.#path, line, `the row has ${raw.length} fields, not ${width}.`);
    }
    const fields = window.isPlain ? raw : this.#decoded(raw, line);
    const header = this.#header;
    if (header === undefined) return fields;
    const row: Record<string, string> = {};
    for (let column = 0; column < header.length; column++) {
      const name = header[column] as string;
      const field = fields[column] as string;
      if (name === '__proto__')
        Object.defineProperty(row, name, { value: field, enumerable: true, writable: true, configurable: true });
      else row[name] = field;
    }
    return row;
  }

  #decoded(fields: string[], line: number): string[] {
    for (let column = 0; column < fields.length; column++) {
      const field = decodePiece(fields[column] as string, 'utf-8');
      if (field === undefined) throw malformed(this.#path, line, notUtf8);
      fields[column] = field;
    }
    return fields;
  }
}

/** The quote that ends a field which goes on at `from`, or -1; doubled quotes are part of the field. */
function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; ; ) {
    const found = text.indexOf(quote, at);
    if (found < 0 || !text.startsWith(quote, found + quote.length)) return found;
    at = found + 2 * quote.length;
  }
}

function endOfField(text: string, at: number, delimiter: string): number {
  const newline = text.indexOf('\n', at);
  const end = newline < 0 ? text.length : newline;
  const found = text.indexOf(delimiter, at);
  if (found >= 0 && found < end) return found;
  return end > at && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
}
