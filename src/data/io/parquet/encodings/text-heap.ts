import { hasLoneSurrogate } from '../../../columnar/lone-surrogate.ts';
import { BinaryValues } from './binary-values.ts';

const runLength = 128;

/**
 * Texts as UTF-8. Some are written together: a call into C++ for each would cost more than its bytes.
 *
 * @returns the texts, and in `unfit` the position of one with half of a surrogate pair, which UTF-8 has no bytes for, or -1
 */
export function utf8Of(values: readonly string[]): { readonly texts: BinaryValues; readonly unfit: number } {
  let characters = 0;
  for (const value of values) characters += value.length;
  const texts = new BinaryValues(values.length, characters);
  for (let start = 0; start < values.length; start += runLength) {
    const unfit = appendRun(texts, values.slice(start, start + runLength));
    if (unfit >= 0) return { texts, unfit: start + unfit };
  }
  return { texts, unfit: -1 };
}

/** @returns the position of a text that UTF-8 has no bytes for, or -1 */
function appendRun(texts: BinaryValues, run: readonly string[]): number {
  const joined = run.join('');
  let end = texts.offsets[texts.count]!;
  reserve(texts, end + joined.length * 3);
  const heap = Buffer.from(texts.heap.buffer, texts.heap.byteOffset, texts.heap.length);
  const written = heap.write(joined, end, 'utf8');
  if (written === joined.length) {
    for (const text of run) {
      end += text.length;
      texts.offsets[++texts.count] = end;
    }
    return -1;
  }
  for (const [index, text] of run.entries()) {
    if (hasLoneSurrogate(text)) return index;
    end += heap.write(text, end, 'utf8');
    texts.offsets[++texts.count] = end;
  }
  return -1;
}

function reserve(texts: BinaryValues, size: number): void {
  if (size <= texts.heap.length) return;
  const grown = new Uint8Array(Math.max(size, texts.heap.length * 2));
  grown.set(texts.heap);
  texts.heap = grown;
}
