import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ItemReader } from '../../../src/jobs/definition/item-reader.ts';
import type { StandardSchemaV1 } from '../../../src/jobs/definition/standard-schema.ts';
import { csvReader } from '../../../src/jobs/items/csv-reader.ts';
import { fixedLengthReader } from '../../../src/jobs/items/fixed-length-reader.ts';
import { jsonLinesReader } from '../../../src/jobs/items/json-lines-reader.ts';
import { jsonReader } from '../../../src/jobs/items/json-reader.ts';
import { linesReader } from '../../../src/jobs/items/lines-reader.ts';
import { readAll, stepContext } from './step-context.ts';

let directory: string;
let files = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-readers-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function file(content: string | Buffer, suffix = '.txt'): string {
  files += 1;
  const path = join(directory, `${files}${suffix}`);
  writeFileSync(path, content);
  return path;
}

/** The law of ST-200 and ST-204: any fetch size and any restart give the same items and errors. */
async function sameFromEverywhere(reader: ItemReader<unknown>, sizes: readonly number[]): Promise<unknown[]> {
  const whole = await readAll(reader, 1000);
  for (const size of sizes) {
    const once = await readAll(reader, size);
    expect(once.items).toEqual(whole.items);
    expect(once.errors.map(String)).toEqual(whole.errors.map(String));
    for (const { position, items, errors } of once.positions) {
      const rest = await readAll(reader, size, position);
      expect(rest.items).toEqual(whole.items.slice(items));
      expect(rest.errors.map(String)).toEqual(whole.errors.slice(errors).map(String));
    }
  }
  return whole.items;
}

const text = fc.string({ unit: fc.constantFrom(...'ab ,;"\n\rä😀é\t\\{}[]'), maxLength: 8 });

