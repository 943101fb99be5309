import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvOptions, csvDialect } from '../../../src/data/io/csv/csv-options.ts';
import { recordStarts } from '../../../src/data/io/csv/csv-record-starts.ts';
import { csvRecords } from '../../../src/data/io/csv/csv-records.ts';
import { LocalFileSystem } from '../../../src/data/io/local-file-system.ts';
import { RangeInput } from '../../../src/data/io/sequential-input.ts';
import { planSource } from '../../../src/data/io/source.ts';
import type { PlanSettings, SourceSpec } from '../../../src/data/io/source-spec.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { readParts, readRows, scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();
const csv = (path: string | string[], options: CsvOptions = {}): SourceSpec => ({
  format: 'csv',
  paths: [path].flat(),
  options,
});
let files = 0;
const read = (
  content: string | Uint8Array,
  options: CsvOptions = {},
  settings: Partial<PlanSettings> = {},
): unknown[] => readRows(csv(writeFile(join(directory, `f${files++}.csv`), content), options), settings);
const failure = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

const allStrings = (width: number): CsvOptions['schema'] =>
  Object.fromEntries(Array.from({ length: width }, (_, index) => [`c${index}`, 'string' as const]));

const fieldText = fc.oneof(
  fc.constantFrom('', 'a', '1', 'é', '漢🌊', '"', '""', ',', '\n', '\r\n', '\r', ' ', 'a"b', 'x'.repeat(300), '\u0000'),
  fc.string(),
);
const field = fc.tuple(fieldText, fc.boolean()).map(([text, wantsQuotes]) => ({
  text,
  written: wantsQuotes || text === '' || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text,
}));
const table = fc
  .integer({ min: 1, max: 5 })
  .chain((width) =>
    fc.tuple(fc.constant(width), fc.array(fc.array(field, { minLength: width, maxLength: width }), { maxLength: 30 })),
  );

