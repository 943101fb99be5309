import type { RandomAccessFile } from './file-system.ts';

/** Bytes in order, from a file's range or from a decompressor. */
export interface SequentialInput {
  /** Fills `target` from its beginning; returns how many bytes it wrote, 0 only at the end. */
  read(target: Uint8Array): number;
  /** Releases the file. */
  close(): void;
}

/** How far a range reader first looks beyond the range it was asked for, to finish the last record; then twice as far. */
const beyondBytes = 64 * 1024;

/**
 * The bytes of `file` from `start` on. Reads stop first at `softEnd`, since most readers need little beyond their
 * split, and then go on in pieces that begin small, up to `hardEnd`.
 */
export class RangeInput implements SequentialInput {
  readonly #file: RandomAccessFile;
  readonly #softEnd: number;
  readonly #hardEnd: number;
  #position: number;
  #beyond = beyondBytes;

  constructor(file: RandomAccessFile, start: number, softEnd: number, hardEnd: number = file.sizeBytes) {
    this.#file = file;
    this.#position = start;
    this.#softEnd = softEnd;
    this.#hardEnd = hardEnd;
    file.willRead?.(start, Math.min(softEnd, hardEnd) - start);
  }

  read(target: Uint8Array): number {
    const isBeyond = this.#position >= this.#softEnd;
    const wanted = isBeyond ? this.#beyond : this.#softEnd - this.#position;
    if (isBeyond) this.#beyond *= 2;
    const left = Math.min(target.length, wanted, this.#hardEnd - this.#position);
    if (left <= 0) return 0;
    const count = this.#file.readInto(target.length === left ? target : target.subarray(0, left), this.#position);
    this.#position += count;
    return count;
  }

  close(): void {
    this.#file.close();
  }
}
