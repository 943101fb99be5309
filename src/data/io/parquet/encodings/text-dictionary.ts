import { BinaryValues } from './binary-values.ts';
import { concatBinary } from './concat-values.ts';
import type { EncodedColumn } from './encoded-column.ts';

const maxDictionaryBytes = 1 << 20;
const sampleSize = 2048;

/** Encodes texts that are new to a dictionary; `firsts` says where among the texts at hand each comes first. */
export type EncodeEntries = (texts: readonly unknown[], firsts: readonly number[]) => BinaryValues;

/** Texts as codes into their distinct ones, as long as that pays. */
export class TextDictionary {
  readonly #codeOf = new Map<unknown, number>();
  readonly #entries: BinaryValues[] = [];
  readonly #codes: Int32Array[] = [];
  #size = 0;
  #count = 0;

  /** @returns false, and takes none of them, where codes do not pay: most texts are different, or they are too large together */
  append(texts: readonly unknown[], encodeEntries: EncodeEntries): boolean {
    const codes = new Int32Array(texts.length);
    const firsts: number[] = [];
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index];
      let code = this.#codeOf.get(text);
      if (code === undefined) {
        code = this.#add(text);
        firsts.push(index);
        if (!this.#pays(this.#count + index)) return false;
      }
      codes[index] = code;
    }
    this.#take(codes, encodeEntries(texts, firsts));
    return true;
  }

  /** As append, for texts that are codes already, into other distinct ones. */
  appendCodes(indices: Int32Array, distinct: readonly unknown[], encodeEntries: EncodeEntries): boolean {
    const firsts: number[] = [];
    const codeOf = Int32Array.from(distinct, (text, index) => {
      const code = this.#codeOf.get(text);
      if (code !== undefined) return code;
      firsts.push(index);
      return this.#add(text);
    });
    if (!this.#pays(this.#count + indices.length)) return false;
    const codes = new Int32Array(indices.length);
    for (let index = 0; index < codes.length; index++) codes[index] = codeOf[indices[index]!]!;
    this.#take(codes, encodeEntries(distinct, firsts));
    return true;
  }

  /** The column; undefined where codes did not pay in the end. */
  finish(): EncodedColumn | undefined {
    const distinct = this.#codeOf.size;
    if (distinct === 0 || (distinct > 1 && distinct > this.#count / 2)) return undefined;
    return { count: this.#count, values: concatBinary(this.#entries), codes: this.#allCodes() };
  }

  /** The texts themselves. */
  plain(): BinaryValues {
    const texts = new BinaryValues(this.#count);
    texts.gather(this.#allCodes(), concatBinary(this.#entries));
    return texts;
  }

  #allCodes(): Int32Array {
    const codes = new Int32Array(this.#count);
    let end = 0;
    for (const piece of this.#codes) {
      codes.set(piece, end);
      end += piece.length;
    }
    return codes;
  }

  #add(text: unknown): number {
    const code = this.#codeOf.size;
    this.#codeOf.set(text, code);
    this.#size += typeof text === 'string' ? text.length + 4 : 0;
    return code;
  }

  /** Whether codes have paid so far, after so many texts. */
  #pays(seen: number): boolean {
    return this.#size <= maxDictionaryBytes && (seen < sampleSize || this.#codeOf.size <= seen / 2);
  }

  #take(codes: Int32Array, entries: BinaryValues): void {
    this.#codes.push(codes);
    this.#count += codes.length;
    if (entries.count > 0) this.#entries.push(entries);
  }
}