describe('csv', () => {
  it('reads what RFC 4180 writes, however the file is cut, as csv-parse does', () => {
    const path = join(directory, 'law.csv');
    void fc.assert(
      fc.property(
        table,
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        ([width, rows], minPartitions, lineEnd, hasMark, endsWithLine) => {
          let content = rows.map((row) => row.map(({ written }) => written).join(',')).join(lineEnd);
          if (endsWithLine && content !== '') content += lineEnd;
          writeFile(path, (hasMark ? '\ufeff' : '') + content);
          const options = { schema: allStrings(width) };
          const expected = rows.map((row) => Object.fromEntries(row.map(({ text }, index) => [`c${index}`, text])));
          expect(readRows(csv(path, options), { minPartitions })).toEqual(expected);
          if (expected.length > 0)
            expect(
              parse(content, { columns: Object.keys(allStrings(width) ?? {}), record_delimiter: ['\n', '\r\n'] }),
            ).toEqual(expected);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('gives the same rows or the same error for any bytes, however the file is cut', () => {
    const path = join(directory, 'bytes.csv');
    const bytes = fc.array(fc.constantFrom('"', '"', ',', '\n', '\n', '\r\n', 'a', 'é', '\\', '#', '1'), {
      maxLength: 60,
    });
    const dialect = fc.constantFrom<CsvOptions>(
      {},
      { escape: '\\' },
      { quote: '' },
      { mode: 'permissive' },
      { mode: 'dropMalformed' },
      { comment: '#' },
    );
    void fc.assert(
      fc.property(bytes, dialect, fc.integer({ min: 2, max: 20 }), (pieces, options, minPartitions) => {
        writeFile(path, pieces.join(''));
        const source = csv(path, { ...options, schema: { a: 'string', b: 'string' } });
        const whole = failure(() => readRows(source));
        const cut = failure(() => readRows(source, { minPartitions }));
        if (whole instanceof Error) expect((cut as Error).message).toBe(whole.message);
        else expect(cut).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads large files in splits with quoted line breaks at every turn', () => {
    const rows = Array.from({ length: 60_000 }, (_, id) => ({
      id,
      note: id % 7 === 0 ? `two\nlines, "${id}"` : `plain ${id}`,
      ok: id % 2 === 0,
    }));
    const content = `id,note,ok\n${rows.map(({ id, note, ok }) => `${id},"${note.replaceAll('"', '""')}",${ok}`).join('\n')}\n`;
    const path = writeFile(join(directory, 'large.csv'), content);
    for (const minPartitions of [1, 3, 16]) {
      const parts = readParts(csv(path, { header: true }), { minPartitions });
      expect(parts.length).toBe(minPartitions);
      expect(parts.flat()).toEqual(rows);
    }
    const zipped = writeFile(join(directory, 'large.csv.gz'), gzipSync(content));
    expect(readRows(csv(zipped, { header: true }), { minPartitions: 4 })).toEqual(rows);
  });

  it('splits far files where the bytes around a place tell that a record begins, whatever came before', () => {
    const bytes = fc.array(fc.constantFrom('"', '"', ',', ',', '\n', '\n', '\r\n', 'a', 'é', '\\'), { maxLength: 200 });
    const dialect = fc.constantFrom({ escape: '"' }, { escape: '\\' }, { escape: '' }, { quote: '' });
    let numSure = 0;
    void fc.assert(
      fc.property(bytes, dialect, fc.integer({ min: 1, max: 200 }), (pieces, options, target) => {
        const path = writeFile(join(directory, 'near.csv'), pieces.join(''));
        const file = new LocalFileSystem().openRead(toUri(path));
        const starts = new Set([0, file.sizeBytes]);
        for (const { base, tokenizer } of csvRecords(new RangeInput(file, 0, file.sizeBytes), path, 0, options))
          for (let record = 0; record < tokenizer.numRecords; record++)
            starts.add(base + (tokenizer.recordStarts[record] ?? 0));
        const [sure = 0] = recordStarts(file, [Math.min(target, file.sizeBytes)], csvDialect(options), true);
        file.close();
        expect(starts).toContain(sure);
        if (sure > 0) numSure++;
      }),
      { numRuns: 500 },
    );
    expect(numSure).toBeGreaterThan(20);
  });

  it('reads a record that is longer than its buffer', () => {
    const long = 'ä,"\n'.repeat(1_000_000);
    const rows = read(`a,"${long.replaceAll('"', '""')}"\nb,c\n`, { schema: { k: 'string', v: 'string' } }) as {
      v: string;
    }[];
    expect(rows.map(({ v }) => v.length)).toEqual([4_000_000, 1]);
    expect(rows[0]?.v === long).toBe(true);
  });

  it('has one hidden layout: header names, then _c0 and so on', () => {
    expect(read('a,b\n1,x\n', { header: true })).toEqual([{ a: 1, b: 'x' }]);
    expect(read('a,b\n1,x\n')).toEqual([
      { _c0: 'a', _c1: 'b' },
      { _c0: '1', _c1: 'x' },
    ]);
    expect(read('1,x\n', { header: ['n', 's'] })).toEqual([{ n: 1, s: 'x' }]);
    expect(read('a,,__proto__\n1,2,3\n', { header: true })).toEqual([
      Object.fromEntries([
        ['a', 1],
        ['_c1', 2],
        ['__proto__', 3],
      ]),
    ]);
    expect(() => read('a,b,a\n1,2,3\n', { header: true })).toThrow(/the header names the column "a" twice/);
  });

  it.each<[string, string[], unknown[]]>([
    [
      'numbers',
      [
        '1',
        '-2.5',
        '0.1',
        '1e3',
        '-0',
        '',
        '123456789012345',
        '9007199254740991',
        '0.30000000000000004',
        '36028797018963968',
      ],
      [1, -2.5, 0.1, 1000, -0, null, 123456789012345, 9007199254740991, 0.30000000000000004, 36028797018963968],
    ],
    [
      'numbers that are none',
      ['1', 'NaN', 'Infinity', '-Infinity'],
      [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ],
    ['integers beyond 2**53', ['1', '9007199254740993'], [1n, 9007199254740993n]],
    ['integers beyond 2**53 with decimals', ['1.5', '9007199254740993'], ['1.5', '9007199254740993']],
    ['leading zeros', ['1', '007'], ['1', '007']],
    ['booleans', ['true', 'False', 'TRUE', ''], [true, false, true, null]],
    ['booleans and numbers', ['true', '1'], ['true', '1']],
    ['dates', ['2026-01-02'], ['2026-01-02']],
    ['text', ['a', '1', ''], ['a', '1', null]],
    ['nothing', ['', ''], [null, null]],
    ['plus and blanks', ['+1', ' 1'], ['+1', ' 1']],
    ['quoted numbers', ['"1"', '""'], [1, null]],
    ['quoted nothing', ['""', 'a'], ['', 'a']],
  ])('infers %s', (_, fields, expected) => {
    expect(
      read(`x,${'y'}\n${fields.map((text) => `${text},-`).join('\n')}\n`, { header: true }).map(
        (row) => (row as { x: unknown }).x,
      ),
    ).toEqual(expected);
  });

  it('parses every number as Number does', () => {
    const decimal = fc.oneof(
      fc
        .double({ noDefaultInfinity: true, noNaN: true })
        .map((x) => (Number.isSafeInteger(x) ? String(x) : x.toExponential())),
      fc.tuple(fc.integer(), fc.nat()).map(([a, b]) => `${a}.${b}`),
      fc.maxSafeInteger().map(String),
    );
    const path = join(directory, 'numbers.csv');
    void fc.assert(
      fc.property(fc.array(decimal, { minLength: 1 }), (texts) => {
        writeFile(path, `${texts.join('\n')}\n`);
        const rows = readRows(csv(path, { schema: { x: 'number' } })) as { x: number }[];
        for (const [index, { x }] of rows.entries()) expect(Object.is(x, Number(texts[index]))).toBe(true);
        expect(rows.length).toBe(texts.length);
      }),
    );
  });

  it('reads given types', () => {
    const schema = { n: 'number', i: 'bigint', b: 'boolean', d: 'date', t: 'timestamp', s: 'string' } as const;
    const content =
      'n,i,b,d,t,s\n+007,12345678901234567890,yes,2026-02-28,2026-01-02 03:04:05.678,007\n,,,,2026-01-02T03:04:05+02:00,\n';
    expect(read(content, { header: true, schema })).toEqual([
      {
        n: 7,
        i: 12345678901234567890n,
        b: true,
        d: new Date('2026-02-28T00:00:00Z'),
        t: new Date('2026-01-02T03:04:05.678Z'),
        s: '007',
      },
      { n: null, i: null, b: null, d: null, t: new Date('2026-01-02T01:04:05Z'), s: null },
    ]);
  });

  it.each([
    ['number', '9007199254740993'],
    ['number', '1e999'],
    ['number', '1,5'],
    ['number', '0x10'],
    ['number', ' 1'],
    ['bigint', '1.0'],
    ['boolean', 'maybe'],
    ['date', '2026-02-30'],
    ['date', '02.01.2026'],
    ['timestamp', '2026-02-30T00:00:00'],
    ['timestamp', '2026-01-02T03:04:05.1234567'],
    ['timestamp', 'now'],
  ] as const)('refuses to read a %s from %j in silence', (type, text) => {
    expect(failure(() => read(`"${text}"\n`, { schema: { x: type } }))).toMatchObject({
      code: 'MR_PARSE',
      message: expect.stringContaining(`:1: ${JSON.stringify(text)} in column "x" is not a ${type}`),
    });
  });

  it('names line and value when a value contradicts the inferred type, in any split', () => {
    const good = ['id,n', ...Array.from({ length: 5000 }, (_, i) => `"a\n${i}",${i}`)].join('\n');
    const path = writeFile(join(directory, 'late.csv'), `${good}\nlast,n/a\n`);
    for (const minPartitions of [1, 4])
      expect(failure(() => readRows(csv(path, { header: true, sampleRows: 100 }), { minPartitions }))).toMatchObject({
        code: 'MR_PARSE',
        details: { line: 10002 },
        message: expect.stringMatching(
          /late\.csv:10002: "n\/a" in column "n" is not a number, which the first records made it/,
        ),
      });
    expect(readRows(csv(path, { header: true, sampleRows: Number.POSITIVE_INFINITY })).at(-1)).toEqual({
      id: 'last',
      n: 'n/a',
    });
  });

  it('names line, expected and found number of fields', () => {
    expect(() => read('a,b\n1,2\n3\n', { header: true })).toThrow(
      /\.csv:3: the record has 1 field, expected 2 \(a, b\)/,
    );
    expect(() => read('a,b\n"x\ny",2\n3,4,5\n', { header: true })).toThrow(
      /\.csv:4: the record has 3 fields, expected 2/,
    );
    expect(() => read('a,b\n1,"2\n3,4\n', { header: true })).toThrow(/\.csv:2: the quote of field 2 is never closed/);
    expect(() => read('a,b\n1,"2"x\n', { header: true })).toThrow(
      /\.csv:2: there is text after the closing quote of field 2/,
    );
  });

  it('leaves malformed records out, or keeps their text, when asked to', () => {
    const content = 'a,b\n1,x\n2\n3,"y"z\n4,w,v\nfive,u\n6,t\n';
    const schema = { a: 'number' } as const;
    expect(read(content, { header: true, schema, mode: 'dropMalformed' })).toEqual([
      { a: 1, b: 'x' },
      { a: 6, b: 't' },
    ]);
    expect(read(content, { header: true, schema, mode: 'permissive' })).toEqual([
      { a: 1, b: 'x', _corruptRecord: null },
      { a: 2, b: null, _corruptRecord: '2' },
      { a: 3, b: null, _corruptRecord: '3,"y"z' },
      { a: 4, b: 'w', _corruptRecord: '4,w,v' },
      { a: null, b: 'u', _corruptRecord: 'five,u' },
      { a: 6, b: 't', _corruptRecord: null },
    ]);
  });

  it('follows delimiter, quote, escape, comment, nullValue, trim and encoding', () => {
    expect(read("a;b\n'x;\\'y';2\n", { header: true, delimiter: ';', quote: "'", escape: '\\' })).toEqual([
      { a: "x;'y", b: 2 },
    ]);
    expect(read('a,b\n"x,y\n', { header: true, quote: '' })).toEqual([{ a: '"x', b: 'y' }]);
    expect(read('#c\na,b\n# "\n1,2\n#', { header: true, comment: '#' })).toEqual([{ a: 1, b: 2 }]);
    expect(read('a,b\nNA,NA\n,\n"NA",3\n', { header: true, nullValue: 'NA' })).toEqual([
      { a: null, b: null },
      { a: '', b: null },
      { a: 'NA', b: 3 },
    ]);
    expect(read('a, b\n x , 2\n" y ",3\n', { header: true, trim: true })).toEqual([
      { a: 'x', b: 2 },
      { a: ' y ', b: 3 },
    ]);
    expect(read(Buffer.from('a\né\n', 'latin1'), { header: true, encoding: 'latin1' })).toEqual([{ a: 'é' }]);
    expect(() => read(Buffer.from('a\né\n', 'latin1'), { header: true })).toThrow(/byte 2 is not valid UTF-8/);
  });

  it('reads only the columns asked for', () => {
    expect(read('a,b,c\n1,2,3\n', { header: true, columns: ['c', 'a'] })).toEqual([{ a: 1, c: 3 }]);
    expect(() => read('a,b\n1,2\n', { header: true, columns: ['z'] })).toThrow(
      /columns names a column "z"; .* has a, b/,
    );
  });

  it('skips empty lines, except where an empty line is a record of one null', () => {
    expect(read('a,b\n\n1,2\n\r\n3,4\n\n', { header: true })).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]);
    expect(read('a\n1\n\n3\n', { header: true })).toEqual([{ a: 1 }, { a: null }, { a: 3 }]);
  });

  it('reads files without rows', () => {
    expect(read('', { header: true })).toEqual([]);
    expect(read('a,b\n', { header: true })).toEqual([]);
    expect(read('a,b', { header: true })).toEqual([]);
  });

  it('refuses files with different headers', () => {
    const paths = ['a,b\n1,2\n', 'b,a\n1,2\n'].map((content, index) =>
      writeFile(join(directory, `h${index}.csv`), content),
    );
    expect(() => readRows(csv(paths, { header: true }))).toThrow(
      /h1\.csv: its header is b, a, but the first file has a, b/,
    );
  });

  it('adds the columns of Hive directories and leaves out the partitions that are not wanted', () => {
    const base = join(directory, 'hive');
    for (const [year, month] of [
      [2025, '12'],
      [2026, '01'],
      [2026, '02'],
    ])
      writeFile(join(base, `year=${year}/month=${month}/p.csv`), `n\n${year}${month}\n`);
    writeFile(join(base, 'year=2024/month=__HIVE_DEFAULT_PARTITION__/p.csv'), 'this,is\nnot read\n');
    const source = csv(base, { header: true });
    const keepPartition: PlanSettings['keepPartition'] = ({ year }) => (year as number) >= 2026;
    expect(planSource(source, { minPartitions: 1, keepPartition }).splits).toHaveLength(2);
    expect(readRows(source, { keepPartition })).toEqual([
      { n: 202601, year: 2026, month: 1 },
      { n: 202602, year: 2026, month: 2 },
    ]);
    expect(readRows(source, { keepPartition: () => false })).toEqual([]);
  });

  it.each<[CsvOptions, RegExp]>([
    [{ delimiter: '||' }, /delimiter must be one ASCII character/],
    [{ delimiter: '"' }, /the delimiter .* is also the quote/],
    [{ mode: 'lenient' as 'fail' }, /mode must be one of fail, dropMalformed, permissive, got "lenient"/],
    [{ schema: { a: 'int' as 'number' } }, /schema\["a"\] must be one of string, .* got "int"/],
    [{ sampleRows: 0 }, /sampleRows must be at least 1, got 0/],
    [{ header: true, schema: { z: 'number' } }, /schema names a column "z"; .* has a, b/],
  ])('refuses %j', (options, message) => {
    expect(() => read('a,b\n1,2\n', options)).toThrow(message);
  });
});
