import { createHash } from 'node:crypto';
import { MillraceError } from '../../base/errors.ts';
import { compressionOf, decompressed } from '../../data/io/compression.ts';
import type { FileSystem, RandomAccessFile } from '../../data/io/file-system.ts';
import type { FileSystems } from '../../data/io/file-systems.ts';
import { RangeInput, type SequentialInput } from '../../data/io/sequential-input.ts';
import { describeUri, toUri } from '../../data/io/uri.ts';
import { BatchError } from '../definition/batch-error.ts';

/** What a checkpoint remembers of a file, to notice that it changed (ST-54). */
export type FileFingerprint = {
  readonly size: number;
  readonly modifiedMs: number;
  /** Hex SHA-256 of the first 64 KiB. */
  readonly hash: string;
};

const hashedBytes = 64 * 1024;

/**
 * The bytes of an input file, decompressed by its suffix, readable from any offset.
 *
 * Reading is the engine's and synchronous; a local read of one block takes as long as a `memcpy`. Callers let the event
 * loop turn between blocks.
 */
export class InputFile {
  /** As messages name it. */
  readonly name: string;
  readonly fingerprint: FileFingerprint;
  readonly isCompressed: boolean;
  readonly #uri: string;
  readonly #store: FileSystem;
  #input: SequentialInput | undefined;
  /** The offset of the next byte of `#input`. */
  #offset = 0;
  /** What is wrong with the compressed data; behind it nothing can be read. */
  #damage: MillraceError | undefined;

  /** @param before what a checkpoint remembers @throws {MillraceError} MR_NOT_FOUND, or MR_INPUT_CHANGED when it is not that file any more */
  constructor(path: string, before: FileFingerprint | undefined, stores: FileSystems) {
    this.#uri = toUri(path);
    this.#store = stores.of(this.#uri);
    this.name = describeUri(this.#uri);
    this.isCompressed = compressionOf(this.#uri) !== 'none';
    const file = this.#open(before !== undefined);
    try {
      this.fingerprint = fingerprintOf(file, this.#modifiedMs());
    } finally {
      file.close();
    }
    if (before !== undefined) this.#checkSame(before);
  }

  /**
   * Fills `target` with the bytes from `offset` on; returns how many there were, 0 at the end. After an error the same
   * call may be tried again.
   *
   * @throws {MillraceError} MR_PARSE where compressed data is damaged; when that was skipped, an error that cannot be
   */
  read(target: Uint8Array, offset: number): number {
    if (this.#damage !== undefined) {
      throw new BatchError(`${this.name} cannot be read behind the place where it is damaged. Fetch it again.`, {
        cause: this.#damage,
      });
    }
    try {
      const input = this.#from(offset);
      let count = 0;
      while (count < target.length) {
        const more = input.read(target.subarray(count));
        if (more === 0) break;
        count += more;
      }
      this.#offset += count;
      return count;
    } catch (error) {
      this.close();
      if (error instanceof MillraceError && error.code === 'MR_PARSE') this.#damage = error;
      throw error;
    }
  }

  close(): void {
    this.#input?.close();
    this.#input = undefined;
  }

  #from(offset: number): SequentialInput {
    if (this.#input !== undefined && this.#offset === offset) return this.#input;
    this.close();
    const file = this.#open(false);
    if (!this.isCompressed) {
      this.#input = new RangeInput(file, offset, file.sizeBytes);
      this.#offset = offset;
      return this.#input;
    }
    const input = decompressed(file, compressionOf(this.#uri));
    this.#input = input;
    this.#offset = 0;
    const dropped = new Uint8Array(hashedBytes);
    while (this.#offset < offset) {
      const count = input.read(dropped.subarray(0, Math.min(dropped.length, offset - this.#offset)));
      if (count === 0) break;
      this.#offset += count;
    }
    return input;
  }

  #open(isRestart: boolean): RandomAccessFile {
    try {
      return this.#store.openRead(this.#uri);
    } catch (error) {
      if (!isRestart || !(error instanceof MillraceError && error.code === 'MR_NOT_FOUND')) throw error;
      throw new MillraceError(
        'MR_INPUT_CHANGED',
        `${this.name} has vanished since the last run, which had read a part of it. Put it back, or launch with force: true.`,
        { cause: error, details: { path: this.name } },
      );
    }
  }

  #modifiedMs(): number {
    const found = this.#store.stat(this.#uri);
    return found?.kind === 'file' ? found.status.modifiedMs : 0;
  }

  #checkSame(before: FileFingerprint): void {
    const now = this.fingerprint;
    const what =
      now.size !== before.size
        ? `it had ${before.size} bytes, now ${now.size}`
        : now.hash !== before.hash
          ? 'its first bytes are others'
          : now.modifiedMs !== before.modifiedMs
            ? `it was written at ${new Date(now.modifiedMs).toISOString()}`
            : undefined;
    if (what === undefined) return;
    throw new MillraceError(
      'MR_INPUT_CHANGED',
      `${this.name} has changed since the last run, which had read a part of it: ${what}. Put the old file back, or launch with force: true to read the new one from its start.`,
      { details: { path: this.name } },
    );
  }
}

function fingerprintOf(file: RandomAccessFile, modifiedMs: number): FileFingerprint {
  const head = new Uint8Array(Math.min(hashedBytes, file.sizeBytes));
  const count = file.readInto(head, 0);
  const hash = createHash('sha256').update(head.subarray(0, count)).digest('hex');
  return { size: file.sizeBytes, modifiedMs, hash };
}
