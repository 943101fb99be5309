import zlib from 'node:zlib';

/** CRC-32 by a table of our own, for a Node without zlib.crc32. */
export function crc32ByTable(bytes: Uint8Array, start = 0): number {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
    table[byte] = rest;
  }
  let crc = ~start;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] as number);
  return ~crc >>> 0;
}

/**
 * CRC-32 (as zip, gzip and PNG use it) of bytes in any memory, uint32. Pass the result back as `crc` to go on with more bytes.
 * zlib's own, 4 GB/s, where it exists: Node 20.15, 22.2 and later.
 */
export const crc32: (bytes: Uint8Array, crc?: number) => number =
  'crc32' in zlib ? (zlib.crc32 as (bytes: Uint8Array, crc?: number) => number) : crc32ByTable;
