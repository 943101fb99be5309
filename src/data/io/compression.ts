import * as zlib from 'node:zlib';
import { MillraceError } from '../../base/errors.ts';
import type { RandomAccessFile } from './file-system.ts';
import { RangeInput, type SequentialInput } from './sequential-input.ts';
import { brotliFlush, type Codec, inflateFlush, StreamCodec, zstd, zstdFlush } from './stream-codec.ts';
import { describeUri, nameOf } from './uri.ts';
import { FzstdCodec } from './zstd-codec.ts';

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
      return new DecompressedInput(file, raw, new StreamCodec(zlib.createGunzip({ chunkSize }), inflateFlush));
    case 'brotli':
      return new DecompressedInput(file, raw, new StreamCodec(zlib.createBrotliDecompress({ chunkSize }), brotliFlush));
    case 'zstd':
      return new DecompressedInput(
        file,
        raw,
        zstd.createZstdDecompress === undefined
          ? new FzstdCodec()
          : new StreamCodec(zstd.createZstdDecompress({ chunkSize }), zstdFlush),
      );
  }
}

/** Small, because a piece of input can grow a thousandfold and its whole output is held at once. */
const inputBytes = 32 * 1024;
const chunkSize = 256 * 1024;

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
    this.#pending = [];
    if (this.#isDone && this.#consumed === 0) return;
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
