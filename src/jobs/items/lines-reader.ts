import type { ItemReader } from '../definition/item-reader.ts';
import type { InputFile } from './input-file.ts';
import { checkPath } from './option-checks.ts';
import { asRawText, decodePiece, encodingOf, type TextEncoding, type TextOptions } from './text-encoding.ts';
import {
  incomplete,
  malformed,
  type RecordCutter,
  TextFileReader,
  type TextPosition,
  type TextStart,
} from './text-records.ts';
import type { TextWindow } from './text-window.ts';

/** Cuts lines, which end with `\n` or `\r\n`; the last one may end with the file. */
class LineCutter<I> implements RecordCutter<I> {
  line: number;
  phase = '';
  readonly #path: string;
  readonly #encoding: TextEncoding;
  readonly #toItem: (line: string, fail: (reason: string, cause?: unknown) => Error) => I | undefined;

  /** @param toItem makes the item of a line, undefined when it has none */
  constructor(
    file: InputFile,
    encoding: TextEncoding,
    line: number,
    toItem: (line: string, fail: (reason: string, cause?: unknown) => Error) => I | undefined,
  ) {
    this.#path = file.name;
    this.#encoding = encoding;
    this.line = line;
    this.#toItem = toItem;
  }

  next(window: TextWindow): I | typeof incomplete | undefined {
    const { text, at } = window;
    const newline = text.indexOf('\n', at);
    if (newline < 0 && !window.isEnd) return incomplete;
    let end = newline < 0 ? text.length : newline;
    window.at = newline < 0 ? end : newline + 1;
    const { line } = this;
    this.line = line + 1;
    if (end > at && text.charCodeAt(end - 1) === 13) end -= 1;
    const decoded = decodePiece(text.slice(at, end), this.#encoding);
    const fail = (reason: string, cause?: unknown): Error => malformed(this.#path, line, reason, cause);
    if (decoded === undefined) throw fail(notUtf8);
    return this.#toItem(decoded, fail);
  }
}

/** The lines of a file, from its beginning or a position. */
export function startLines<I>(
  file: InputFile,
  encoding: TextEncoding,
  from: TextPosition | undefined,
  toItem: (line: string, fail: (reason: string, cause?: unknown) => Error) => I | undefined,
): TextStart<I> {
  return { cutter: new LineCutter(file, encoding, from?.line ?? 1, toItem), offset: from?.offset ?? 0 };
}

export const notUtf8 = "it is not valid utf-8. Read the file with encoding: 'latin1' if that is what it is in.";

/**
 * The lines of a text file, without their ends. `.gz`, `.zst` and `.br` files are decompressed.
 *
 * @throws {MillraceError} MR_PARSE for a line that is not in the encoding; MR_INPUT_CHANGED when a restart finds another file
 */
export function linesReader(path: string, options: TextOptions = {}): ItemReader<string> {
  checkPath('linesReader', path);
  const encoding = encodingOf('linesReader', options);
  return new TextFileReader(path, {
    encoding,
    start: (file, from) => startLines(file, encoding, from, (line) => line),
  });
}

/** Drops the first lines of a file: moves the window behind them and returns how many there were. */
export async function skipLines(window: TextWindow, count: number): Promise<number> {
  const newline = asRawText('\n', window.encoding);
  let skipped = 0;
  while (skipped < count) {
    const end = window.text.indexOf(newline, window.at);
    if (end >= 0) {
      window.at = end + 1;
      skipped += 1;
    } else if (window.isEnd) {
      window.at = window.text.length;
      break;
    } else await window.fill();
  }
  return skipped;
}

export function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
