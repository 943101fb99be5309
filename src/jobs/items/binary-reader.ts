import { setImmediate } from 'node:timers/promises';
import { MillraceError } from '../../base/errors.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { fileSystemsOf } from './file-systems.ts';
import { type FileFingerprint, InputFile } from './input-file.ts';
import { checkPath } from './option-checks.ts';

/** How long the records of a binary file are: all the same, or a number before each that says its length. */
export type BinaryFormat =
  | { readonly recordBytes: number }
  | { readonly lengthPrefix: 'uint16be' | 'uint32be' | 'uint32le' };

interface LengthPrefix {
  readonly bytes: number;
  get(bytes: Buffer, at: number): number;
  put(bytes: Buffer, length: number): void;
}

export const prefixes: Readonly<Record<'uint16be' | 'uint32be' | 'uint32le', LengthPrefix>> = {
  uint16be: {
    bytes: 2,
    get: (bytes, at) => bytes.readUInt16BE(at),
    put: (bytes, length) => bytes.writeUInt16BE(length),
  },
  uint32be: {
    bytes: 4,
    get: (bytes, at) => bytes.readUInt32BE(at),
    put: (bytes, length) => bytes.writeUInt32BE(length),
  },
  uint32le: {
    bytes: 4,
    get: (bytes, at) => bytes.readUInt32LE(at),
    put: (bytes, length) => bytes.writeUInt32LE(length),
  },
};

const blockBytes = 256 * 1024;
const longestRecord = 1024 * 1024 * 1024;

type BinaryPosition = { readonly offset: number; readonly file: FileFingerprint };

/**
 * The records of a binary file, as Buffers. `.gz`, `.zst` and `.br` files are decompressed.
 *
 * @throws {MillraceError} MR_PARSE when the file ends inside a record, with `details: { path, offset }`; MR_INPUT_CHANGED when a restart finds another file
 */
export function binaryReader(path: string, format: BinaryFormat): ItemReader<Buffer> {
  checkPath('binaryReader', path);
  checkBinaryFormat('binaryReader', format);
  return {
    open(position, c) {
      const from = position as unknown as BinaryPosition | undefined;
      return new BinaryStream(new InputFile(path, from?.file, fileSystemsOf(c)), format, from?.offset ?? 0);
    },
  };
}

export function checkBinaryFormat(where: string, format: BinaryFormat): void {
  if (typeof format === 'object' && format !== null && 'recordBytes' in format) {
    const { recordBytes } = format;
    if (Number.isInteger(recordBytes) && recordBytes >= 1 && recordBytes <= longestRecord) return;
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${where}: recordBytes must be an integer from 1 to ${longestRecord}, got ${recordBytes}.`,
    );
  }
  const { lengthPrefix } = (format ?? {}) as { readonly lengthPrefix?: unknown };
  if (Object.hasOwn(prefixes, String(lengthPrefix))) return;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `${where}: give recordBytes, or lengthPrefix as one of ${Object.keys(prefixes).join(', ')}, not ${JSON.stringify(lengthPrefix)}.`,
  );
}

class BinaryStream implements ItemStream<Buffer> {
  readonly #file: InputFile;
  readonly #format: BinaryFormat;
  #block: Buffer = Buffer.alloc(0);
  /** The offset in the file of the block, and the place in it of the next record. */
  #base: number;
  #at = 0;

  constructor(file: InputFile, format: BinaryFormat, offset: number) {
    this.#file = file;
    this.#format = format;
    this.#base = offset;
  }

  async read(size: number): Promise<readonly Buffer[]> {
    const records: Buffer[] = [];
    while (records.length < size) {
      const record = await this.#next(records.length > 0);
      if (record === undefined || record === 'cut') break;
      records.push(record);
    }
    return records;
  }

  position(): JsonValue {
    return { offset: this.#base + this.#at, file: this.#file.fingerprint };
  }

  progress(): { current: number; total?: number } {
    const current = this.#base + this.#at;
    const total = this.#file.fingerprint.size;
    return this.#file.isCompressed ? { current } : { current: Math.min(current, total), total };
  }

  close(): void {
    this.#file.close();
  }

  /** @param isLater whether records were read before, in which case a cut one is left for the next call */
  async #next(isLater: boolean): Promise<Buffer | 'cut' | undefined> {
    const format = this.#format;
    const prefix = 'recordBytes' in format ? undefined : prefixes[format.lengthPrefix];
    const head = prefix?.bytes ?? 0;
    if (!(await this.#holds(Math.max(head, 1)))) {
      return this.#at === this.#block.length ? undefined : this.#cut(isLater, head);
    }
    const length = 'recordBytes' in format ? format.recordBytes : (prefix?.get(this.#block, this.#at) ?? 0);
    const limit = this.#file.isCompressed ? longestRecord : this.#file.fingerprint.size;
    if (length > limit || !(await this.#holds(head + length))) return this.#cut(isLater, head + length);
    const record = Buffer.from(this.#block.subarray(this.#at + head, this.#at + head + length));
    this.#at += head + length;
    return record;
  }

  /** The record at the end of the file that is not all there: MR_PARSE, with the stream behind it. */
  #cut(isLater: boolean, needed: number): 'cut' {
    if (isLater) return 'cut';
    const offset = this.#base + this.#at;
    const have = this.#block.length - this.#at;
    // Nothing behind it can be told apart: the stream ends here.
    this.#block = Buffer.alloc(0);
    this.#base = Number.MAX_SAFE_INTEGER;
    this.#at = 0;
    throw new MillraceError(
      'MR_PARSE',
      `${this.#file.name}, byte ${offset}: the record that begins here has ${needed} bytes, and the file ends after ${have} of them.`,
      { details: { path: this.#file.name, offset } },
    );
  }

  /** Whether the block holds `count` bytes of the file from `#at` on; reads more of it when it must. */
  async #holds(count: number): Promise<boolean> {
    while (this.#block.length - this.#at < count) {
      await setImmediate();
      const rest = this.#block.subarray(this.#at);
      const offset = this.#base + this.#at;
      // Grown by what is really there, not by what a damaged length asks for.
      const block = Buffer.allocUnsafeSlow(rest.length + Math.max(blockBytes, Math.min(rest.length, count)));
      rest.copy(block);
      const more = this.#file.read(block.subarray(rest.length), offset + rest.length);
      this.#block = block.subarray(0, rest.length + more);
      this.#base = offset;
      this.#at = 0;
      if (more === 0) return false;
    }
    return true;
  }
}
