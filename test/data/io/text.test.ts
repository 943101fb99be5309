import { appendFileSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSource, readSplit } from '../../../src/data/io/source.ts';
import type { SourceSpec, TextOptions } from '../../../src/data/io/source-spec.ts';
import { FzstdCodec } from '../../../src/data/io/zstd-codec.ts';
import { readParts, readRows, scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();
const text = (path: string | string[], options: TextOptions = {}): SourceSpec => ({
  format: 'text',
  paths: [path].flat(),
  options,
});

/** The plain meaning: what stands between line ends, and no line after the last one. */
function linesOf(content: string): string[] {
  const lines = content.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const piece = fc.oneof(
  fc.constantFrom('\n', '\r\n', '\r', '', 'a', 'é', '漢字', '🌊', '\u0000', '\ufeff', 'x'.repeat(5000)),
  fc.string({ unit: 'binary' }).map((s) => Buffer.from(s).toString()),
);
const content = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

const failure = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe('text', () => {
  it('gives each line once, however the file is cut', () => {
    const path = join(directory, 'law.txt');
    void fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 12 }), (body, minPartitions) => {
        writeFile(path, body);
        const expected = linesOf(body.startsWith('\ufeff') ? body.slice(1) : body);
        expect(readRows(text(path), { minPartitions })).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('gives each line to the split in which it begins', () => {
    const path = writeFile(join(directory, 'own.txt'), 'ab\ncdefgh\nij\n');
    expect(readParts(text(path), { minPartitions: 13 })).toEqual([
      ['ab'],
      [],
      [],
      ['cdefgh'],
      [],
      [],
      [],
      [],
      [],
      [],
      ['ij'],
      [],
      [],
    ]);
  });

  it('reads lines that are longer than its buffer', () => {
    const long = 'ä'.repeat(3_000_000);
    const path = writeFile(join(directory, 'long.txt'), `a\n${long}\nb\n${long}`);
    for (const minPartitions of [1, 7]) {
      const rows = readRows(text(path), { minPartitions }) as string[];
      expect(rows.map((row) => row.length)).toEqual([1, 3_000_000, 1, 3_000_000]);
      expect(rows[3] === long).toBe(true);
    }
  });

  it('reads a large file in batches of bounded size', () => {
    const lines = Array.from({ length: 300_000 }, (_, index) => `line ${index} ${'.'.repeat(index % 90)}`);
    const path = writeFile(join(directory, 'large.txt'), `${lines.join('\r\n')}\r\n`);
    const plan = planSource(text(path), { minPartitions: 3 });
    const batches = plan.splits.flatMap((split) => [...readSplit(plan.source, split)]);
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThan(8192);
    expect(batches.flat()).toEqual(lines);
  });

  it.each([
    ['gz', (bytes: Buffer) => gzipSync(bytes)],
    ['br', (bytes: Buffer) => brotliCompressSync(bytes)],
  ])('reads .%s as one split', (suffix, compress) => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `zeile ${index} ü`);
    const path = writeFile(join(directory, `z.txt.${suffix}`), compress(Buffer.from(lines.join('\n'))));
    const parts = readParts(text(path), { minPartitions: 4 });
    expect(parts).toHaveLength(1);
    expect(parts[0]).toEqual(lines);
  });

  it('reads all members of a gzip file, also empty ones', () => {
    const members = ['a\nb', '', 'c\n', 'd'].map((part) => gzipSync(part));
    const path = writeFile(join(directory, 'members.gz'), Buffer.concat(members));
    expect(readRows(text(path))).toEqual(['a', 'bc', 'd']);
  });

  it('names the file and the reason when compressed data is truncated or damaged', () => {
    const whole = gzipSync(Buffer.from(Array.from({ length: 20_000 }, (_, i) => `row ${i * 7919}`).join('\n')));
    const cut = writeFile(join(directory, 'cut.gz'), whole.subarray(0, whole.length - 9));
    expect(() => readRows(text(cut))).toThrow(/cut\.gz.*truncated/);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 30_000, 30_200);
    const bad = writeFile(join(directory, 'bad.gz'), damaged);
    expect(() => readRows(text(bad))).toThrow(/bad\.gz.*damaged/);
    const checksum = Buffer.from(whole);
    checksum[checksum.length - 6]! ^= 1;
    expect(() => readRows(text(writeFile(join(directory, 'crc.gz'), checksum)))).toThrow(
      /crc\.gz.*incorrect data check/,
    );
  });

  describe('zstd', () => {
    // Made by libzstd, with checksums.
    const first = Buffer.from('KLUv/WSUAe0AALBlcnN0ZSBaZWlsZQp6d2VpdGUgw7wKAQD2ZDWbZBrRaA==', 'base64');
    const second = Buffer.from('KLUv/SQXuQAAZHJpdHRlCmxldHp0ZSBvaG5lIEVuZGW7CmX5', 'base64');
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const lines = [
      ...Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'erste Zeile' : 'zweite ü')),
      'dritte',
      'letzte ohne Ende',
    ];

    it('reads all frames of a .zst file as one split', () => {
      const path = writeFile(join(directory, 'frames.zst'), Buffer.concat([first, skippable, second]));
      expect(readParts(text(path), { minPartitions: 3 })).toEqual([lines]);
    });

    it('reads them in pieces of any size without zlib having zstd', () => {
      const bytes = Buffer.concat([first, skippable, second]);
      void fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
          const codec = new FzstdCodec();
          const out: Buffer[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = sizes[turn % sizes.length]!;
            for (const piece of codec.push(new Uint8Array(bytes.subarray(at, at + size)), false))
              out.push(Buffer.from(piece));
            at += size;
          }
          codec.push(new Uint8Array(0), true);
          expect(Buffer.concat(out).toString().split('\n')).toEqual(lines);
        }),
      );
    });

    it('gives no other text when a bit is flipped or bytes are missing', () => {
      const run = (bytes: Uint8Array): string => {
        const codec = new FzstdCodec();
        const pieces = [...codec.push(new Uint8Array(bytes), false), ...codec.push(new Uint8Array(0), true)];
        return Buffer.concat(pieces).toString();
      };
      const original = run(first);
      for (let bit = 0; bit < first.length * 8; bit++) {
        const damaged = Buffer.from(first);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        // Some bits mean nothing; the text is the same then.
        const text = failure(() => run(damaged));
        if (typeof text === 'string') expect(text).toBe(original);
        else expect(text).toBeInstanceOf(Error);
      }
      for (let length = 1; length < first.length; length++) expect(() => run(first.subarray(0, length))).toThrow();
      const cut = writeFile(join(directory, 'cut.zst'), first.subarray(0, 30));
      expect(() => readRows(text(cut))).toThrow(/cut\.zst.*(truncated|damaged)/);
      const wrong = Buffer.from(first);
      wrong[wrong.length - 1]! ^= 1;
      expect(() => readRows(text(writeFile(join(directory, 'wrong.zst'), wrong)))).toThrow(/wrong\.zst.*damaged/);
    });
  });

  it('names the byte that is not UTF-8, and can be told to read it', () => {
    const bytes = Buffer.concat([Buffer.from(`${'héllo\n'.repeat(3000)}ab`), Buffer.from([0xff]), Buffer.from('c\nd')]);
    const path = writeFile(join(directory, 'invalid.txt'), bytes);
    const error = (minPartitions: number): unknown => {
      try {
        return readRows(text(path), { minPartitions });
      } catch (caught) {
        return caught;
      }
    };
    for (const partitions of [1, 5])
      expect(error(partitions)).toMatchObject({ code: 'MR_PARSE', details: { byteOffset: 7 * 3000 + 2 } });
    expect(readRows(text(path, { invalidUtf8: 'replace' })).slice(-2)).toEqual(['ab\ufffdc', 'd']);
    expect(readRows(text(path, { encoding: 'latin1' })).slice(-2)).toEqual(['abÿc', 'd']);
  });

  it('finds a character that is cut off at the end of the file', () => {
    const path = writeFile(join(directory, 'half.txt'), Buffer.from('ok\n漢').subarray(0, 5));
    expect(() => readRows(text(path))).toThrow(/byte 3 is not valid UTF-8 \(0xe6 0xbc\)/);
  });

  it('skips a byte order mark and refuses UTF-16', () => {
    expect(readRows(text(writeFile(join(directory, 'bom.txt'), '\ufeffa\nb')))).toEqual(['a', 'b']);
    const utf16 = writeFile(join(directory, 'utf16.txt'), Buffer.from('\ufeffa\n', 'utf16le'));
    expect(() => readRows(text(utf16))).toThrow(expect.objectContaining({ code: 'MR_UNSUPPORTED' }));
  });

  it('cuts several files into as many splits as Hadoop, by the total size and in file order, but even ones', () => {
    const base = join(directory, 'many');
    for (const [name, size] of [
      ['a', 100],
      ['b', 10],
      ['c', 0],
    ] as const)
      writeFile(join(base, name), 'x\n'.repeat(size / 2));
    const plan = planSource(text(base), { minPartitions: 5 });
    expect(plan.splits.map(({ uri, start, end }) => [uri.at(-1), start, end])).toEqual([
      ['a', 0, 20],
      ['a', 20, 40],
      ['a', 40, 60],
      ['a', 60, 80],
      ['a', 80, 100],
      ['b', 0, 10],
      ['c', 0, 0],
    ]);
    expect(planSource(text(base), { minPartitions: 1, maxSplitBytes: 50 }).splits).toHaveLength(4);
  });

  it('refuses a number of partitions that is none', () => {
    expect(() => readRows(text(directory), { minPartitions: 0 })).toThrow(/at least 1, got 0/);
  });

  it('reports a file that changed after planning or while it was read', () => {
    const path = writeFile(join(directory, 'changing.txt'), 'a\n'.repeat(2_000_000));
    const plan = planSource(text(path), { minPartitions: 1 });
    const split = plan.splits[0]!;
    const rows = readSplit(plan.source, split)[Symbol.iterator]();
    rows.next();
    appendFileSync(path, 'more\n');
    const changed = expect.objectContaining({ code: 'MR_INPUT_CHANGED' });
    expect(() => {
      while (!rows.next().done);
    }).toThrow(changed);
    expect(() => [...readSplit(plan.source, split)]).toThrow(changed);
    utimesSync(path, new Date(0), new Date(0));
    expect(() => [...readSplit(plan.source, split)]).toThrow(changed);
    expect(statSync(path).size).toBe(4_000_005);
  });

  it('closes its file when the reader stops early', () => {
    const path = writeFile(join(directory, 'early.txt'), 'a\n'.repeat(100_000));
    const plan = planSource(text(path), { minPartitions: 1 });
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 100; round++) for (const _ of readSplit(plan.source, plan.splits[0]!)) break;
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 50);
  });

  it('names a file that it cannot read, and why', () => {
    symlinkSync('loop.txt', join(directory, 'loop.txt'));
    expect(() => readRows(text(join(directory, 'loop.txt')))).toThrow(
      /cannot read .*loop\.txt: too many symbolic links \(ELOOP\)/,
    );
  });

  it('refuses a directory that stands where a file is expected', () => {
    mkdirSync(join(directory, 'empty-directory'));
    expect(() => readRows(text(join(directory, 'empty-directory')))).toThrow(/holds no file to read/);
    expect(() => readRows(text(join(directory, 'nowhere.txt')))).toThrow(/nowhere\.txt does not exist/);
  });
});

