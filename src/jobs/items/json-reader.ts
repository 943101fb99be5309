import type { ItemReader } from '../definition/item-reader.ts';
import type { SchemaOutput, StandardSchemaV1 } from '../definition/standard-schema.ts';
import { countNewlines, notUtf8 } from './lines-reader.ts';
import { checkPath, checkSchema } from './option-checks.ts';
import { decodePiece, encodingOf, type TextEncoding, type TextOptions } from './text-encoding.ts';
import { incomplete, malformed, type RecordCutter, TextFileReader } from './text-records.ts';
import type { TextWindow } from './text-window.ts';
import { validateItem } from './validation.ts';

/**
 * The elements of a JSON file that holds one array, read as a stream, or what `schema` makes of them.
 *
 * @throws {MillraceError} MR_PARSE for an element that is no JSON, and when the file holds no array or does not end with
 *   it, with `details: { path, line }`; MR_INPUT_CHANGED when a restart finds another file
 */
export function jsonReader<S extends StandardSchemaV1>(
  path: string,
  options: TextOptions & { readonly schema: S },
): ItemReader<SchemaOutput<S>>;
// biome-ignore lint/suspicious/noExplicitAny: what a file holds is the user's knowledge, as with JSON.parse
export function jsonReader<I = any>(path: string, options?: TextOptions): ItemReader<I>;
export function jsonReader(
  path: string,
  options: TextOptions & { readonly schema?: StandardSchemaV1 } = {},
): ItemReader<unknown> {
  checkPath('jsonReader', path);
  checkSchema('jsonReader', options.schema);
  const encoding = encodingOf('jsonReader', options);
  const { schema } = options;
  return new TextFileReader<unknown>(path, {
    encoding,
    start: (file, from) => ({
      cutter: new ElementCutter(file.name, encoding, from?.line ?? 1, (from?.phase as Phase | undefined) ?? 'start'),
      offset: from?.offset ?? 0,
    }),
    check:
      schema &&
      ((value, { path: name, line }) => validateItem(schema, value, `${name}, line ${line}`, { path: name, line })),
  });
}

/** Before the `[`; before the first element or the `]`; before an element that must come; behind the `]`; after an error that ends the file. */
type Phase = 'start' | 'first' | 'element' | 'end' | 'broken';

class ElementCutter implements RecordCutter<unknown> {
  line: number;
  phase: Phase;
  readonly #path: string;
  readonly #encoding: TextEncoding;

  constructor(path: string, encoding: TextEncoding, line: number, phase: Phase) {
    this.#path = path;
    this.#encoding = encoding;
    this.line = line;
    this.phase = phase;
  }

  next(window: TextWindow): unknown {
    this.#skipSpace(window);
    const { text, at } = window;
    if (at === text.length) return window.isEnd ? undefined : incomplete;
    switch (this.phase) {
      case 'start':
        if (text[at] !== '[')
          throw this.#broken(window, `an array was expected here, not ${JSON.stringify(text[at])}.`);
        window.at += 1;
        this.phase = 'first';
        return undefined;
      case 'end':
        throw this.#broken(window, 'text follows the end of the array.');
      case 'broken':
        window.at = text.length;
        return undefined;
      case 'first':
      case 'element':
        return this.#element(window);
    }
  }

  end(window: TextWindow): void {
    if (this.phase === 'end' || this.phase === 'broken') return;
    throw this.#broken(
      window,
      this.phase === 'start' ? 'the file is empty: an array was expected.' : 'the array is not closed.',
    );
  }

  #element(window: TextWindow): unknown {
    const { text, at } = window;
    const end = endOfElement(text, at);
    if (end < 0) {
      if (!window.isEnd) return incomplete;
      throw this.#broken(
        window,
        'an element begins here that does not end: a quote, bracket or the array is not closed.',
      );
    }
    const isLast = text[end] === ']';
    const raw = text.slice(at, end);
    const { line } = this;
    const isEmptyArray = this.phase === 'first' && isLast && raw.trim() === '';
    window.at = end + 1;
    this.line += countNewlines(raw);
    this.phase = isLast ? 'end' : 'element';
    if (isEmptyArray) return undefined;
    const element = decodePiece(raw, this.#encoding);
    if (element === undefined) throw malformed(this.#path, line, notUtf8);
    try {
      return JSON.parse(element);
    } catch (error) {
      throw malformed(this.#path, line, `${(error as Error).message}.`, error);
    }
  }

  #skipSpace(window: TextWindow): void {
    const { text } = window;
    let { at } = window;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 10) this.line += 1;
      else if (code !== 32 && code !== 13 && code !== 9) break;
    }
    window.at = at;
  }

  /** An error behind which nothing can be read. */
  #broken(window: TextWindow, reason: string): Error {
    window.at = window.text.length;
    this.phase = 'broken';
    return malformed(this.#path, this.line, reason);
  }
}

/** Where the element that begins at `from` ends: its comma, or the bracket that closes the array; -1 when that is not in `text`. */
function endOfElement(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 34: {
        at = endOfString(text, at + 1);
        if (at < 0) return -1;
        break;
      }
      case 91: // [
      case 123: // {
        depth += 1;
        break;
      case 93: // ]
        if (depth <= 0) return at;
        depth -= 1;
        break;
      case 125: // }
        depth -= 1;
        break;
      case 44: // ,
        if (depth <= 0) return at;
        break;
    }
  }
  return -1;
}

/** The quote that closes a string whose text begins at `from`, or -1. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let slash = quote;
    while (slash > from && text.charCodeAt(slash - 1) === 92) slash -= 1;
    if ((quote - slash) % 2 === 0) return quote;
  }
  return -1;
}
