import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { MillraceError } from '../../base/errors.ts';
import type { RandomAccessFile } from './file-system.ts';
import { RangeInput, type SequentialInput } from './sequential-input.ts';
import { describeUri, nameOf } from './uri.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'brotli';

const suffixes: readonly (readonly [suffix: string, compression: Compression])[] = [
  ['.gz', 'gzip'],
  ['.gzip', 'gzip'],
  ['.zst', 'zstd'],
  ['.zstd', 'zstd'],
  ['.br', 'brotli'],
];

/** The compression that a file's suffix stands for. A compressed file is read as one split, from its beginning. */
export function compressionOf(uri: string): Compression {
  const name = nameOf(uri).toLowerCase();
  return suffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ?? 'none';
}

/** The bytes inside a compressed file, decompressed piece by piece: memory does not grow with the file. */
export function decompressed(file: RandomAccessFile, compression: Compression): SequentialInput {
  const raw = new RangeInput(file, 0, file.sizeBytes);
  switch (compression) {
    case 'none':
      return raw;
    case 'gzip':
      return new DecompressedInput(file, raw, new StreamCodec(zlib.createGunzip({ chunkSize }), zlibFlush));
    case 'brotli':
      return new DecompressedInput(file, raw, new StreamCodec(zlib.createBrotliDecompress({ chunkSize }), brotliFlush));
    case 'zstd':
      return new DecompressedInput(
        file,
        raw,
        createZstd === undefined ? new FzstdCodec() : new StreamCodec(createZstd({ chunkSize }), zstdFlush),
      );
  }
}

/** Small, because a piece of input can grow a thousandfold and its whole output is held at once. */
const inputBytes = 32 * 1024;
const chunkSize = 256 * 1024;

/** Node 22.15 and later. Before that fzstd reads zstd, which checks the structure of the data but not its checksums. */
const createZstd = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress;

interface FlushFlags {
  readonly midway: number;
  readonly last: number;
}
const zlibFlush: FlushFlags = { midway: zlib.constants.Z_SYNC_FLUSH, last: zlib.constants.Z_FINISH };
const brotliFlush: FlushFlags = {
  midway: zlib.constants.BROTLI_OPERATION_PROCESS,
  last: zlib.constants.BROTLI_OPERATION_FINISH,
};
/** ZSTD_e_continue and ZSTD_e_end, which the type declarations of Node 20 do not know. */
const zstdFlush: FlushFlags = { midway: 0, last: 2 };

interface Codec {
  /** All output that one more piece of input makes possible; valid until the next call. `isLast` comes once, with no input. */
  push(input: Uint8Array, isLast: boolean): readonly Uint8Array[];
  close(): void;
}

class DecompressedInput implements SequentialInput {
  readonly #file: RandomAccessFile;
  readonly #raw: SequentialInput;
  readonly #codec: Codec;
  readonly #input: Uint8Array = new Uint8Array(inputBytes);
  #pending: readonly Uint8Array[] = [];
  /** The next byte to hand out: a piece of `#pending` and an offset in it. */
  #piece = 0;
  #offset = 0;
  #consumed = 0;
  #isDone = false;

  constructor(file: RandomAccessFile, raw: SequentialInput, codec: Codec) {
    this.#file = file;
    this.#raw = raw;
    this.#codec = codec;
  }

  read(target: Uint8Array): number {
    let written = 0;
    while (written < target.length) {
      const piece = this.#pending[this.#piece];
      if (piece === undefined) {
        if (this.#isDone || written > 0) break;
        this.#advance();
        continue;
      }
      const count = Math.min(piece.length - this.#offset, target.length - written);
      target.set(piece.subarray(this.#offset, this.#offset + count), written);
      written += count;
      this.#offset += count;
      if (this.#offset === piece.length) {
        this.#piece++;
        this.#offset = 0;
      }
    }
    return written;
  }

  close(): void {
    this.#codec.close();
    this.#raw.close();
  }

  #advance(): void {
    const count = this.#raw.read(this.#input);
    this.#isDone = count === 0;
    this.#piece = 0;
    try {
      this.#pending = this.#codec.push(this.#input.subarray(0, count), this.#isDone);
    } catch (cause) {
      const where = this.#isDone
        ? `its data ends too early, after ${this.#consumed} bytes: the file is truncated`
        : `its compressed data is damaged near byte ${this.#consumed}`;
      throw new MillraceError(
        'MR_PARSE',
        `${describeUri(this.#file.uri)}: ${where} (${(cause as Error).message}). Fetch or write the file again.`,
        { cause, details: { uri: this.#file.uri, byteOffset: this.#consumed } },
      );
    }
    this.#consumed += count;
  }
}

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

class StreamCodec implements Codec {
  readonly #stream: SynchronousStream;
  readonly #flush: FlushFlags;
  #sawInput = false;

  constructor(stream: Transform, flush: FlushFlags) {
    this.#stream = stream as unknown as SynchronousStream;
    this.#flush = flush;
  }

  push(input: Uint8Array, isLast: boolean): readonly Uint8Array[] {
    this.#sawInput ||= input.length > 0;
    if (isLast && !this.#sawInput) return [];
    const stream = this.#stream;
    const handle = stream._handle;
    if (handle === null) throw new Error('the decompressor is closed');
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

class FzstdCodec implements Codec {
  #output: Uint8Array[] = [];
  #sawInput = false;
  readonly #decompress: Decompress = new Decompress((bytes) => {
    if (bytes.length > 0) this.#output.push(bytes);
  });

  push(input: Uint8Array, isLast: boolean): readonly Uint8Array[] {
    this.#sawInput ||= input.length > 0;
    this.#output = [];
    // fzstd keeps what it could not use yet, so it gets memory of its own.
    if (this.#sawInput) this.#decompress.push(input.slice(), isLast);
    return this.#output;
  }

  close(): void {
    this.#output = [];
  }
}
