import { Decompress } from 'fzstd';
import type { Codec } from './stream-codec.ts';
import { Xxh64 } from './xxh64.ts';

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const rleBlock = 1;

/** What the next bytes of the compressed data are. RFC 8878, section 3. */
type Expecting = 'magic' | 'descriptor' | 'header' | 'block' | 'blockBytes' | 'checksum' | 'skipSize' | 'skipBytes';

/**
 * zstd for Node before 22.15. fzstd decompresses, but neither checks checksums nor says where frames end; so the frames
 * are followed here, each is given to a decompressor of its own, and what comes out is hashed.
 */
export class FzstdCodec implements Codec {
  #expecting: Expecting = 'magic';
  /** Bytes of the current thing that are still to come; those of small things are gathered in `#field`. */
  #missing = 4;
  #field: number[] = [];
  #hasChecksum = false;
  #isLastBlock = false;
  #frame: Frame | undefined;
  #output: Uint8Array[] = [];

  push(input: Uint8Array, isLast: boolean): readonly Uint8Array[] {
    this.#output = [];
    // fzstd keeps what it could not use yet, so it gets memory of its own.
    const bytes = input.slice();
    /** Where the bytes begin that the current frame has not been given yet. */
    let runStart = 0;
    for (let at = 0; at < bytes.length; ) {
      const isBulk = this.#expecting === 'blockBytes' || this.#expecting === 'skipBytes';
      const count = Math.min(this.#missing, bytes.length - at);
      if (!isBulk) for (let index = at; index < at + count; index++) this.#field.push(bytes[index] as number);
      this.#missing -= count;
      at += count;
      while (this.#missing === 0) {
        const isMagic = this.#expecting === 'magic';
        const field = Uint8Array.from(this.#field);
        this.#field = [];
        if (this.#advance(field)) {
          this.#feed(bytes.subarray(runStart, at), true);
          this.#finishFrame(field);
        } else if (isMagic) {
          this.#feed(field, false);
          runStart = at;
        }
      }
    }
    this.#feed(bytes.subarray(runStart), false);
    if (isLast && (this.#expecting !== 'magic' || this.#field.length > 0)) throw new Error('unexpected end of file');
    return this.#output;
  }

  close(): void {
    this.#frame = undefined;
  }

  /** Takes one thing that is complete and says what comes next. @returns whether a frame ends with it */
  #advance(field: Uint8Array): boolean {
    const value = field.reduce((sum, byte, index) => sum + byte * 2 ** (8 * index), 0);
    switch (this.#expecting) {
      case 'magic':
        if (value === frameMagic) {
          this.#frame = this.#newFrame();
          return this.#expect('descriptor', 1);
        }
        if (value - (value % 16) === skippableMagic) return this.#expect('skipSize', 4);
        throw new Error('it does not begin like a zstd frame');
      case 'skipSize':
        return this.#expect('skipBytes', value);
      case 'skipBytes':
        return this.#expect('magic', 4);
      case 'descriptor': {
        const contentSizeFlag = value >> 6;
        const isSingleSegment = (value & 0x20) !== 0;
        this.#hasChecksum = (value & 4) !== 0;
        const contentSizeBytes = contentSizeFlag === 0 ? Number(isSingleSegment) : 1 << contentSizeFlag;
        const dictionaryBytes = [0, 1, 2, 4][value & 3] ?? 0;
        return this.#expect('header', (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes);
      }
      case 'header':
        return this.#expect('block', 3);
      case 'block':
        this.#isLastBlock = (value & 1) !== 0;
        return this.#expect('blockBytes', ((value >> 1) & 3) === rleBlock ? 1 : value >> 3);
      case 'blockBytes':
        if (!this.#isLastBlock) return this.#expect('block', 3);
        if (this.#hasChecksum) return this.#expect('checksum', 4);
        break;
      case 'checksum':
        break;
    }
    this.#expect('magic', 4);
    return true;
  }

  #newFrame(): Frame {
    const hash = new Xxh64();
    const decompress = new Decompress((bytes) => {
      if (bytes.length === 0) return;
      this.#output.push(bytes);
      if (this.#hasChecksum) hash.update(bytes);
    });
    return { decompress, hash };
  }

  #expect(what: Expecting, length: number): false {
    this.#expecting = what;
    this.#missing = length;
    return false;
  }

  #feed(bytes: Uint8Array, isLast: boolean): void {
    if (this.#frame !== undefined && (bytes.length > 0 || isLast)) this.#frame.decompress.push(bytes, isLast);
  }

  #finishFrame(checksum: Uint8Array): void {
    const frame = this.#frame;
    this.#frame = undefined;
    if (!this.#hasChecksum || frame === undefined) return;
    const expected = checksum.reduce((sum, byte, index) => sum + byte * 2 ** (8 * index), 0);
    if (frame.hash.digestLow() !== expected) throw new Error('the checksum of a frame is wrong');
  }
}

interface Frame {
  readonly decompress: Decompress;
  readonly hash: Xxh64;
}
