import { crc32 } from 'node:zlib';

import { MillraceError } from '../../../base/errors.ts';
import { decodeBatch, encodeBatch } from '../../columnar/row-codec.ts';
import type { RandomAccessFile, WritableFile } from '../file-system.ts';
import type { PartFileWriter } from '../part-file.ts';
import { describeUri } from '../uri.ts';

/*
 * Rows as they are in memory, of any type, in a file (little endian):
 *
 *   8 bytes   "MROBJ01" and a line feed
 *   frames    uint32 length, uint32 CRC-32 of the bytes, then so many bytes: an encoded batch (data/columnar/batch-frame.ts)
 *   the end   a frame of length 0 whose checksum is the number of frames before it
 */
const magic = Buffer.from('MROBJ01\n', 'latin1');
const headerBytes = 8;
const batchRows = 8192;

/** Writes rows of any type, to be read by {@link readObjectFile}. */
export class ObjectFileWriter implements PartFileWriter {
  readonly #file: WritableFile;
  #pending: unknown[] = [];
  #frames = 0;

  constructor(file: WritableFile) {
    this.#file = file;
    file.write(magic);
  }

  write(rows: readonly unknown[]): void {
    for (const row of rows) {
      this.#pending.push(row);
      if (this.#pending.length === batchRows) this.#flush();
    }
  }

  finish(): { readonly sizeBytes: number } {
    this.#flush();
    this.#file.write(frameHeader(0, this.#frames));
    return { sizeBytes: this.#file.finish() };
  }

  abort(): void {
    this.#pending = [];
    this.#file.abort();
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const bytes = encodeBatch(this.#pending, 0, this.#pending.length, (byteLength) => new Uint8Array(byteLength));
    this.#pending = [];
    this.#file.write(frameHeader(bytes.length, crc32(bytes)));
    this.#file.write(bytes);
    this.#frames++;
  }
}

function frameHeader(length: number, checksum: number): Uint8Array {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(checksum, 4);
  return header;
}

/** @throws {MillraceError} MR_PARSE naming the byte where the file is damaged or ends too early */
export function* readObjectFile(file: RandomAccessFile): Generator<unknown[]> {
  if (!readAt(file, 0, magic.length).equals(magic)) throw damaged(file, 0, 'it does not begin with "MROBJ01"');
  let position = magic.length;
  for (let frames = 0; ; frames++) {
    const header = readAt(file, position, headerBytes);
    const length = header.readUInt32LE(0);
    const checksum = header.readUInt32LE(4);
    if (length === 0) {
      if (checksum !== frames) throw damaged(file, position, `it ends after ${frames} batches of ${checksum}`);
      return;
    }
    const bytes = readAt(file, position + headerBytes, length);
    if (crc32(bytes) !== checksum) throw damaged(file, position, 'the checksum of a batch is wrong');
    yield decodeBatch(bytes);
    position += headerBytes + length;
  }
}

function readAt(file: RandomAccessFile, position: number, length: number): Buffer {
  if (position + length > file.sizeBytes) throw damaged(file, position, `it ends before ${length} more bytes`);
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = file.readInto(bytes.subarray(done), position + done);
    if (count === 0) throw damaged(file, position + done, 'it is shorter than it was');
    done += count;
  }
  return bytes;
}

function damaged(file: RandomAccessFile, byteOffset: number, reason: string): MillraceError {
  const { uri } = file;
  return new MillraceError(
    'MR_PARSE',
    `${describeUri(uri)} is no whole object file: at byte ${byteOffset}, ${reason}. Such files are written by saveAsObjectFile.`,
    { details: { uri, byteOffset } },
  );
}
