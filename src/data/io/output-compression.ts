import * as zlib from 'node:zlib';
import { MillraceError } from '../../base/errors.ts';
import type { WritableFile } from './file-system.ts';
import { brotliFlush, type Codec, deflateFlush, StreamCodec, zstd, zstdFlush } from './stream-codec.ts';

export type OutputCompression = 'none' | 'gzip' | 'zstd' | 'brotli';

export const compressionSuffixes: Readonly<Record<OutputCompression, string>> = {
  none: '',
  gzip: '.gz',
  zstd: '.zst',
  brotli: '.br',
};

const chunkSize = 256 * 1024;
/** The quality 11 that node:zlib defaults to is for files that are compressed once and served a thousand times. */
const brotliQuality = 5;

/** Whether this Node can write a compression; called on the driver, so that a user hears of it before anything runs. */
export function checkOutputCompression(compression: string): void {
  if (!Object.hasOwn(compressionSuffixes, compression))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `compression must be one of ${Object.keys(compressionSuffixes).join(', ')}, got ${JSON.stringify(compression)}.`,
    );
  if (compression === 'zstd') createZstdCompress();
}

function createZstdCompress(): NonNullable<typeof zstd.createZstdCompress> {
  if (zstd.createZstdCompress !== undefined) return zstd.createZstdCompress;
  throw new MillraceError(
    'MR_UNSUPPORTED',
    `writing zstd needs Node 22.15 or later, this is ${process.version}. Use compression: 'gzip', or a newer Node.`,
  );
}

/** A file whose bytes are compressed on their way. */
export function compressedFile(file: WritableFile, compression: OutputCompression): WritableFile {
  switch (compression) {
    case 'none':
      return file;
    case 'gzip':
      return new CompressedFile(file, new StreamCodec(zlib.createGzip({ chunkSize }), deflateFlush));
    case 'brotli': {
      const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: brotliQuality };
      return new CompressedFile(file, new StreamCodec(zlib.createBrotliCompress({ chunkSize, params }), brotliFlush));
    }
    case 'zstd':
      return new CompressedFile(file, new StreamCodec(createZstdCompress()({ chunkSize }), zstdFlush));
  }
}

class CompressedFile implements WritableFile {
  readonly uri: string;
  readonly #file: WritableFile;
  readonly #codec: Codec;

  constructor(file: WritableFile, codec: Codec) {
    this.uri = file.uri;
    this.#file = file;
    this.#codec = codec;
  }

  write(bytes: Uint8Array): void {
    for (const piece of this.#codec.push(bytes, false)) this.#file.write(piece);
  }

  finish(): number {
    for (const piece of this.#codec.push(new Uint8Array(0), true)) this.#file.write(piece);
    this.#codec.close();
    return this.#file.finish();
  }

  abort(): void {
    this.#codec.close();
    this.#file.abort();
  }
}
