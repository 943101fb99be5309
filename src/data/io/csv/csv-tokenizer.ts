import type { CsvDialect } from './csv-options.ts';

const newline = 10;
const carriageReturn = 13;

/** How many bytes after the data a buffer must have for the tokenizer to write to. */
export const tokenizerSlack = 2;

/** How a field was written. `escaped`: quoted, and its text holds escape characters that are to be taken out. */
export const fieldPlain = 0;
const fieldQuoted = 1;
export const fieldEscaped = 2;
/** Quoted, with text between the closing quote and the next delimiter: malformed. */
export const fieldBroken = 3;
/** Quoted, and the file ended before the closing quote. */
export const fieldUnterminated = 4;

/**
 * Finds the fields of CSV records in bytes, by RFC 4180: a field that begins with a quote ends at the next quote that is
 * not escaped, and may contain delimiters and line breaks; a quote elsewhere is an ordinary character. Records end with
 * \n or \r\n. It reads no values.
 *
 * After `scan`, record r has the fields `firstField[r]` to `firstField[r + 1]` (not included), and field f the bytes
 * `starts[f]` to `ends[f]`, written as `kinds[f]` says; the record's first byte is `recordStarts[r]`.
 */
export class CsvTokenizer {
  starts: Int32Array = new Int32Array(4096);
  ends: Int32Array = new Int32Array(4096);
  kinds: Uint8Array = new Uint8Array(4096);
  readonly firstField: Int32Array;
  readonly recordStarts: Int32Array;
  numRecords = 0;
  /** Whether a field of these records is broken or unterminated. */
  sawBroken = false;
  #sawEscape = false;
  readonly #maxRecords: number;
  readonly #dialect: CsvDialect;
  /** 1 for the bytes that end a field which is not quoted. */
  readonly #ends: Uint8Array = new Uint8Array(256);

  constructor(dialect: CsvDialect, maxRecords = 1024) {
    this.#dialect = dialect;
    this.#maxRecords = maxRecords;
    this.firstField = new Int32Array(maxRecords + 1);
    this.recordStarts = new Int32Array(maxRecords + 1);
    this.#ends[dialect.delimiter] = 1;
    this.#ends[newline] = 1;
  }

  /**
   * Takes whole records from `from` on, up to `maxRecords`. A record that reaches `to` without its line break is left for
   * the next call, unless `isEnd`. The two bytes from `to` on are overwritten: the buffer must have room for them.
   * @returns where the next record begins
   */
  scan(buffer: Uint8Array, from: number, to: number, isEnd: boolean): number {
    const { quote, comment, escape: escapeByte } = this.#dialect;
    const isDoubling = escapeByte === quote;
    const maxRecords = this.#maxRecords;
    const endsField = this.#ends;
    const { firstField, recordStarts } = this;
    let { starts, ends, kinds } = this;
    let fields = 0;
    let records = 0;
    let at = from;
    this.sawBroken = false;
    // So that the loops over a field's bytes need no second condition.
    buffer[to] = newline;
    buffer[to + 1] = quote;
    scanning: while (records < maxRecords && at < to) {
      const recordStart = at;
      const recordFields = fields;
      if (buffer[at] === comment) {
        while (buffer[at] !== newline) at++;
        if (at >= to && !isEnd) {
          at = recordStart;
          break;
        }
        at++;
        continue;
      }
      for (;;) {
        if (fields === starts.length) {
          this.#grow();
          ({ starts, ends, kinds } = this);
        }
        if (buffer[at] === quote && at < to) {
          const start = at + 1;
          let close = start;
          let kind = fieldQuoted;
          if (isDoubling)
            for (;;) {
              while (buffer[close] !== quote) close++;
              if (buffer[close + 1] !== quote || close >= to) break;
              kind = fieldEscaped;
              close += 2;
            }
          else {
            close = this.#closingQuote(buffer, start, to);
            if (this.#sawEscape) kind = fieldEscaped;
          }
          // A quote in the last byte may turn out to be the first of two.
          if (close >= to - 1 && !isEnd) {
            at = recordStart;
            fields = recordFields;
            break scanning;
          }
          if (close >= to) {
            close = to;
            kind = fieldUnterminated;
          }
          at = Math.min(close + 1, to);
          if (kind !== fieldUnterminated && endsField[buffer[at] as number] === 0) {
            if (buffer[at] === carriageReturn && buffer[at + 1] === newline && (at + 1 < to || !isEnd)) at++;
            else {
              while (endsField[buffer[at] as number] === 0) at++;
              kind = fieldBroken;
            }
          }
          starts[fields] = start;
          ends[fields] = close;
          kinds[fields] = kind;
          if (kind >= fieldBroken) this.sawBroken = true;
        } else {
          const start = at;
          while (endsField[buffer[at] as number] === 0) at++;
          starts[fields] = start;
          ends[fields] =
            at > start && at < to && buffer[at] === newline && buffer[at - 1] === carriageReturn ? at - 1 : at;
          kinds[fields] = fieldPlain;
        }
        fields++;
        if (at >= to) {
          if (isEnd) break;
          at = recordStart;
          fields = recordFields;
          break scanning;
        }
        if (buffer[at] === newline) break;
        at++;
      }
      at++;
      recordStarts[records] = recordStart;
      firstField[records++] = recordFields;
    }
    firstField[records] = fields;
    recordStarts[records] = Math.min(at, to);
    this.numRecords = records;
    return Math.min(at, to);
  }

  /** With an escape character of its own: the position of the quote that closes a field whose text begins at `from`, or `to`. */
  #closingQuote(buffer: Uint8Array, from: number, to: number): number {
    const { quote, escape: escapeByte } = this.#dialect;
    this.#sawEscape = false;
    for (let at = from; at < to; at++) {
      if (buffer[at] === quote) return at;
      if (buffer[at] === escapeByte) {
        this.#sawEscape = true;
        at++;
      }
    }
    return to;
  }

  #grow(): void {
    const size = this.starts.length * 2;
    const { starts, ends, kinds } = this;
    this.starts = new Int32Array(size);
    this.starts.set(starts);
    this.ends = new Int32Array(size);
    this.ends.set(ends);
    this.kinds = new Uint8Array(size);
    this.kinds.set(kinds);
  }
}
