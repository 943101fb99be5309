import type { RandomAccessFile } from '../file-system.ts';
import type { CsvDialect } from './csv-options.ts';

const newline = 10;
const chunkBytes = 4 * 1024 * 1024;
const markBytes = 3;
/** How far from a target its neighbourhood reaches. */
const windowBytes = 256 * 1024;

/**
 * A beginning of a record at or after each of `targets` (ascending byte positions), or the size of the file.
 *
 * Whether a line break ends a record depends on all the quotes before it, but mostly a few bytes around it tell: see {@link surePlaces}.
 * Where they do not, the bytes since the last beginning that is known are read; or with `isFar`, where that would fetch the file twice,
 * there is none for this target.
 */
export function recordStarts(
  file: RandomAccessFile,
  targets: readonly number[],
  dialect: CsvDialect,
  isFar: boolean,
): readonly number[] {
  const findSure = surePlaces(dialect);
  const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(1, file.sizeBytes)));
  const found: number[] = [];
  let known = 0;
  for (const target of targets) {
    // A long record may reach beyond several targets.
    if (target > known) {
      const window = buffer.subarray(0, file.readInto(buffer.subarray(0, windowBytes), target - 1));
      // A quote behind a byte order mark opens a field, which its bytes do not tell.
      const sure = target > markBytes ? findSure(window) : undefined;
      if (sure !== undefined) known = target - 1 + sure;
      else if (!isFar) known = recordStartFrom(file, known, target, dialect, buffer);
    }
    found.push(known);
  }
  return found;
}

/** Where the tokenizer can be before a byte, one bit each. */
const states = { fieldStart: 1, outside: 2, quoted: 4, afterQuote: 8, afterEscape: 16 } as const;
const anyState = 31;
const byteClasses = { other: 0, quote: 1, escape: 2, delimiter: 3, newline: 4 } as const;
const numClasses = 5;

/**
 * What finds, in bytes from any place of a file, the first beginning of a record that is one whatever came before them. It follows the
 * tokenizer from every state it might be in. The states soon become one: a quote that stands neither behind a delimiter nor behind a line
 * break can only close, or be an ordinary character.
 *
 * @see Ge et al., Speculative Distributed CSV Data Parsing for Big Data Analytics, SIGMOD 2019; here nothing is guessed
 */
function surePlaces({ quote, delimiter, escape: escapeByte }: CsvDialect): (bytes: Uint8Array) => number | undefined {
  const classes = new Uint8Array(256).fill(byteClasses.other);
  if (escapeByte >= 0) classes[escapeByte] = byteClasses.escape;
  if (quote >= 0) classes[quote] = byteClasses.quote;
  classes[delimiter] = byteClasses.delimiter;
  classes[newline] = byteClasses.newline;
  const isDoubling = escapeByte === quote;
  const outside = (byteClass: number): number =>
    byteClass >= byteClasses.delimiter ? states.fieldStart : states.outside;
  const nextOf: Readonly<Record<number, (byteClass: number) => number>> = {
    [states.fieldStart]: (byteClass) => (byteClass === byteClasses.quote ? states.quoted : outside(byteClass)),
    [states.outside]: outside,
    [states.quoted]: (byteClass) =>
      byteClass === byteClasses.quote
        ? states.afterQuote
        : byteClass === byteClasses.escape
          ? states.afterEscape
          : states.quoted,
    [states.afterQuote]: (byteClass) =>
      isDoubling && byteClass === byteClasses.quote ? states.quoted : outside(byteClass),
    [states.afterEscape]: () => states.quoted,
  };
  const outsideOnly = states.fieldStart | states.outside;
  const start = quote < 0 ? outsideOnly : isDoubling ? anyState & ~states.afterEscape : anyState;
  const next = new Uint8Array((anyState + 1) * numClasses);
  for (let set = 1; set <= anyState; set++)
    for (let byteClass = 0; byteClass < numClasses; byteClass++)
      for (const [state, step] of Object.entries(nextOf))
        if ((set & Number(state)) !== 0)
          next[set * numClasses + byteClass] = (next[set * numClasses + byteClass] as number) | step(byteClass);
  return (bytes) => {
    let set = start;
    for (let at = 0; at < bytes.length; at++) {
      const byteClass = classes[bytes[at] as number] as number;
      set = next[set * numClasses + byteClass] as number;
      if (set === states.fieldStart && byteClass === byteClasses.newline) return at + 1;
    }
    return undefined;
  };
}

/**
 * The first beginning of a record at or after `target`, read from one that is known, with the tokenizer's rules: a quote opens a field
 * only right after a delimiter or a line break. It hops from quote to quote by `indexOf`, so bytes without quotes cost little more than
 * reading them.
 */
function recordStartFrom(
  file: RandomAccessFile,
  from: number,
  target: number,
  dialect: CsvDialect,
  buffer: Buffer,
): number {
  const { delimiter, quote, escape: escapeByte } = dialect;
  let previous = newline;
  let isQuoted = false;
  /** The byte before was a quote inside quotes, and the next byte says what it means. */
  let isAfterQuote = false;
  /** The byte before was an escape character inside quotes. */
  let isAfterEscape = false;
  for (let base = from; ; ) {
    const count = file.readInto(buffer, base);
    if (count === 0) return file.sizeBytes;
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
        const lineStart = lineStartIn(chunk, at, open < 0 ? count : open, target - base);
        if (lineStart !== undefined) return base + lineStart;
        if (open < 0) break;
        const before = open === fileStart ? newline : open === 0 ? previous : chunk[open - 1];
        isQuoted = before === delimiter || before === newline;
        at = open + 1;
      }
    }
    previous = chunk[count - 1] ?? newline;
    base += count;
  }
}

/** Bytes `from` to `to` of the chunk are outside of quotes, so their line breaks end records: the first that begins at `target` or later. */
function lineStartIn(chunk: Buffer, from: number, to: number, target: number): number | undefined {
  if (target > to) return undefined;
  const lineEnd = chunk.indexOf(newline, Math.max(from, target - 1));
  return lineEnd < 0 || lineEnd >= to ? undefined : lineEnd + 1;
}

function nextOf(chunk: Buffer, from: number, a: number, b: number): number {
  for (let at = from; at < chunk.length; at++) if (chunk[at] === a || chunk[at] === b) return at;
  return -1;
}
