import { isAscii } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import type { InputFile } from './input-file.ts';
import { byteOrderMark, isRealText, rawText, type TextEncoding } from './text-encoding.ts';

const blockBytes = 256 * 1024;

/**
 * The part of a text file that is being cut into records: `text` from `at` on is what has not been read.
 *
 * Invariant: `text` is raw text (see {@link rawText}), so `offset` is exact at every record. Kept by `fill`.
 */
export class TextWindow {
  text = '';
  at = 0;
  /** Whether `text` reaches to the end of the file. */
  isEnd = false;
  /** Whether raw text and real text are the same here. */
  isPlain = true;
  readonly encoding: TextEncoding;
  readonly #file: InputFile;
  readonly #bytesPerCharacter: number;
  #base: number;
  readonly #block: Buffer = Buffer.allocUnsafeSlow(blockBytes);

  constructor(file: InputFile, encoding: TextEncoding, offset: number) {
    this.#file = file;
    this.encoding = encoding;
    this.#bytesPerCharacter = encoding === 'utf-16le' ? 2 : 1;
    this.#base = offset;
  }

  /** The byte of the file, decompressed, at which `at` stands. */
  get offset(): number {
    return this.#base + this.at * this.#bytesPerCharacter;
  }

  /**
   * Takes more of the file in and lets the event loop turn. What has been read is dropped, so memory stays that of a
   * block; a record longer than the window doubles it.
   */
  async fill(): Promise<void> {
    await setImmediate();
    const rest = this.text.slice(this.at);
    const base = this.offset;
    const pieces = [rest];
    let isPlain = this.isPlain || isRealText(rest, this.encoding);
    let wanted = Math.max(blockBytes, rest.length);
    let end = base + rest.length * this.#bytesPerCharacter;
    let isEnd = false;
    while (wanted > 0) {
      const count = this.#file.read(this.#block, end);
      const bytes = this.#block.subarray(0, count);
      pieces.push(rawText(bytes, this.encoding));
      isPlain &&= this.encoding !== 'utf-8' || isAscii(bytes);
      end += count;
      wanted -= count;
      isEnd = count < this.#block.length;
      if (isEnd) break;
    }
    this.text = pieces.join('');
    this.at = 0;
    this.#base = base;
    this.isEnd = isEnd;
    this.isPlain = isPlain;
    if (base === 0) this.#skipByteOrderMark();
  }

  #skipByteOrderMark(): void {
    const mark = rawText(byteOrderMark(this.encoding), this.encoding);
    if (mark !== '' && this.text.startsWith(mark)) this.at = mark.length;
  }
}
