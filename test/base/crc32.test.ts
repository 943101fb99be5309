import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32, crc32ByTable } from '../../src/base/crc32.ts';

describe('crc32', () => {
  it('gives the check value of the catalogue of CRC algorithms', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });

  it('agrees with the table, in parts, over shared memory', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (head, tail) => {
        const shared = new Uint8Array(new SharedArrayBuffer(head.length + tail.length));
        shared.set(head);
        shared.set(tail, head.length);
        expect(crc32(tail, crc32(head))).toBe(crc32(shared));
        expect(crc32ByTable(tail, crc32ByTable(head))).toBe(crc32(shared));
      }),
    );
  });
});
