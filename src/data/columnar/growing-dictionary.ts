import { type Data, makeData, Utf8, Vector } from 'apache-arrow';
import { decodeColumn } from './arrow-values.ts';

/** Dictionaries grow up to this: beyond it a column is better off without one. */
const maxEntries = 200_000;
const maxChars = 16 * 1024 * 1024;

/** A dictionary of texts that later batches add to, each what is new as a chunk of its own: a delta, as the IPC format calls it. */
export class GrowingDictionary {
  #vector: Vector;
  readonly #codes = new Map<string, number>();
  #added: string[] = [];
  #chars = 0;

  constructor(vector: Vector) {
    this.#vector = vector;
    for (const text of decodeColumn(vector) as readonly string[]) this.#remember(text);
  }

  codeOf(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#added.push(text);
    return this.#remember(text);
  }

  get isTooLarge(): boolean {
    return this.#codes.size > maxEntries || this.#chars > maxChars;
  }

  /** All texts so far. */
  grown(): Vector {
    if (this.#added.length > 0) this.#vector = new Vector([...this.#vector.data, utf8Data(this.#added)]);
    this.#added = [];
    return this.#vector;
  }

  #remember(text: string): number {
    this.#codes.set(text, this.#codes.size);
    this.#chars += text.length;
    return this.#codes.size - 1;
  }
}

/** Texts, and null for what is none, as a column. */
export function utf8Data(values: readonly unknown[], nullCount = 0, nullBitmap: Uint8Array | null = null): Data<Utf8> {
  const texts = values.map((value) => (typeof value === 'string' ? value : ''));
  const valueOffsets = new Int32Array(texts.length + 1);
  for (const [index, text] of texts.entries())
    valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + Buffer.byteLength(text);
  const data = Buffer.from(texts.join(''));
  return makeData({ type: new Utf8(), length: texts.length, nullCount, nullBitmap, valueOffsets, data });
}
