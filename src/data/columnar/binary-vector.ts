import type { EncodedVector, NullRows } from './layout.ts';
import { checkOffset } from './string-vector.ts';
import { ValueReader } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';

/** Uint8Arrays, all of one class. */
export function encodeBytes(
  values: ArrayLike<unknown>,
  start: number,
  end: number,
  nulls: NullRows,
  className: 'Uint8Array' | 'Buffer',
): EncodedVector {
  const length = end - start;
  const offsets = new Int32Array(length + 1);
  let total = 0;
  for (let row = 0; row < length; row++) {
    total += (values[start + row] as Uint8Array).length;
    checkOffset(total);
    offsets[row + 1] = total;
  }
  const bytes = new Uint8Array(total);
  for (let row = 0; row < length; row++) bytes.set(values[start + row] as Uint8Array, offsets[row]!);
  const layout = { kind: 'binary', length, nulls: nulls.nulls, nullCount: nulls.nullCount, class: className } as const;
  return { layout, buffers: [...nulls.buffers, offsets, bytes], children: [] };
}

/** Values of any kind, each written by {@link ValueWriter}. @throws UnsupportedValue */
export function encodeOpaque(values: ArrayLike<unknown>, start: number, end: number): EncodedVector {
  const length = end - start;
  const offsets = new Int32Array(length + 1);
  const writer = new ValueWriter();
  for (let row = 0; row < length; row++) {
    writer.write(values[start + row]);
    checkOffset(writer.position);
    offsets[row + 1] = writer.position;
  }
  return {
    layout: { kind: 'opaque', length, nulls: 'none', nullCount: 0 },
    buffers: [offsets, writer.written],
    children: [],
  };
}

/** Copies: a row owns its bytes and never points into shared memory. */
export function decodeBytes(
  offsets: Int32Array,
  bytes: Uint8Array,
  length: number,
  className: 'Uint8Array' | 'Buffer',
): Uint8Array[] {
  const values = new Array<Uint8Array>(length);
  for (let row = 0; row < length; row++) {
    const part = bytes.subarray(offsets[row]!, offsets[row + 1]!);
    if (className === 'Buffer') {
      values[row] = Buffer.from(part);
    } else {
      const copy = new Uint8Array(part.length);
      copy.set(part);
      values[row] = copy;
    }
  }
  return values;
}

export function decodeOpaque(offsets: Int32Array, bytes: Uint8Array, length: number): unknown[] {
  const reader = new ValueReader(bytes);
  const values = new Array<unknown>(length);
  for (let row = 0; row < length; row++) values[row] = reader.read(offsets[row]!);
  return values;
}