describe('whole files and records', () => {
  it('reads whole files as path and text', () => {
    const base = join(directory, 'whole');
    writeFile(join(base, 'a.txt'), '\ufeffeins\nzwei');
    writeFile(join(base, 'b.txt.gz'), gzipSync('drei ü'));
    expect(readParts({ format: 'wholeText', paths: [base], options: {} })).toEqual([
      [[join(base, 'a.txt'), 'eins\nzwei']],
      [[join(base, 'b.txt.gz'), 'drei ü']],
    ]);
  });

  it('reads whole files as path and bytes', () => {
    const bytes = new Uint8Array([0, 255, 10, 13, 128]);
    const path = writeFile(join(directory, 'x.bin'), bytes);
    expect(readRows({ format: 'binaryFiles', paths: [path], options: {} })).toEqual([[path, bytes]]);
  });

  it('reads records of a fixed length, however the file is cut', () => {
    const path = join(directory, 'records.bin');
    void fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.nat(50),
        fc.integer({ min: 1, max: 9 }),
        (length, count, minPartitions) => {
          const bytes = Uint8Array.from({ length: length * count }, (_, index) => index);
          writeFile(path, bytes);
          const rows = readRows(
            { format: 'binaryRecords', paths: [path], options: { recordLength: length } },
            { minPartitions },
          );
          expect(rows).toEqual(Array.from({ length: count }, (_, i) => bytes.slice(i * length, (i + 1) * length)));
        },
      ),
    );
  });

  it('refuses a file that is no multiple of the record length', () => {
    const path = writeFile(join(directory, 'odd.bin'), new Uint8Array(10));
    expect(() => readRows({ format: 'binaryRecords', paths: [path], options: { recordLength: 4 } })).toThrow(
      /its last record would have 2/,
    );
  });
});
