import { isAscii, isUtf8 } from 'node:buffer';
import type { ParquetType } from '../schema.ts';
import type { BinaryValues } from './binary-values.ts';
import { type Cell, CellError, type CellReader, withNulls } from './cell.ts';
import { bigEndianInteger, decimalText } from './scalar-text.ts';

/** V8 copies a substring shorter than this; a longer one keeps the whole text alive that it was cut from. */
const minSliceLength = 13;

export function binaryCells(values: BinaryValues, present: Uint8Array | undefined, type: ParquetType): CellReader {
  if (!isText(type)) return withNulls(bytesCell(values, type), present);
  const text = checkedText(values);
  return (start, end) => textCells(text, values.offsets, present, start, end);
}

/** Texts are made once a dictionary entry; bytes once a value, because a caller may write into them. */
export function dictionaryCells(
  codes: Int32Array,
  dictionary: BinaryValues,
  present: Uint8Array | undefined,
  type: ParquetType,
): CellReader {
  if (isText(type) || type.kind === 'decimal') {
    const entries = binaryCells(dictionary, undefined, type)(0, dictionary.count);
    return withNulls((slot) => entries[codes[slot]!], present);
  }
  const cell = bytesCell(dictionary, type);
  return withNulls((slot) => cell(codes[slot]!), present);
}

function isText({ kind }: ParquetType): boolean {
  return kind === 'string' || kind === 'enum' || kind === 'json';
}

function bytesCell({ heap, offsets }: BinaryValues, type: ParquetType): Cell {
  if (type.kind === 'decimal') {
    const { scale } = type;
    return (slot) => decimalText(bigEndianInteger(heap, offsets[slot]!, offsets[slot + 1]! - offsets[slot]!), scale);
  }
  return (slot) => heap.slice(offsets[slot]!, offsets[slot + 1]!);
}

interface CheckedText {
  readonly bytes: Buffer;
  readonly isAscii: boolean;
}

/** Makes sure that every value is UTF-8: all together they must be, and no one may begin in the middle of a character. */
function checkedText({ heap, offsets, count }: BinaryValues): CheckedText {
  const used = heap.subarray(0, offsets[count]!);
  const bytes = Buffer.from(used.buffer, used.byteOffset, used.byteLength);
  if (isAscii(used)) return { bytes, isAscii: true };
  let isWhole = isUtf8(used);
  for (let slot = 0; isWhole && slot < count; slot++)
    if (offsets[slot]! < offsets[slot + 1]! && (used[offsets[slot]!]! & 0xc0) === 0x80) isWhole = false;
  if (isWhole) return { bytes, isAscii: false };
  for (let slot = 0; slot < count; slot++) {
    const value = bytes.subarray(offsets[slot]!, offsets[slot + 1]!);
    if (!isUtf8(value))
      throw new CellError(`a text is not UTF-8: its bytes are ${value.subarray(0, 32).toString('hex')}.`, slot);
  }
  return { bytes, isAscii: false };
}

function textCells(
  { bytes, isAscii: ascii }: CheckedText,
  offsets: Int32Array,
  present: Uint8Array | undefined,
  start: number,
  end: number,
): unknown[] {
  const cells = new Array<unknown>(end - start);
  const base = offsets[start]!;
  // One text for the whole range, from which short values are cut: a call into C++ for each costs five times as much.
  const cutsShort = ascii && offsets[end]! - base <= (end - start) * 64;
  const whole = cutsShort ? bytes.toString('latin1', base, offsets[end]) : '';
  const encoding = ascii ? 'latin1' : 'utf8';
  for (let slot = start; slot < end; slot++) {
    if (present !== undefined && present[slot] !== 1) {
      cells[slot - start] = null;
      continue;
    }
    const from = offsets[slot]!;
    const to = offsets[slot + 1]!;
    if (cutsShort && to - from < minSliceLength) cells[slot - start] = whole.substring(from - base, to - base);
    else cells[slot - start] = bytes.toString(encoding, from, to);
  }
  return cells;
}
