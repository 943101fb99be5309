import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BinaryFormat, binaryReader } from '../../../src/jobs/items/binary-reader.ts';
import { readAll } from './step-context.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-binary-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function prefixed(format: 'uint16be' | 'uint32be' | 'uint32le', records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const head = Buffer.alloc(format === 'uint16be' ? 2 : 4);
      if (format === 'uint16be') head.writeUInt16BE(record.length);
      else if (format === 'uint32be') head.writeUInt32BE(record.length);
      else head.writeUInt32LE(record.length);
      return [head, record];
    }),
  );
}

it('ST-200: gives the same records for any fetch size and restart, and MR_PARSE for a cut last one', async () => {
  const path = join(directory, 'a.bin');
  const records = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(
      records,
      fc.constantFrom('uint16be', 'uint32be', 'uint32le'),
      fc.nat(3),
      async (given, lengthPrefix, cut) => {
        const bytes = prefixed(lengthPrefix, given);
        const isCut = cut > 0 && cut < bytes.length && given.length > 0;
        writeFileSync(path, isCut ? bytes.subarray(0, bytes.length - cut) : bytes);
        const reader = binaryReader(path, { lengthPrefix });
        const whole = await readAll(reader, 100);
        if (!isCut) expect(whole.items.map((item) => [...item])).toEqual(given.map((record) => [...record]));
        for (const size of [1, 2]) {
          const once = await readAll(reader, size);
          for (const { position, items, errors } of once.positions) {
            const rest = await readAll(reader, size, position);
            expect(rest.items).toEqual(whole.items.slice(items));
            expect(rest.errors.map(String)).toEqual(whole.errors.slice(errors).map(String));
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});

it('reads records of one length, more than a block of them, and names the byte at which a cut one begins', async () => {
  const path = join(directory, 'b.bin');
  writeFileSync(path, Buffer.concat([Buffer.alloc(300_000 * 3, 'abc'), Buffer.from('ab')]));
  const { items, errors } = await readAll(binaryReader(path, { recordBytes: 3 }), 10_000);
  expect(items).toHaveLength(300_000);
  expect(items.every((item) => item.toString() === 'abc')).toBe(true);
  expect(errors).toMatchObject([{ code: 'MR_PARSE', details: { path, offset: 900_000 } }]);
});

it('takes no memory for a length that is damaged, and ends there', async () => {
  const path = join(directory, 'c.bin');
  writeFileSync(path, Buffer.concat([prefixed('uint32be', [Buffer.from('ok')]), Buffer.alloc(400_000, 0xff)]));
  const { items, errors } = await readAll(binaryReader(path, { lengthPrefix: 'uint32be' }), 10);
  expect(items.map(String)).toEqual(['ok']);
  expect(errors).toMatchObject([{ code: 'MR_PARSE', details: { offset: 6 } }]);
});

it('refuses formats that make no sense', () => {
  for (const format of [{ recordBytes: 0 }, { recordBytes: 1.5 }, { lengthPrefix: 'uint8' }, {}]) {
    expect(() => binaryReader('x', format as BinaryFormat)).toThrow(/binaryReader/);
  }
});
