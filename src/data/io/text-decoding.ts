import { isAscii, isUtf8 } from 'node:buffer';
import { MillraceError } from '../../base/errors.ts';
import type { TextOptions } from './source-spec.ts';
import { describeUri } from './uri.ts';

/** How the bytes of a region become strings. Decided once a region; `ascii` regions take the fast way. */
export type RegionEncoding = 'ascii' | 'utf8' | 'latin1';

/** Looks at bytes `from` to `to`, which begin and end at character boundaries. Throws MR_PARSE where they are not UTF-8. */
export function regionEncoding(
  buffer: Buffer,
  from: number,
  to: number,
  uri: string,
  offset: number,
  options: TextOptions,
): RegionEncoding {
  if (options.encoding === 'latin1') return 'latin1';
  const bytes = buffer.subarray(from, to);
  if (isAscii(bytes)) return 'ascii';
  if (options.invalidUtf8 !== 'replace' && !isUtf8(bytes)) throw invalidUtf8(bytes, uri, offset);
  return 'utf8';
}

/** The length of a byte order mark at the beginning of a file; UTF-16 and UTF-32 are refused. */
export function skipByteOrderMark(buffer: Buffer, to: number, uri: string, options: TextOptions): number {
  if (options.encoding === 'latin1') return 0;
  if (to >= 3 && buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) return 3;
  if (to >= 2 && ((buffer[0] === 0xff && buffer[1] === 0xfe) || (buffer[0] === 0xfe && buffer[1] === 0xff)))
    throw new MillraceError(
      'MR_UNSUPPORTED',
      `${describeUri(uri)} begins with the byte order mark of UTF-16 or UTF-32. Only UTF-8 and latin1 are read: convert it first, for example with iconv -t UTF-8.`,
      { details: { uri } },
    );
  return 0;
}

function invalidUtf8(bytes: Buffer, uri: string, offset: number): MillraceError {
  const at = firstInvalid(bytes);
  const shown = [...bytes.subarray(at, at + 4)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(' ');
  return new MillraceError(
    'MR_PARSE',
    `${describeUri(uri)}: byte ${offset + at} is not valid UTF-8 (${shown}). Convert the file, or read it with encoding: 'latin1' or invalidUtf8: 'replace'.`,
    { details: { uri, byteOffset: offset + at } },
  );
}

/** The longest valid beginning, by halving: `isUtf8` is much faster than a loop here. */
function firstInvalid(bytes: Buffer): number {
  let valid = 0;
  let invalid = bytes.length;
  // A cut inside a character looks invalid although it is not, so cuts move back to the start of a character.
  while (invalid - valid > 64) {
    let middle = (valid + invalid) >>> 1;
    while (middle > valid && ((bytes[middle] ?? 0) & 0xc0) === 0x80) middle--;
    if (middle === valid) break;
    if (isUtf8(bytes.subarray(valid, middle))) valid = middle;
    else invalid = middle;
  }
  for (let at = valid; at < bytes.length; ) {
    let end = at + 1;
    while (end < at + 4 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end++;
    if (!isUtf8(bytes.subarray(at, end))) return at;
    at = end;
  }
  return 0;
}
