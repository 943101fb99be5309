import type { RandomAccessFile } from '../file-system.ts';
import type { CsvDialect } from './csv-options.ts';

const newline = 10;
const chunkBytes = 4 * 1024 * 1024;

/**
 * The first beginning of a record at or after each of `targets` (ascending byte positions), or the size of the file.
 *
 * Whether a line break ends a record depends on all the quotes before it, so the file is read from its beginning, with
 * the tokenizer's rules: a quote opens a field only right after a delimiter or a line break. It hops from quote to quote
 * by `indexOf`, so a file without quotes costs little more than reading it.
 */
export function recordStarts(
  file: RandomAccessFile,
  targets: readonly number[],
  dialect: CsvDialect,
): readonly number[] {
  const { delimiter, quote, escape: escapeByte } = dialect;
  const found: number[] = [];
  const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(1, file.sizeBytes)));
  let previous = newline;
  let isQuoted = false;
  /** The byte before was a quote inside quotes, and the next byte says what it means. */
  let isAfterQuote = false;
  /** The byte before was an escape character inside quotes. */
  let isAfterEscape = false;
  for (let base = 0; found.length < targets.length; ) {
    const count = file.readInto(buffer, base);
    if (count === 0) break;
    const chunk = buffer.subarray(0, count);
    const fileStart = base > 0 ? -1 : chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
    for (let at = 0; at < count; ) {
      if (isAfterEscape) {
        isAfterEscape = false;
        at++;
      } else if (isAfterQuote) {
        isAfterQuote = false;
        if (escapeByte === quote && chunk[at] === quote) at++;
        else isQuoted = false;
      } else if (isQuoted) {
        const close = escapeByte === quote ? chunk.indexOf(quote, at) : nextOf(chunk, at, quote, escapeByte);
        if (close < 0) break;
        at = close + 1;
        if (chunk[close] === quote) isAfterQuote = true;
        else isAfterEscape = true;
      } else {
        const open = quote < 0 ? -1 : chunk.indexOf(quote, at);
        takeLineStarts(chunk, base, at, open < 0 ? count : open, targets, found);
        if (open < 0) break;
        const before = open === fileStart ? newline : open === 0 ? previous : chunk[open - 1];
        isQuoted = before === delimiter || before === newline;
        at = open + 1;
      }
    }
    previous = chunk[count - 1] ?? newline;
    base += count;
  }
  while (found.length < targets.length) found.push(file.sizeBytes);
  return found;
}

/** Bytes `from` to `to` of the chunk are outside of quotes: their line breaks end records. */
function takeLineStarts(
  chunk: Buffer,
  base: number,
  from: number,
  to: number,
  targets: readonly number[],
  found: number[],
): void {
  for (;;) {
    const target = targets[found.length];
    if (target === undefined || target > base + to) return;
    const lineEnd = chunk.indexOf(newline, Math.max(from, target - 1 - base));
    if (lineEnd < 0 || lineEnd >= to) return;
    found.push(base + lineEnd + 1);
  }
}

function nextOf(chunk: Buffer, from: number, a: number, b: number): number {
  for (let at = from; at < chunk.length; at++) if (chunk[at] === a || chunk[at] === b) return at;
  return -1;
}
