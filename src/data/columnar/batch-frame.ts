import { MillraceError } from '../../base/errors.ts';
import type { EncodedVector, Layout } from './layout.ts';

/**
 * A batch as bytes, the same in memory and in a file (little endian):
 *
 *   0  uint32  magic "MRB1"
 *   4  uint32  rows
 *   8  uint32  bytes of the layout
 *   12 uint32  number of buffers
 *   16 float64 pairs: start (from the start of the batch) and length of each buffer
 *   .. JSON of the layout
 *   .. the buffers, each at a multiple of 64 bytes, the last padded to one as well
 *
 * Kernels may read, never write, up to 63 bytes past a buffer: the padding is zero.
 */
const magic = 0x3142524d;
const alignment = 64;
const headerBytes = 16;

const align = (position: number): number => Math.ceil(position / alignment) * alignment;

/** Gives memory for a batch: zeroed, starting at a multiple of 8 bytes. */
export type Allocate = (byteLength: number) => Uint8Array;

export function allocateShared(byteLength: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(byteLength));
}

function collectBuffers(vector: EncodedVector, into: ArrayBufferView[]): ArrayBufferView[] {
  into.push(...vector.buffers);
  for (const child of vector.children) collectBuffers(child, into);
  return into;
}

/** Lays an encoded column out as one batch. */
export function frameBatch(root: EncodedVector, allocate: Allocate): Uint8Array {
  const buffers = collectBuffers(root, []);
  const layout = Buffer.from(JSON.stringify(root.layout));
  const table = new Float64Array(buffers.length * 2);
  let position = headerBytes + table.byteLength + layout.length;
  for (const [index, buffer] of buffers.entries()) {
    position = align(position);
    table[index * 2] = position;
    table[index * 2 + 1] = buffer.byteLength;
    position += buffer.byteLength;
  }
  const batch = allocate(align(position));
  new Uint32Array(batch.buffer, batch.byteOffset, 4).set([magic, root.layout.length, layout.length, buffers.length]);
  batch.set(new Uint8Array(table.buffer), headerBytes);
  batch.set(layout, headerBytes + table.byteLength);
  for (const [index, buffer] of buffers.entries()) {
    batch.set(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength), table[index * 2]!);
  }
  return batch;
}

/** What a batch says of itself, and its buffers as views in the order of the layout. */
export interface OpenBatch {
  readonly layout: Layout;
  readonly buffers: readonly Uint8Array[];
}

function headerOf(bytes: Uint8Array): DataView {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < headerBytes || header.getUint32(0, true) !== magic) {
    throw new MillraceError(
      'MR_BUG',
      `${bytes.byteLength} bytes that should be a record batch are not one: they do not start with "MRB1".`,
    );
  }
  return header;
}

/** Rows of a batch, from its header alone. */
export function batchRows(bytes: Uint8Array): number {
  return headerOf(bytes).getUint32(4, true);
}

/** Opens a batch without copying it, unless it starts at an address that is no multiple of 8 (a slice of a file): then once. */
export function openBatch(bytes: Uint8Array): OpenBatch {
  const header = headerOf(bytes);
  if (bytes.byteOffset % 8 !== 0) return openBatch(new Uint8Array(bytes));
  const layoutBytes = header.getUint32(8, true);
  const numBuffers = header.getUint32(12, true);
  const table = new Float64Array(bytes.buffer, bytes.byteOffset + headerBytes, numBuffers * 2);
  const start = bytes.byteOffset + headerBytes + table.byteLength;
  const text = Buffer.from(bytes.buffer as ArrayBuffer, start, layoutBytes).toString();
  const buffers: Uint8Array[] = [];
  for (let index = 0; index < numBuffers; index++) {
    buffers.push(new Uint8Array(bytes.buffer, bytes.byteOffset + table[index * 2]!, table[index * 2 + 1]!));
  }
  return { layout: JSON.parse(text) as Layout, buffers };
}
