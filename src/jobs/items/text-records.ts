import { MillraceError } from '../../base/errors.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { StepContext } from '../definition/step-context.ts';
import { fileSystemsOf } from './file-systems.ts';
import { type FileFingerprint, InputFile } from './input-file.ts';
import type { TextEncoding } from './text-encoding.ts';
import { TextWindow } from './text-window.ts';

/** The window holds only a part of the next record. */
export const incomplete: unique symbol = Symbol('incomplete');

/**
 * Cuts records off the text of a window: moves `window.at` past a record and returns it.
 *
 * At the end of the file (`window.isEnd`) every record is whole. A malformed record is thrown, as MR_PARSE, with
 * `window.at`, `line` and `phase` behind it (ST-204).
 */
export interface RecordCutter<I> {
  /** The line the next record begins in, from 1. */
  line: number;
  /** Where the format stands, when that is more than a place: inside an array, say. */
  phase: string;
  /** The next record, {@link incomplete} when more text is needed, or undefined for text that holds no record. */
  next(window: TextWindow): I | typeof incomplete | undefined;
  /** Looks at the text behind the last record. */
  end?(window: TextWindow): void;
}

/** Where the next record of a file begins, as checkpoints keep it. */
export interface TextPosition {
  readonly line: number;
  readonly phase: string;
  readonly offset: number;
  readonly file: FileFingerprint;
}

/** A text format: how its records are cut, from the beginning of a file or from a position in it. */
export interface TextFormat<I> {
  readonly encoding: TextEncoding;
  start(file: InputFile, position: TextPosition | undefined): Promise<TextStart<I>> | TextStart<I>;
  /** Looks at each record that was cut: a schema. */
  readonly check?: ((item: I, where: RecordPlace) => I | Promise<I>) | undefined;
}

export interface TextStart<I> {
  readonly cutter: RecordCutter<I>;
  /** The offset of its first record. */
  readonly offset: number;
}

export interface RecordPlace {
  readonly path: string;
  readonly line: number;
}

/** No record is longer (in characters of raw text): what is never closed ends here, not with the memory. */
const longestRecord = 128 * 1024 * 1024;

/** A reader of the records of one text file. Restarts at the byte it stopped at; a compressed file is read again up to there. */
export class TextFileReader<I> implements ItemReader<I> {
  readonly #path: string;
  readonly #format: TextFormat<I>;

  constructor(path: string, format: TextFormat<I>) {
    this.#path = path;
    this.#format = format;
  }

  async open(position: JsonValue | undefined, c: StepContext<unknown, unknown>): Promise<ItemStream<I>> {
    const from = position as unknown as TextPosition | undefined;
    const file = new InputFile(this.#path, from?.file, fileSystemsOf(c));
    try {
      const { cutter, offset } = await this.#format.start(file, from);
      const window = new TextWindow(file, this.#format.encoding, offset);
      return new TextStream(file, window, cutter, this.#format.check);
    } catch (error) {
      file.close();
      throw error;
    }
  }
}

class TextStream<I> implements ItemStream<I> {
  readonly #file: InputFile;
  readonly #window: TextWindow;
  readonly #cutter: RecordCutter<I>;
  readonly #check: TextFormat<I>['check'];

  constructor(file: InputFile, window: TextWindow, cutter: RecordCutter<I>, check: TextFormat<I>['check']) {
    this.#file = file;
    this.#window = window;
    this.#cutter = cutter;
    this.#check = check;
  }

  async read(size: number): Promise<readonly I[]> {
    const items: I[] = [];
    const window = this.#window;
    const cutter = this.#cutter;
    const check = this.#check;
    while (items.length < size) {
      const { at } = window;
      const { line, phase } = cutter;
      try {
        if (at === window.text.length && window.isEnd) {
          cutter.end?.(window);
          break;
        }
        const item = cutter.next(window);
        if (item === incomplete) {
          await this.#fill();
          continue;
        }
        if (item !== undefined)
          items.push(check === undefined ? item : await check(item, { path: this.#file.name, line }));
      } catch (error) {
        if (items.length === 0 && isOfRecord(error)) throw error;
        // Back to before it: what was read comes first, and an error to be tried again has read nothing.
        window.at = at;
        cutter.line = line;
        cutter.phase = phase;
        if (items.length === 0) throw error;
        break;
      }
    }
    return items;
  }

  position(): JsonValue {
    const { line, phase } = this.#cutter;
    return { line, phase, offset: this.#window.offset, file: this.#file.fingerprint };
  }

  progress(): { current: number; total?: number } {
    const current = this.#window.offset;
    return this.#file.isCompressed ? { current } : { current, total: this.#file.fingerprint.size };
  }

  close(): void {
    this.#file.close();
  }

  async #fill(): Promise<void> {
    const window = this.#window;
    if (window.text.length - window.at < longestRecord) return window.fill();
    const { line } = this.#cutter;
    throw new MillraceError(
      'MR_IO',
      `${this.#file.name}, line ${line}: a record of more than ${longestRecord / 1024 / 1024} MiB begins here. Is a quote or bracket not closed?`,
      { details: { path: this.#file.name, line } },
    );
  }
}

/** Whether the error is about one record, which is then behind us. */
function isOfRecord(error: unknown): boolean {
  return error instanceof MillraceError && (error.code === 'MR_PARSE' || error.code === 'MR_VALIDATION');
}

/** MR_PARSE with path and line in message and details. */
export function malformed(path: string, line: number, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('MR_PARSE', `${path}, line ${line}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { path, line },
  });
}
