import { hasLoneSurrogate } from '../../../columnar/lone-surrogate.ts';
import type { BinaryValues } from './binary-values.ts';

/** Appends a text as UTF-8. @returns false for half of a surrogate pair, which UTF-8 has no bytes for */
export function appendText(texts: BinaryValues, text: string): boolean {
  const { length } = text;
  let end = texts.offsets[texts.count]!;
  const room = end + length;
  let heap = texts.heap;
  if (room > heap.length) heap = grow(texts, room);
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 127) return appendWide(texts, text, index, end);
    heap[end++] = unit;
  }
  texts.offsets[++texts.count] = end;
  return true;
}

/** The rest of a text from its first character beyond ASCII on. */
function appendWide(texts: BinaryValues, text: string, start: number, at: number): boolean {
  if (hasLoneSurrogate(text)) return false;
  const rest = Buffer.from(start === 0 ? text : text.slice(start), 'utf8');
  const end = at + rest.length;
  if (end > texts.heap.length) grow(texts, end);
  texts.heap.set(rest, at);
  texts.offsets[++texts.count] = end;
  return true;
}

function grow(texts: BinaryValues, size: number): Uint8Array {
  const grown = new Uint8Array(Math.max(size, texts.heap.length * 2, 1024));
  grown.set(texts.heap);
  texts.heap = grown;
  return grown;
}
