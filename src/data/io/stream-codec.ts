import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** Turns bytes into other bytes, piece by piece, synchronously. */
export interface Codec {
  /** All output that one more piece of input makes possible; valid until the next call. `isLast` comes once. */
  push(input: Uint8Array, isLast: boolean): readonly Uint8Array[];
  close(): void;
}

interface FlushFlags {
  readonly midway: number;
  readonly last: number;
}

export const inflateFlush: FlushFlags = { midway: zlib.constants.Z_SYNC_FLUSH, last: zlib.constants.Z_FINISH };
export const deflateFlush: FlushFlags = { midway: zlib.constants.Z_NO_FLUSH, last: zlib.constants.Z_FINISH };
export const brotliFlush: FlushFlags = {
  midway: zlib.constants.BROTLI_OPERATION_PROCESS,
  last: zlib.constants.BROTLI_OPERATION_FINISH,
};
/** ZSTD_e_continue and ZSTD_e_end, which the type declarations of Node 20 do not know. */
export const zstdFlush: FlushFlags = { midway: 0, last: 2 };

/** zstd of Node 22.15 and later; undefined before. */
export const zstd: {
  readonly createZstdDecompress?: (options: { chunkSize: number }) => Transform;
  readonly createZstdCompress?: (options: { chunkSize: number }) => Transform;
} = zlib as object;

/**
 * The part of a zlib stream that works synchronously: Node's own `gunzipSync` is built on it, and npm's minizlib, but it
 * is in no type declaration. It closes the stream's native handle after each call; holding that back keeps the state.
 */
interface SynchronousStream {
  _processChunk(chunk: Uint8Array, flushFlag: number): Uint8Array;
  _handle: { close(): void } | null;
  close(): void;
  removeAllListeners(event: 'error'): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/** A stream of node:zlib, run synchronously. */
export class StreamCodec implements Codec {
  readonly #stream: SynchronousStream;
  readonly #flush: FlushFlags;

  constructor(stream: Transform, flush: FlushFlags) {
    this.#stream = stream as unknown as SynchronousStream;
    this.#flush = flush;
  }

  push(input: Uint8Array, isLast: boolean): readonly Uint8Array[] {
    const stream = this.#stream;
    const handle = stream._handle;
    if (handle === null) throw new Error('the stream is closed');
    const close = handle.close;
    handle.close = () => undefined;
    try {
      const output = stream._processChunk(input, isLast ? this.#flush.last : this.#flush.midway);
      return output.length === 0 ? [] : [output];
    } finally {
      handle.close = close;
      stream._handle = handle;
      stream.removeAllListeners('error');
      // The stream reports an error a second time, as an event, which would end the process if nobody listened.
      stream.on('error', () => undefined);
    }
  }

  close(): void {
    this.#stream.close();
  }
}
