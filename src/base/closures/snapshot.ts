import { Deserializer, Serializer } from 'node:v8';
import type { LargeBuffer } from './payload.ts';

/** ArrayBuffers and captured data from this size on go to shared memory. */
const largeBytes = 256 * 1024;

/** Plain data as bytes. Bytes of ArrayBuffers of 256 KB and more stand apart, one copy each. */
export interface Snapshot {
  readonly data: Uint8Array | number;
  readonly largeBuffers: readonly LargeBuffer[];
}

/**
 * Copies plain values all at once, so that an object that two of them hold is one object again after reading.
 *
 * @param buffers the ArrayBuffers in the values, and whether each is proven to be only read
 * @param shared shared memory is added here
 */
export function writeSnapshot(
  values: readonly unknown[],
  buffers: ReadonlyMap<ArrayBuffer, boolean>,
  shared: SharedArrayBuffer[],
): Snapshot {
  const serializer = new DataSerializer();
  const largeBuffers: LargeBuffer[] = [];
  for (const [buffer, readOnly] of buffers) {
    if (buffer.byteLength < largeBytes) continue;
    serializer.transferArrayBuffer(largeBuffers.length, buffer);
    largeBuffers.push({ shared: share(new Uint8Array(buffer), shared), readOnly });
  }
  serializer.writeHeader();
  serializer.writeValue(values);
  const bytes = serializer.releaseBuffer();
  return { data: bytes.byteLength < largeBytes ? new Uint8Array(bytes) : share(bytes, shared), largeBuffers };
}

export function readSnapshot(
  { data, largeBuffers }: Snapshot,
  shared: readonly SharedArrayBuffer[],
): readonly unknown[] {
  const deserializer = new Deserializer(typeof data === 'number' ? new Uint8Array(sharedAt(shared, data)) : data);
  for (const [id, { shared: index, readOnly }] of largeBuffers.entries()) {
    const buffer = sharedAt(shared, index);
    // The types know ArrayBuffers only; V8 takes shared memory in the same place.
    deserializer.transferArrayBuffer(id, (readOnly ? buffer : copy(buffer)) as ArrayBuffer);
  }
  deserializer.readHeader();
  return deserializer.readValue() as readonly unknown[];
}

/** V8's own treatment of views keeps those of one ArrayBuffer together, which Node's DefaultSerializer does not. */
class DataSerializer extends Serializer {
  _getDataCloneError(message: string): Error {
    return new TypeError(message);
  }
}

function share(bytes: Uint8Array, shared: SharedArrayBuffer[]): number {
  const memory = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(memory).set(bytes);
  return shared.push(memory) - 1;
}

function copy(memory: SharedArrayBuffer): ArrayBuffer {
  const bytes = new Uint8Array(memory.byteLength);
  bytes.set(new Uint8Array(memory));
  return bytes.buffer;
}

function sharedAt(shared: readonly SharedArrayBuffer[], index: number): SharedArrayBuffer {
  const memory = shared[index];
  if (memory === undefined) throw new RangeError(`closure payload: shared memory ${index} is missing`);
  return memory;
}
