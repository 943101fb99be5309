import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CsvOptions } from '../../../src/data/io/csv/csv-options.ts';
import { OutputCommitter } from '../../../src/data/io/output-committer.ts';
import type { OutputSpec, StagedPart } from '../../../src/data/io/output-spec.ts';
import { createPartWriter } from '../../../src/data/io/part-writer.ts';
import type { SourceSpec } from '../../../src/data/io/source-spec.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { readRows, scratchDirectory } from './scratch.ts';

const directory = scratchDirectory();
let actions = 0;
const output = <F extends OutputSpec['format']>(
  format: F,
  path: string,
  options: Extract<OutputSpec, { format: F }>['options'] = {},
  mode: OutputSpec['mode'] = 'error',
): OutputSpec => ({ format, uri: toUri(path), mode, options }) as OutputSpec;

function stage(committer: OutputCommitter, partitions: readonly (readonly unknown[])[]): StagedPart[] {
  const staging = structuredClone(committer.begin());
  return partitions.map((rows, partitionIndex) => {
    const writer = createPartWriter(staging, partitionIndex, 0);
    for (let at = 0; at < rows.length; at += 100) writer.write(rows.slice(at, at + 100));
    return structuredClone(writer.finish());
  });
}

function save(spec: OutputSpec, partitions: readonly (readonly unknown[])[]) {
  const committer = new OutputCommitter(spec, `a${actions++}`);
  try {
    return committer.commit(stage(committer, partitions));
  } finally {
    committer.abort();
  }
}

const visible = (path: string): string[] => readdirSync(path).sort();
const fresh = (): string => join(directory, `out${actions++}`);
const texts = (path: string): unknown[] => readRows({ format: 'text', paths: [path], options: {} });

