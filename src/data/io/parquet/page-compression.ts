import * as zlib from 'node:zlib';
import { compressLz4Block, decompressHadoopLz4, decompressLz4Block } from './encodings/lz4.ts';
import { PageBytes } from './encodings/page-bytes.ts';
import { compressSnappy, decompressSnappy, maxSnappyBytes } from './encodings/snappy.ts';
import type { Codec } from './format/parquet-format.ts';
import { ParquetFormatError, ParquetUnsupportedError } from './format/parquet-format-error.ts';
import { compressZstd, decompressZstd } from './zstd.ts';

/** The bytes of a page, of which the header says that they are `outputLength`. Throws a ParquetFormatError on anything else. */
export function decompressPage(codec: Codec, input: Uint8Array, outputLength: number): Uint8Array {
  // Some writers compress nothing to nothing, which the codecs themselves would refuse.
  if (outputLength === 0) return new Uint8Array(0);
  const output = decompress(codec, input, outputLength);
  if (output.length !== outputLength)
    throw new ParquetFormatError(
      `${codec.toLowerCase()}: a page holds ${output.length} bytes where its header says ${outputLength}`,
    );
  return output;
}

function decompress(codec: Codec, input: Uint8Array, outputLength: number): Uint8Array {
  // Behind the output one byte more may come, so that a longer one is told from one that fits.
  const limit = { maxOutputLength: outputLength + 1 };
  try {
    switch (codec) {
      case 'UNCOMPRESSED':
        return input;
      case 'SNAPPY':
        return decompressSnappy(input, outputLength);
      case 'GZIP':
        // gzip with any number of members, or the zlib format that some writers put here.
        return input[0] === 0x1f && input[1] === 0x8b ? zlib.gunzipSync(input, limit) : zlib.inflateSync(input, limit);
      case 'BROTLI':
        return zlib.brotliDecompressSync(input, limit);
      case 'LZ4':
        return decompressHadoopLz4(input, outputLength);
      case 'LZ4_RAW':
        return decompressLz4Block(input, outputLength);
      case 'ZSTD':
        return decompressZstd(input, outputLength);
      case 'LZO':
        throw new ParquetUnsupportedError('it is compressed with LZO, which no open library reads');
    }
  } catch (error) {
    if (error instanceof ParquetFormatError) throw error;
    throw new ParquetFormatError(`${codec.toLowerCase()}: a page does not decompress (${messageOf(error)})`);
  }
}

const snappyBlock = new PageBytes();

/** The bytes of a page as they are stored. They hold until the next call. */
export function compressPage(codec: Codec, input: Uint8Array): Uint8Array {
  switch (codec) {
    case 'UNCOMPRESSED':
      return input;
    case 'SNAPPY':
      snappyBlock.clear();
      snappyBlock.reserve(maxSnappyBytes(input.length));
      return snappyBlock.bytes.subarray(0, compressSnappy(input, snappyBlock.bytes));
    case 'GZIP':
      return zlib.gzipSync(input, { level: 6 });
    case 'BROTLI':
      return zlib.brotliCompressSync(input, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } });
    case 'LZ4_RAW':
      return compressLz4Block(input);
    case 'ZSTD':
      return compressZstd(input);
    case 'LZ4':
    case 'LZO':
      throw new ParquetUnsupportedError(`${codec} is not written`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
