import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
let folder: string;
const path = (name: string): string => join(folder, name);
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
  folder = mkdtempSync(join(tmpdir(), 'millrace-objects-'));
});
afterAll(async () => {
  await sc.stop();
  rmSync(folder, { recursive: true });
});

describe('saveAsObjectFile and objectFile', () => {
  it('bring rows of any type back as they were, partition by partition', async () => {
    const rows = [
      -0,
      Number.NaN,
      2n ** 80n,
      undefined,
      null,
      '\ud800',
      new Date(7),
      new Map([[[1], new Set([{ a: undefined }])]]),
      new Uint8Array([1, 2]),
      /x/giu,
      [['k', 1], new Array(2)],
    ];
    const saved = await sc.parallelize(rows, 5).saveAsObjectFile(path('any'));
    expect([saved.files, saved.rows]).toEqual([5, rows.length]);
    const read = sc.objectFile(path('any'));
    expect(await read.collect()).toEqual(rows);
    expect(await read.glom().collect()).toEqual(await sc.parallelize(rows, 5).glom().collect());
    await expect(sc.range(3).saveAsObjectFile(path('any'))).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    await sc.range(3).saveAsObjectFile(path('any'), { mode: 'overwrite' });
    expect(await sc.objectFile(path('any')).collect()).toEqual([0, 1, 2]);
  });

  it('take an RDD without rows', async () => {
    await sc.parallelize<number>([], 2).saveAsObjectFile(path('empty'));
    expect(await sc.objectFile(path('empty')).collect()).toEqual([]);
  });

  it('refuse a file that is none', async () => {
    writeFileSync(path('text.txt'), 'no object file');
    await expect(sc.objectFile(path('text.txt')).collect()).rejects.toThrow('is no whole object file');
  });
});

describe('binaryFiles and binaryRecords', () => {
  it('give the bytes of each file, decompressed', async () => {
    writeFileSync(path('a.bin'), Buffer.from([1, 2, 3]));
    writeFileSync(path('b.bin.gz'), gzipSync(Buffer.from([9])));
    writeFileSync(path('c.bin'), Buffer.alloc(0));
    const files = await sc
      .binaryFiles(join(folder, '{a,b,c}.bin*'))
      .mapValues((bytes) => [...bytes])
      .collect();
    expect(files).toEqual([
      [path('a.bin'), [1, 2, 3]],
      [path('b.bin.gz'), [9]],
      [path('c.bin'), []],
    ]);
  });

  it('give records of one length, each once, for any number of splits', async () => {
    writeFileSync(path('records.bin'), Buffer.from(Array.from({ length: 60 }, (_, i) => i)));
    for (const partitions of [1, 2, 7]) {
      const rdd = sc.binaryRecords(path('records.bin'), 3, partitions);
      expect((await rdd.map((bytes) => [...bytes]).collect()).flat()).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(await rdd.count()).toBe(20);
    }
    await expect(sc.binaryRecords(path('records.bin'), 7).count()).rejects.toThrow(
      'no multiple of the record length 7',
    );
    await expect(sc.binaryRecords(path('records.bin'), 0).count()).rejects.toThrow('recordLength must be an integer');
  });
});

describe('the context', () => {
  it('tells its version, its defaults and when it was made', () => {
    expect(sc.version).toMatch(/^\d+\.\d+\.\d+/);
    expect([sc.workers, sc.defaultParallelism, sc.defaultMinPartitions]).toEqual([2, 2, 2]);
    expect(sc.startTime).toBeLessThanOrEqual(Date.now());
    expect(() => sc.setLogLevel('loud' as never)).toThrow('setLogLevel: must be one of off, error, warn, info, debug');
    sc.setLogLevel('OFF');
    expect(sc.isStopped).toBe(false);
  });
});