describe('writing text, CSV and JSON lines', () => {
  it('writes part files and _SUCCESS, as Spark does', () => {
    const path = fresh();
    expect(save(output('text', path), [['a', 'b'], [], ['c']])).toEqual({
      uri: toUri(path),
      files: 3,
      rows: 3,
      sizeBytes: 6,
    });
    expect(visible(path)).toEqual(['_SUCCESS', 'part-00000', 'part-00001', 'part-00002']);
    expect(readdirSync(directory).filter((name) => name.startsWith(`.${path.split('/').at(-1)}`))).toEqual([]);
    expect(texts(path)).toEqual(['a', 'b', 'c']);
  });

  it('reads back an output without rows or without partitions', () => {
    for (const partitions of [[], [[]], [[], []]]) {
      const path = fresh();
      save(output('csv', path), partitions);
      expect(readRows({ format: 'csv', paths: [path], options: { header: true } })).toEqual([]);
    }
  });

  it('writes the text of every row, and refuses objects that have none', () => {
    const path = fresh();
    save(output('text', path), [['x', 1, null, undefined, 2n, ['a', 1], new Date(0), true]]);
    expect(texts(path)).toEqual(['x', '1', 'null', 'undefined', '2', 'a,1', String(new Date(0)), 'true']);
    expect(() => save(output('text', fresh()), [['ok', { a: 1 }]])).toThrow(/row 1 of the partition is an object/);
    expect(() => save(output('text', fresh()), [['\ud800']])).toThrow(/half of a surrogate pair/);
  });

  it('keeps a byte order mark that is data', () => {
    const path = fresh();
    save(output('text', path), [['\ufeffa', '\ufeffb']]);
    expect(texts(path)).toEqual(['\ufeffa', '\ufeffb']);
  });

  it.each(['gzip', 'brotli', 'zstd'] as const)('compresses with %s', (compression) => {
    const path = fresh();
    const rows = Array.from({ length: 50_000 }, (_, index) => `row ${index}`);
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    if (compression === 'zstd' && (major < 22 || (major === 22 && minor < 15))) {
      expect(() => save(output('text', path, { compression }), [rows])).toThrow(/writing zstd needs Node 22\.15/);
      return;
    }
    save(output('text', path, { compression }), [rows]);
    expect(visible(path)[1]).toBe(`part-00000${{ gzip: '.gz', brotli: '.br', zstd: '.zst' }[compression]}`);
    expect(texts(path)).toEqual(rows);
  });

  it('writes CSV that reads back exactly', () => {
    const value = fc.oneof(
      fc.constantFrom('', 'NULL', '"', ',', '\n', '\r', ' ', '\ufeff', 'a"b', '\t', 'x'),
      fc.string({ unit: 'grapheme' }),
      fc.constant(null),
    );
    const row = fc.record({
      a: value,
      b: value,
      n: fc.option(fc.double()),
      i: fc.option(fc.bigInt()),
      f: fc.option(fc.boolean()),
      d: fc.option(fc.date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') })),
    });
    const options = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      quote: fc.constantFrom('"', "'"),
      nullValue: fc.constantFrom('', 'NULL'),
    });
    void fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), options, (rows, dialect) => {
        const path = fresh();
        save(output('csv', path, dialect), [rows]);
        const schema: CsvOptions['schema'] = {
          a: 'string',
          b: 'string',
          n: 'number',
          i: 'bigint',
          f: 'boolean',
          d: 'timestamp',
        };
        expect(readRows({ format: 'csv', paths: [path], options: { header: true, schema, ...dialect } })).toEqual(rows);
      }),
      { numRuns: 150 },
    );
  });

  it('tells null from the empty string in CSV, also in a single column', () => {
    const path = fresh();
    const rows = [{ a: null }, { a: '' }, { a: undefined }, { a: 'x' }];
    save(output('csv', path), [rows]);
    expect(readFileSync(join(path, 'part-00000.csv'), 'utf8')).toBe('a\n\n""\n\nx\n');
    expect(readRows({ format: 'csv', paths: [path], options: { header: true } })).toEqual([
      { a: null },
      { a: '' },
      { a: null },
      { a: 'x' },
    ]);
  });

  it('writes tuples without a header, objects with one, and columns in the order asked for', () => {
    const path = fresh();
    save(output('csv', path), [
      [
        ['a', 1],
        ['b', 2],
      ],
    ]);
    expect(readFileSync(join(path, 'part-00000.csv'), 'utf8')).toBe('a,1\nb,2\n');
    const other = fresh();
    save(output('csv', other, { columns: ['b', 'a'] }), [[{ a: 1, b: 2 }], [{ b: 3 }]]);
    expect(readFileSync(join(other, 'part-00001.csv'), 'utf8')).toBe('b,a\n3,\n');
  });

  it.each<[string, unknown[][], RegExp]>([
    ['a column that the first row has not', [[{ a: 1 }, { a: 1, z: 2 }]], /row 1 of the partition has a column "z"/],
    ['a tuple of another length', [[[1, 2], [1]]], /row 1 of the partition has 1 values, expected 2/],
    [
      'a tuple among objects',
      [[{ a: 1 }, [1]]],
      /row 1 of the partition is a tuple, expected an object like the first/,
    ],
    ['a row that is no record', [['text']], /row 0 of the partition is the string text/],
    ['a nested value', [[{ a: { b: 1 } }]], /column "a" of row 0 of the partition holds an object/],
    ['an invalid date', [[{ a: new Date(Number.NaN) }]], /holds an invalid Date/],
    [
      'partitions with different columns',
      [[{ a: 1 }], [{ b: 1 }]],
      /partition 1 has the columns b, but partition 0 has a/,
    ],
  ])('refuses CSV of %s, and leaves nothing', (_, partitions, message) => {
    const path = fresh();
    const committer = new OutputCommitter(output('csv', path), `a${actions++}`);
    expect(() => {
      try {
        committer.commit(stage(committer, partitions));
      } finally {
        committer.abort();
      }
    }).toThrow(message);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(directory).filter((name) => name.startsWith(`.${path.split('/').at(-1)}`))).toEqual([]);
  });

  it('writes JSON lines that read back exactly, bigints included', () => {
    const big = fc.bigInt({ min: 2n ** 53n }).map((value) => (value % 2n === 0n ? value : -value));
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
        big,
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value')),
      ),
    })).value;
    void fc.assert(
      fc.property(fc.array(tree), (rows) => {
        const path = fresh();
        save(output('jsonLines', path), [rows]);
        expect(readRows({ format: 'jsonLines', paths: [path], options: {} })).toEqual(rows.map((row) => toPlain(row)));
      }),
      { numRuns: 150 },
    );
  });

  it.each<[unknown, RegExp]>([
    [{ a: [1, Number.NaN] }, /row 0 .* holds NaN at a\[1\], .* nonFinite: 'null'/],
    [{ a: new Map() }, /holds a Map at a/],
    [{ a: new Uint8Array(1) }, /holds a Uint8Array at a/],
    [() => 1, /holds a function/],
    [undefined, /holds undefined/],
    [{ d: new Date(Number.NaN) }, /holds an invalid Date at d/],
  ])('refuses what JSON would lose: %o', (row, message) => {
    expect(() => save(output('jsonLines', fresh()), [[row]])).toThrow(message);
  });

  it('refuses cycles, and writes null for NaN when asked to', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => save(output('jsonLines', fresh()), [[cycle]])).toThrow(/holds a cycle/);
    const path = fresh();
    save(output('jsonLines', path, { nonFinite: 'null' }), [[{ a: Number.NaN }]]);
    expect(readRows({ format: 'jsonLines', paths: [path], options: {} })).toEqual([{ a: null }]);
  });
});

