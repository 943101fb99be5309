import type { ParquetLeaf } from '../column-shape.ts';
import { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';

/** A bound as it is written: perhaps shortened, then it is no value of the column. */
export interface Bound {
  readonly bytes: Uint8Array;
  readonly isExact: boolean;
}

const maxBoundBytes = 64;

/** Not above the value at `index`: long bytes are cut, texts between characters. */
export function lowerBound(leaf: ParquetLeaf, values: FixedValues | BinaryValues, index: number): Bound {
  const bytes = valueBytes(values, index);
  return bytes.length <= maxBoundBytes || isFixed(leaf)
    ? { bytes, isExact: true }
    : { bytes: cut(leaf, bytes), isExact: false };
}

/** Not below the value at `index`: long bytes are cut and then raised by one; undefined where they cannot be raised. */
export function upperBound(leaf: ParquetLeaf, values: FixedValues | BinaryValues, index: number): Bound | undefined {
  const bytes = valueBytes(values, index);
  if (bytes.length <= maxBoundBytes || isFixed(leaf)) return { bytes, isExact: true };
  const raised = isText(leaf) ? raiseText(cut(leaf, bytes)) : raiseBytes(cut(leaf, bytes));
  return raised && { bytes: raised, isExact: false };
}

function valueBytes(values: FixedValues | BinaryValues, index: number): Uint8Array {
  if (values instanceof BinaryValues) return values.heap.slice(values.offsets[index], values.offsets[index + 1]);
  return values.bytes.slice(index * values.width, (index + 1) * values.width);
}

function isFixed(leaf: ParquetLeaf): boolean {
  return leaf.physical !== 'BYTE_ARRAY';
}

function isText({ type }: ParquetLeaf): boolean {
  return type.kind === 'string' || type.kind === 'enum' || type.kind === 'json';
}

function cut(leaf: ParquetLeaf, bytes: Uint8Array): Uint8Array {
  let end = maxBoundBytes;
  if (isText(leaf)) while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.slice(0, end);
}

function raiseBytes(bytes: Uint8Array): Uint8Array | undefined {
  for (let end = bytes.length - 1; end >= 0; end--) {
    if (bytes[end] === 0xff) continue;
    const raised = bytes.slice(0, end + 1);
    raised[end]!++;
    return raised;
  }
  return undefined;
}

/** Raises the last character that can be raised to the next one, so that the bound stays UTF-8. */
function raiseText(bytes: Uint8Array): Uint8Array | undefined {
  const characters = Array.from(Buffer.from(bytes).toString('utf8'));
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const next = last.codePointAt(0)! + 1;
    if (next > 0x10ffff) continue;
    // Surrogates are no characters.
    return Buffer.from(`${characters.join('')}${String.fromCodePoint(next === 0xd800 ? 0xe000 : next)}`, 'utf8');
  }
  return undefined;
}