describe('linesReader', () => {
  it('ST-200: gives the same lines for any fetch size and restart, in every encoding and compression', async () => {
    const line = text.map((t) => t.replace(/[\r\n]/g, ''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 12 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (lines, end, isEnded) => {
          const content = lines.join(end) + (isEnded && lines.length > 0 ? end : '');
          const expected = content === '' ? [] : isEnded || lines.at(-1) !== '' ? lines : lines.slice(0, -1);
          for (const encoding of ['utf-8', 'utf-16le'] as const) {
            const bytes = Buffer.from(content, encoding === 'utf-8' ? 'utf8' : 'utf16le');
            for (const [data, suffix] of [
              [bytes, '.txt'],
              [gzipSync(bytes), '.gz'],
              [brotliCompressSync(bytes), '.br'],
            ] as const) {
              const reader = linesReader(file(data, suffix), { encoding });
              expect(await sameFromEverywhere(reader, [1, 3])).toEqual(expected);
            }
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('drops a byte order mark and reads latin1', async () => {
    expect((await readAll(linesReader(file('\ufeffa\nb')), 9)).items).toEqual(['a', 'b']);
    const utf16 = file(Buffer.from('\ufeffä\nb', 'utf16le'));
    expect((await readAll(linesReader(utf16, { encoding: 'utf-16le' }), 1)).items).toEqual(['ä', 'b']);
    expect((await readAll(linesReader(file(Buffer.from([0xe4, 10, 0xff])), { encoding: 'latin1' }), 9)).items).toEqual([
      'ä',
      'ÿ',
    ]);
    expect((await readAll(linesReader(pathToFileURL(file('x')).href), 9)).items).toEqual(['x']);
  });

  it('ST-204: throws MR_PARSE with path and line for bytes that are no utf-8, after the lines before, and goes on behind', async () => {
    const path = file(Buffer.from([97, 10, 98, 0xff, 10, 99, 10]));
    const stream = await linesReader(path).open(undefined, stepContext());
    expect(await stream.read(10)).toEqual(['a']);
    await expect(stream.read(10)).rejects.toMatchObject({
      code: 'MR_PARSE',
      details: { path, line: 2 },
      message: expect.stringContaining(`${path}, line 2`),
    });
    expect(await stream.read(10)).toEqual(['c']);
    expect(await stream.read(10)).toEqual([]);
    expect(await stream.read(10)).toEqual([]);
    await stream.close?.();
  });

  it('reads lines that are longer than its window', async () => {
    const lines = ['x'.repeat(700_000), 'ä'.repeat(300_000), '', 'end'];
    await expect(sameFromEverywhere(linesReader(file(lines.join('\n'))), [1])).resolves.toEqual(lines);
  });

  it('reports its progress in bytes', async () => {
    const stream = await linesReader(file('ab\ncd\n')).open(undefined, stepContext());
    await stream.read(1);
    expect(stream.progress?.()).toEqual({ current: 3, total: 6 });
    await stream.close?.();
  });

  it('refuses an unknown encoding and names a missing file', async () => {
    expect(() => linesReader('x', { encoding: 'utf-7' as never })).toThrow(/utf-7/);
    await expect(readAll(linesReader(join(directory, 'none')), 1)).rejects.toMatchObject({ code: 'MR_NOT_FOUND' });
  });
});

describe('ST-54: a file that changed since the last run', () => {
  const restart = async (change: (path: string) => void): Promise<unknown> => {
    const path = file('one\ntwo\nthree\n');
    utimesSync(path, 1000, 1000);
    const stream = await linesReader(path).open(undefined, stepContext());
    await stream.read(1);
    const position = stream.position();
    await stream.close?.();
    change(path);
    return readAll(linesReader(path), 10, position);
  };

  it('is read on when nothing changed', async () => {
    expect(await restart(() => undefined)).toMatchObject({ items: ['two', 'three'] });
  });

  it('is MR_INPUT_CHANGED when its size, its first bytes or its time changed, or it vanished', async () => {
    const changes: ((path: string) => void)[] = [
      (path) => writeFileSync(path, 'one\ntwo\nthree\nfour\n'),
      (path) => {
        writeFileSync(path, 'one\ntwO\nthree\n');
        utimesSync(path, 1000, 1000);
      },
      (path) => utimesSync(path, 2000, 2000),
      (path) => rmSync(path),
    ];
    for (const change of changes) await expect(restart(change)).rejects.toMatchObject({ code: 'MR_INPUT_CHANGED' });
  });
});

describe('csvReader', () => {
  const quoted = (field: string): string => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

  it('ST-200: reads what was written, as csv-parse does, for any fetch size and restart', async () => {
    const rows = fc
      .integer({ min: 2, max: 4 })
      .chain((width) =>
        fc.array(fc.array(text, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
      );
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom('\n', '\r\n'), fc.boolean(), async (given, end, isEnded) => {
        const content = given.map((row) => row.map(quoted).join(',')).join(end) + (isEnded ? end : '');
        const path = file(content, '.csv');
        expect(await sameFromEverywhere(csvReader(path, { header: false }), [1, 3])).toEqual(given);
        expect(given).toEqual(parse(content, { record_delimiter: ['\n', '\r\n'] }));
        const names = (given[0] ?? []).map((_, column) => `c${column}`);
        const objects = await sameFromEverywhere(csvReader(path, { header: names }), [2]);
        expect(objects.map((row) => Object.values(row as object))).toEqual(given);
      }),
      { numRuns: 60 },
    );
  });

  it('names the fields after the header, or arrays without one', async () => {
    const path = file('\ufeffid,näme\n1,Ö\n\n2,"a ""b"", c"\r\n', '.csv');
    expect((await readAll(csvReader(path), 10)).items).toEqual([
      { id: '1', näme: 'Ö' },
      { id: '2', näme: 'a "b", c' },
    ]);
    expect((await readAll(csvReader(file('__proto__,b\n1,2\n')), 1)).items.map((row) => Object.entries(row))).toEqual([
      [
        ['__proto__', '1'],
        ['b', '2'],
      ],
    ]);
    expect((await readAll(csvReader(file('')), 10)).items).toEqual([]);
    expect((await readAll(csvReader(file('a,b\n')), 10)).items).toEqual([]);
    expect((await readAll(csvReader(file('a\n\n""\nx')), 10)).items).toEqual([{ a: '' }, { a: '' }, { a: 'x' }]);
    await expect(readAll(csvReader(file('a,b,a\n')), 10)).rejects.toThrow(/line 1: .*"a" is there twice/);
  });

  it('takes other delimiters, quotes and lines to skip', async () => {
    const path = file("# made by hand\n# today\na§b\n'x§''y'§2\n", '.csv');
    const reader = csvReader(path, { delimiter: '§', quote: "'", linesToSkip: 2 });
    expect((await readAll(reader, 10)).items).toEqual([{ a: "x§'y", b: '2' }]);
    const plain = csvReader(file('a,b\n"1,2\n'), { quote: '' });
    expect((await readAll(plain, 10)).items).toEqual([{ a: '"1', b: '2' }]);
    for (const options of [
      { delimiter: '' },
      { quote: ',' },
      { quote: '""' },
      { linesToSkip: -1 },
      { header: ['a', 'a'] },
    ]) {
      expect(() => csvReader('x', options)).toThrow(/csvReader/);
    }
  });

  it('ST-204: throws MR_PARSE for wrong widths, stray and unclosed quotes with path and line, and goes on behind', async () => {
    const path = file('a,b\n1,2\n3\n4,"5\n6"\n7,8,9\nx,y"z\n"p"q,r\n10,11\n12,"13\n14,15\n', '.csv');
    const { items, errors } = await readAll(csvReader(path), 100);
    expect(items).toEqual([
      { a: '1', b: '2' },
      { a: '4', b: '5\n6' },
      { a: '10', b: '11' },
    ]);
    expect(errors).toMatchObject(
      [3, 6, 7, 8, 10].map((line) => ({
        code: 'MR_PARSE',
        details: { path, line },
        message: expect.stringContaining(`${path}, line ${line}`),
      })),
    );
    expect(await sameFromEverywhere(csvReader(path), [1, 2, 5])).toHaveLength(3);
  });

  it('finds quotes that lie in a later block of the file', async () => {
    const rows = Array.from({ length: 30_000 }, (_, n) => (n % 7 === 0 ? `${n},"x,\n${n}",ä` : `${n},plain ${n},b`));
    const path = file(`a,b,c\n${rows.join('\n')}\n`);
    const { items, errors } = await readAll(csvReader(path), 1000);
    expect(errors).toEqual([]);
    expect(items).toHaveLength(30_000);
    expect(items[29_995]).toEqual({ a: '29995', b: 'x,\n29995', c: 'ä' });
    expect(items.every((row, n) => Object.values(row)[0] === String(n))).toBe(true);
  });

  it('gives what its schema makes of a row, or MR_VALIDATION with path and line', async () => {
    const Sale: StandardSchemaV1<unknown, { id: number }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (row) => {
          const id = Number((row as { id: string }).id);
          return Number.isNaN(id)
            ? { issues: [{ message: 'no number', path: ['id'] }] }
            : Promise.resolve({ value: { id } });
        },
      },
    };
    const path = file('id\n1\nx\n3\n', '.csv');
    const { items, errors } = await readAll(csvReader(path, { schema: Sale }), 10);
    expect(items).toEqual([{ id: 1 }, { id: 3 }]);
    expect(errors).toMatchObject([
      {
        code: 'MR_VALIDATION',
        message: `${path}, line 3: id: no number`,
        details: { path, line: 3, issues: [{ path: 'id' }] },
      },
    ]);
  });
});

describe('jsonLinesReader', () => {
  it('ST-200: reads what was written for any fetch size and restart; empty lines are no records', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 10 }), async (values) => {
        const path = file(values.map((value) => `${JSON.stringify(value)}\n`).join('\n'), '.ndjson');
        expect(await sameFromEverywhere(jsonLinesReader(path), [1, 3])).toEqual(JSON.parse(JSON.stringify(values)));
      }),
      { numRuns: 50 },
    );
  });

  it('ST-204: throws MR_PARSE with path and line and goes on behind', async () => {
    const path = file('1\n{oops\n3\n');
    const { items, errors } = await readAll(jsonLinesReader(path), 10);
    expect(items).toEqual([1, 3]);
    expect(errors).toMatchObject([{ code: 'MR_PARSE', details: { path, line: 2 } }]);
  });
});