/** fast-check's dictionaries have no prototype. */
function toPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toPlain(inner)]));
}

describe('committing', () => {
  it('shows nothing before the commit, and nothing after an abort', () => {
    const path = fresh();
    const committer = new OutputCommitter(output('text', path), `a${actions++}`);
    stage(committer, [['a']]);
    expect(existsSync(path)).toBe(false);
    committer.abort();
    committer.abort();
    expect(readdirSync(directory).some((name) => name.includes(path.split('/').at(-1) ?? ''))).toBe(false);
  });

  it('publishes only the attempts it is given', () => {
    const path = fresh();
    const committer = new OutputCommitter(output('text', path), `a${actions++}`);
    const staging = committer.begin();
    const attempts = [0, 1, 2].map((attempt) => {
      const writer = createPartWriter(staging, 0, attempt);
      writer.write([`attempt ${attempt}`]);
      return writer;
    });
    attempts[0]?.abort();
    const parts = attempts.slice(1).map((writer) => writer.finish());
    committer.commit(parts.slice(1));
    expect(texts(path)).toEqual(['attempt 2']);
    expect(visible(path)).toEqual(['_SUCCESS', 'part-00000']);
  });

  it('refuses two attempts of one partition', () => {
    const committer = new OutputCommitter(output('text', fresh()), `a${actions++}`);
    const [part] = stage(committer, [['a']]);
    expect(() => committer.commit([part!, part!])).toThrow(expect.objectContaining({ code: 'MR_BUG' }));
  });

  it('refuses an output that exists, at the beginning and at the commit', () => {
    const path = fresh();
    mkdirSync(path);
    save(output('text', path), [['a']]);
    expect(() => save(output('text', path), [['b']])).toThrow(expect.objectContaining({ code: 'MR_OUTPUT_EXISTS' }));
    const other = fresh();
    const [first, second] = [0, 1].map(() => new OutputCommitter(output('text', other), `a${actions++}`));
    const [firstParts, secondParts] = [stage(first!, [['first']]), stage(second!, [['second']])];
    second!.commit(secondParts);
    expect(() => first!.commit(firstParts)).toThrow(/exists and is not empty\. Pass mode: 'overwrite' or 'append'/);
    expect(texts(other)).toEqual(['second']);
  });

  it('refuses a file that stands where the output goes', () => {
    const path = fresh();
    writeFileSync(path, 'x');
    for (const mode of ['error', 'overwrite', 'append'] as const)
      expect(() => save(output('text', path, {}, mode), [['a']])).toThrow(/is a file; an output is a directory/);
  });

  it('overwrites and appends', () => {
    const path = fresh();
    save(output('text', path, {}, 'append'), [['a'], ['b']]);
    save(output('text', path, {}, 'append'), [['c']]);
    expect((texts(path) as string[]).toSorted()).toEqual(['a', 'b', 'c']);
    save(output('text', path, {}, 'overwrite'), [['d']]);
    expect(texts(path)).toEqual(['d']);
    expect(visible(path)).toEqual(['_SUCCESS', 'part-00000']);
  });

  it('keeps the old output when a commit fails', () => {
    const path = fresh();
    save(output('text', path), [['old']]);
    const committer = new OutputCommitter(output('text', path, {}, 'overwrite'), `a${actions++}`);
    const parts = stage(committer, [['new']]);
    expect(() =>
      committer.commit(
        parts.map((part) => ({
          ...part,
          files: part.files.map((file) => ({ ...file, stagedUri: `${file.stagedUri}x` })),
        })),
      ),
    ).toThrow(expect.objectContaining({ code: 'MR_NOT_FOUND' }));
    expect(texts(path)).toEqual(['old']);
    expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('names the reason when the place cannot be written to', () => {
    const path = join(directory, 'a-file');
    writeFileSync(path, 'x');
    expect(() => save(output('text', join(path, 'out')), [['a']])).toThrow(
      expect.objectContaining({
        code: 'MR_IO',
        message: expect.stringMatching(/a-file.*: a part of the path is a file, not a directory/),
      }),
    );
  });

  it('leaves nothing when the disk is full', () => {
    const path = fresh();
    const committer = new OutputCommitter(output('text', path), `a${actions++}`);
    const staging = committer.begin();
    mkdirSync(new URL(`${staging.stagingUri}/0-0`), { recursive: true });
    symlinkSync('/dev/full', new URL(`${staging.stagingUri}/0-0/part-00000`));
    const writer = createPartWriter(staging, 0, 0);
    expect(() => writer.write(Array.from({ length: 100_000 }, (_, i) => `row ${i}`))).toThrow(
      /cannot write .*part-00000: no space left on the device \(ENOSPC\)/,
    );
    writer.abort();
    committer.abort();
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('partition directories and Parquet', () => {
  const sales = [
    { year: 2025, country: 'DE', n: 1 },
    { year: 2026, country: 'a/b=c %', n: 2 },
    { year: 2026, country: null, n: 3 },
    { year: 2025, country: 'DE', n: 4 },
  ];

  it.each(['csv', 'jsonLines', 'parquet'] as const)('writes %s in directories and reads it back', (format) => {
    const path = fresh();
    const { files, rows } = save(output(format, path, { partitionBy: ['year', 'country'] }), [
      sales.slice(0, 2),
      sales.slice(2),
    ]);
    expect([files, rows]).toEqual([4, 4]);
    expect(visible(path)).toEqual(['_SUCCESS', 'year=2025', 'year=2026']);
    expect(visible(join(path, 'year=2026'))).toEqual(['country=__HIVE_DEFAULT_PARTITION__', 'country=a%2Fb%3Dc %25']);
    const options = format === 'csv' ? { header: true } : {};
    const found = readRows({ format, paths: [path], options } as SourceSpec);
    expect(found).toHaveLength(4);
    expect(found).toEqual(expect.arrayContaining(sales));
  });

  it('keeps few files open, however many partitions there are', () => {
    const path = fresh();
    const rows = Array.from({ length: 600 }, (_, index) => ({ k: (index * 7) % 200, index }));
    save(output('jsonLines', path, { partitionBy: ['k'] }), [rows]);
    const found = readRows({ format: 'jsonLines', paths: [path], options: {} });
    expect(found).toHaveLength(600);
    expect(found).toEqual(expect.arrayContaining(rows));
  });

  it('replaces only the partitions that are written', () => {
    const path = fresh();
    const spec = (mode: OutputSpec['mode']): OutputSpec => output('jsonLines', path, { partitionBy: ['k'] }, mode);
    save(spec('error'), [
      [
        { k: 1, v: 'old' },
        { k: 2, v: 'old' },
      ],
      [{ k: 1, v: 'old too' }],
    ]);
    save(spec('overwritePartitions'), [
      [
        { k: 2, v: 'new' },
        { k: 3, v: 'new' },
      ],
    ]);
    expect(readRows({ format: 'jsonLines', paths: [path], options: {} })).toEqual([
      { v: 'old', k: 1 },
      { v: 'old too', k: 1 },
      { v: 'new', k: 2 },
      { v: 'new', k: 3 },
    ]);
    expect(() => save(output('jsonLines', path, {}, 'overwritePartitions'), [])).toThrow(/needs partitionBy/);
  });

  it.each<[unknown, RegExp]>([
    [{ v: 1 }, /"k" of row 0 of the partition is missing/],
    [{ k: '' }, /is the empty string, which a directory cannot tell from null/],
    [{ k: Number.NaN }, /"k" of row 0 of the partition is NaN/],
    [{ k: {} }, /is of type object, which has no directory name/],
    ['text', /partitionBy needs rows that are objects/],
  ])('refuses to partition %o', (row, message) => {
    expect(() => save(output('jsonLines', fresh(), { partitionBy: ['k'] }), [[row]])).toThrow(message);
  });

  it('writes and reads Parquet, also with empty partitions', () => {
    const path = fresh();
    const rows = Array.from({ length: 10_000 }, (_, id) => ({
      id,
      name: `name ${id % 100}`,
      when: new Date(id * 1000),
    }));
    save(output('parquet', path, { compression: 'gzip' }), [rows.slice(0, 5000), [], rows.slice(5000)]);
    expect(visible(path)).toEqual(['_SUCCESS', 'part-00000.parquet', 'part-00002.parquet']);
    expect(readRows({ format: 'parquet', paths: [path], options: {} })).toEqual(rows);
    const empty = fresh();
    save(output('parquet', empty), [[], []]);
    expect(readRows({ format: 'parquet', paths: [empty], options: {} })).toEqual([]);
    expect(() => save(output('parquet', fresh(), { compression: 'zip' as 'gzip' }), [])).toThrow(
      /compression must be one of/,
    );
  });
});
