import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { MillraceError } from '../../base/errors.ts';
import type { DiskExtent } from '../protocol/block.ts';
import { BlockLost } from './block-lost.ts';

/** Appends encoded batches to one new file and remembers where each lies. Whoever makes one ends it, by `close` or `discard`. */
export class BlockFileWriter {
  readonly path: string;
  readonly extents: DiskExtent[] = [];
  readonly #fd: number;
  #size = 0;
  #isOpen = true;

  constructor(path: string) {
    this.path = path;
    this.#fd = writing(path, () => openSync(path, 'wx+'));
  }

  get sizeBytes(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): DiskExtent {
    const extent = { offset: this.#size, length: bytes.length, checksum: crc32(bytes) };
    let done = 0;
    while (done < bytes.length)
      done += writing(this.path, () => writeSync(this.#fd, bytes, done, bytes.length - done, this.#size + done));
    this.#size += bytes.length;
    this.extents.push(extent);
    return extent;
  }

  /** A batch that was appended; {@link BlockLost} when it is not what was written. */
  read(extent: DiskExtent): Uint8Array {
    return readExtent(this.#fd, this.path, extent);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    writing(this.path, () => closeSync(this.#fd));
  }

  /** Closes and removes the file: only then is its space free. May be called again. */
  discard(): void {
    try {
      this.close();
    } finally {
      rmSync(this.path, { force: true });
    }
  }
}

/** Reads batches back from a file that a {@link BlockFileWriter} wrote; a missing file or a wrong byte is {@link BlockLost}. */
export class BlockFileReader {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, 'r');
    } catch (error) {
      throw new BlockLost(`block file ${path} cannot be opened`, { cause: error });
    }
  }

  read(extent: DiskExtent): Uint8Array {
    return readExtent(this.#fd, this.#path, extent);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readExtent(fd: number, path: string, { offset, length, checksum: expected }: DiskExtent): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, bytes, done, length - done, offset + done);
    if (got === 0) throw new BlockLost(`block file ${path} ends at ${offset + done}, wanted ${offset + length}`);
    done += got;
  }
  if (crc32(bytes) !== expected) throw new BlockLost(`block file ${path}: wrong checksum at ${offset}`);
  return bytes;
}

function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      'MR_IO',
      `cannot write the temporary file ${path}: ${reason}. Free some space or give the context another tempDir.`,
      { cause: error, details: { path } },
    );
  }
}
