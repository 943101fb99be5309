import { MillraceError } from '../../base/errors.ts';
import type { SequentialInput } from './sequential-input.ts';
import { describeUri } from './uri.ts';

/**
 * A run of whole lines in a buffer: bytes `from` to `to` (not included). Every line ends with \n, but the last line of
 * the file need not. `offset` is where `from` stands in the (decompressed) file. The buffer is reused for the next region.
 */
export interface LineRegion {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

const chunkBytes = 1024 * 1024;
/** Room for what lies beyond a range, and the least free space for a read. */
const beyond = 64 * 1024;
/** Just below what V8 can hold as one string. */
const maxLineBytes = 512 * 1024 * 1024 - 64;
const newline = 10;

/** Where to open the input of a split: one byte early, to see whether the split begins with the beginning of a line. */
export function inputStart(start: number): number {
  return start === 0 ? 0 : start - 1;
}

/**
 * The lines of a byte range. A line belongs to the range in which its first byte lies, so the ranges of a file give
 * each line once, however it is cut. `input` starts at `inputStart(start)`; `end` may be beyond the end of the file.
 */
export function* lineRegions(input: SequentialInput, uri: string, start: number, end: number): Generator<LineRegion> {
  let buffer: Buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes + beyond, Math.max(4096, end - start + beyond)));
  let base = inputStart(start);
  let from = 0;
  let have = 0;
  let isSkipping = start > 0;
  for (;;) {
    const count = input.read(buffer.subarray(have));
    const isEnd = count === 0;
    have += count;
    if (isSkipping) {
      const at = buffer.subarray(0, have).indexOf(newline);
      if (at < 0) {
        if (isEnd) return;
        base += have;
        have = 0;
        continue;
      }
      isSkipping = false;
      from = at + 1;
    }
    if (base + from >= end) return;
    const lastByte = Math.max(from, end - 1 - base);
    const closing = lastByte < have ? buffer.subarray(0, have).indexOf(newline, lastByte) : -1;
    const isLast = closing >= 0 || isEnd;
    const to = closing >= 0 ? closing + 1 : isEnd ? have : buffer.lastIndexOf(newline, have - 1) + 1;
    if (to > from) yield { buffer, from, to, offset: base + from };
    if (isLast) return;
    const next = Math.max(from, to);
    buffer.copyWithin(0, next, have);
    base += next;
    have -= next;
    from = 0;
    if (buffer.length - have < beyond) buffer = grown(buffer, have, uri, base);
  }
}

function grown(buffer: Buffer, have: number, uri: string, offset: number): Buffer {
  if (have >= maxLineBytes)
    throw new MillraceError(
      'MR_PARSE',
      `${describeUri(uri)}: the line that begins at byte ${offset} is longer than 512 MiB, more than a string can hold. Read the file with binaryRecords or split the line.`,
      { details: { uri, byteOffset: offset } },
    );
  const larger = Buffer.allocUnsafeSlow(Math.min(maxLineBytes + beyond, buffer.length * 2));
  buffer.copy(larger, 0, 0, have);
  return larger;
}