describe('jsonReader', () => {
  it('ST-200: streams the elements of an array for any fetch size, restart and spacing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 10 }),
        fc.constantFrom(0, 2),
        fc.constantFrom('', '\n'),
        async (values, indent, end) => {
          const path = file(JSON.stringify(values, undefined, indent) + end, '.json');
          expect(await sameFromEverywhere(jsonReader(path), [1, 3])).toEqual(JSON.parse(JSON.stringify(values)));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('ST-204: throws MR_PARSE for an element that is no JSON and goes on behind its comma', async () => {
    const path = file('[1,\n oops,\n {"a": "]"},\n {"b"},\n 5]\n', '.json');
    const { items, errors } = await readAll(jsonReader(path), 10);
    expect(items).toEqual([1, { a: ']' }, 5]);
    expect(errors).toMatchObject([2, 4].map((line) => ({ code: 'MR_PARSE', details: { path, line } })));
    expect(await sameFromEverywhere(jsonReader(path), [1, 2])).toHaveLength(3);
  });

  it('is MR_PARSE, once, for a file without an array, an array without an end and text behind it', async () => {
    for (const [content, items] of [
      ['', 0],
      ['{}', 0],
      ['[1, 2', 1],
      ['[1, 2,', 2],
      ['[1] 2', 1],
      ['[1, "a]', 1],
      ['[1, ]', 1],
      ['[', 0],
    ] as const) {
      const result = await readAll(jsonReader(file(content, '.json')), 10);
      expect([content, result.items.length, result.errors]).toEqual([
        content,
        items,
        [expect.objectContaining({ code: 'MR_PARSE' })],
      ]);
      await sameFromEverywhere(jsonReader(file(content, '.json')), [1]);
    }
  });
});

describe('fixedLengthReader', () => {
  const fields = [
    { name: 'id', length: 3 },
    { name: 'name', length: 5 },
  ] as const;

  it('cuts lines into trimmed columns of characters, for any fetch size and restart', async () => {
    const path = file('001Ann  \n002Ö😀   \r\n\n003Bobby   ');
    expect(await sameFromEverywhere(fixedLengthReader(path, { fields }), [1, 2])).toEqual([
      { id: '001', name: 'Ann' },
      { id: '002', name: 'Ö😀' },
      { id: '003', name: 'Bobby' },
    ]);
  });

  it('ST-204: throws MR_PARSE for short lines and lines with more text', async () => {
    const path = file('001Ann\n002Bob  \n003Carl  x\n');
    const { items, errors } = await readAll(fixedLengthReader(path, { fields }), 10);
    expect(items).toEqual([{ id: '002', name: 'Bob' }]);
    expect(errors).toMatchObject([1, 3].map((line) => ({ code: 'MR_PARSE', details: { path, line } })));
    expect(() => fixedLengthReader('x', { fields: [{ name: 'a', length: 0 }] })).toThrow('"a"');
  });
});
