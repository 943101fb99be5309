import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ItemReader } from '../../../src/jobs/definition/item-reader.ts';
import type { ItemSink, ItemWriter } from '../../../src/jobs/definition/item-writer.ts';
import type { JsonValue } from '../../../src/jobs/definition/json-value.ts';
import type { StepContext } from '../../../src/jobs/definition/step-context.ts';
import { binaryReader } from '../../../src/jobs/items/binary-reader.ts';
import { binaryWriter } from '../../../src/jobs/items/binary-writer.ts';
import { csvReader } from '../../../src/jobs/items/csv-reader.ts';
import { csvWriter } from '../../../src/jobs/items/csv-writer.ts';
import { fixedLengthReader } from '../../../src/jobs/items/fixed-length-reader.ts';
import { jsonLinesReader } from '../../../src/jobs/items/json-lines-reader.ts';
import { jsonReader } from '../../../src/jobs/items/json-reader.ts';
import { linesReader } from '../../../src/jobs/items/lines-reader.ts';
import type { PublishesTogether, SinkStart } from '../../../src/jobs/items/sink-seams.ts';
import type { OutputOptions } from '../../../src/jobs/items/staged-file.ts';
import { fixedLengthWriter, jsonLinesWriter, jsonWriter, textWriter } from '../../../src/jobs/items/text-writers.ts';
import { xmlReader } from '../../../src/jobs/items/xml-reader.ts';
import { xmlWriter } from '../../../src/jobs/items/xml-writer.ts';
import { readAll, stepContext } from './step-context.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-writers-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const chunk = (firstIndex: number, count = 1) => ({ firstIndex, key: `i/1/s/0/${firstIndex}-${count}`, signal });
let runs = 0;

function open<O>(writer: ItemWriter<O>, state?: JsonValue, more: Partial<SinkStart> = {}): Promise<ItemSink<O>> {
  runs += 1;
  const c = stepContext({
    stepExecutionId: `run-${runs}`,
    ...(more.c as Partial<StepContext<object, object>> | undefined),
  });
  return Promise.resolve(writer.open({ ...more, c, ...(state === undefined ? {} : { state }) }));
}

/** What the runtime keeps: the state as JSON. */
const kept = (sink: { state?(): JsonValue }): JsonValue => JSON.parse(JSON.stringify(sink.state?.()));

async function writeAll<O>(writer: ItemWriter<O>, chunks: readonly (readonly O[])[]): Promise<void> {
  const sink = await open(writer);
  for (const [index, items] of chunks.entries()) await sink.write(items, chunk(index));
  kept(sink);
  await sink.publish?.();
  await sink.close?.();
}

interface Format<O> {
  readonly name: string;
  readonly items: fc.Arbitrary<O>;
  writer(path: string, options?: OutputOptions): ItemWriter<O>;
  reader(path: string): ItemReader<unknown>;
}

const words = fc.string({ unit: fc.constantFrom(...'ab ,;"\n\rä😀é\t<>&\''), maxLength: 6 });
const line = words.map((text) => text.replace(/[\r\n]/g, '').trim());
const fields = [
  { name: 'id', length: 2 },
  { name: 'name', length: 8 },
] as const;
// biome-ignore lint/suspicious/noExplicitAny: one list of formats with items of many types
const formats: readonly Format<any>[] = [
  { name: 'textWriter', items: line, writer: (path, o) => textWriter(path, o), reader: (path) => linesReader(path) },
  {
    name: 'csvWriter',
    items: fc.record({ a: words, b: words }),
    writer: (path, o) => csvWriter(path, { ...o, columns: ['a', 'b'] }),
    reader: (path) => csvReader(path),
  },
  {
    name: 'csvWriter without columns',
    items: fc.record({ a: words, b: words }),
    writer: (path, o) => csvWriter(path, o),
    reader: (path) => csvReader(path),
  },
  {
    name: 'jsonLinesWriter',
    items: fc.jsonValue({ noUnicodeString: false } as object),
    writer: (path, o) => jsonLinesWriter(path, o),
    reader: (path) => jsonLinesReader(path),
  },
  {
    name: 'jsonWriter',
    items: fc.jsonValue(),
    writer: (path, o) => jsonWriter(path, o),
    reader: (path) => jsonReader(path),
  },
  {
    name: 'xmlWriter',
    items: fc.record({ '@id': words, name: fc.constant('x'), tags: fc.array(words, { minLength: 2, maxLength: 3 }) }),
    writer: (path, o) => xmlWriter(path, { ...o, root: 'all', element: 'e' }),
    reader: (path) => xmlReader(path, { element: 'e' }),
  },
  {
    name: 'fixedLengthWriter',
    items: fc.record({ id: fc.constantFrom('1', '22'), name: line }),
    writer: (path, o) => fixedLengthWriter(path, { ...o, fields }),
    reader: (path) => fixedLengthReader(path, { fields }),
  },
  {
    name: 'binaryWriter',
    items: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    writer: (path, o) => binaryWriter(path, { ...o, lengthPrefix: 'uint16be' }),
    reader: (path) => binaryReader(path, { lengthPrefix: 'uint16be' }),
  },
];

describe.each(formats)('$name', ({ items, writer, reader }) => {
  const chunks = fc.array(fc.array(items, { minLength: 1, maxLength: 4 }), { maxLength: 5 });

  it('writes what its reader reads, plain and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.constantFrom('out.x', 'out.x.gz'), async (given, name) => {
        const path = join(directory, name);
        for (const old of ['out.x', 'out.x.gz']) rmSync(join(directory, old), { force: true });
        await writeAll(writer(path), given);
        expect((await readAll(reader(path), 3)).items).toEqual(
          JSON.parse(JSON.stringify(given.flat()), (_, v) => (v?.type === 'Buffer' ? Buffer.from(v.data) : v)),
        );
        expect(readdirSync(directory)).toEqual([name]);
      }),
      { numRuns: 25 },
    );
  });

  it('ST-50: gives the same bytes when it is killed after any commit, before or after its sink wrote on, and resumed', async () => {
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.array(fc.constantFrom('none', 'crash', 'rollback', 'clean'), { minLength: 5, maxLength: 5 }),
        fc.boolean(),
        async (given, faults, isKilledAtEnd) => {
          const [plain, path] = [join(directory, 'plain'), join(directory, 'out')];
          for (const old of [plain, path]) rmSync(old, { force: true });
          await writeAll(writer(plain), given);
          let sink = await open(writer(path));
          const zombies: ItemSink<unknown>[] = [];
          let state: JsonValue | undefined;
          for (const [index, part] of given.entries()) {
            const fault = faults[index];
            if (fault === 'rollback') {
              await sink.write(part, chunk(index));
              await sink.rollback?.(chunk(index));
            } else if (fault === 'crash') {
              // Written, but the commit that would have said so never came; the old owner is only frozen.
              await sink.write(part, chunk(index));
              zombies.push(sink);
              sink = await open(writer(path), state);
            } else if (fault === 'clean') {
              await sink.close?.();
              sink = await open(writer(path), state, { isCleanRestart: true });
            }
            await sink.write(part, chunk(index));
            for (const zombie of zombies) await zombie.write(part, chunk(99));
            state = kept(sink);
            expect(existsSync(path)).toBe(false);
          }
          state = kept(sink);
          await sink.publish?.();
          await sink.close?.();
          if (isKilledAtEnd) {
            const again = await open(writer(path), state);
            await again.publish?.();
            await again.close?.();
          }
          for (const zombie of zombies) await zombie.close?.();
          expect(readFileSync(path)).toEqual(readFileSync(plain));
          expect(readdirSync(directory).sort()).toEqual(['out', 'plain']);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('appends to a file as if it had been written at once', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, chunks, async (before, after) => {
        const [plain, path] = [join(directory, 'plain'), join(directory, 'out')];
        for (const old of [plain, path]) rmSync(old, { force: true });
        await writeAll(writer(plain), [...before, ...after]);
        await writeAll(writer(path), before);
        await writeAll(writer(path, { mode: 'append' }), after);
        expect(readFileSync(path)).toEqual(readFileSync(plain));
      }),
      { numRuns: 15 },
    );
  });
});

describe('a file in the making', () => {
  const path = (): string => join(directory, 'out.txt');

  it('ST-207: refuses a target that exists, and one that appears while it writes', async () => {
    writeFileSync(path(), 'old');
    await expect(open(textWriter(path()))).rejects.toMatchObject({
      code: 'MR_OUTPUT_EXISTS',
      details: { path: path() },
    });
    rmSync(path());
    const sink = await open(textWriter(path()));
    await sink.write(['a'], chunk(0));
    writeFileSync(path(), 'somebody else');
    await expect(sink.publish?.()).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    await sink.close?.();
    expect(readFileSync(path(), 'utf8')).toBe('somebody else');
  });

  it('ST-207: overwrites only when it is complete, and keeps what it replaces with backup', async () => {
    writeFileSync(path(), 'old');
    const sink = await open(textWriter(path(), { mode: 'overwrite', backup: true }));
    await sink.write(['new'], chunk(0));
    expect(readFileSync(path(), 'utf8')).toBe('old');
    await sink.publish?.();
    await sink.close?.();
    expect(readFileSync(path(), 'utf8')).toBe('new\n');
    const [kept = '', ...others] = readdirSync(directory).filter((name) => name !== 'out.txt');
    expect(others).toEqual([]);
    expect(kept).toMatch(/^out\.txt\..*\.bak$/);
    expect(readFileSync(join(directory, kept), 'utf8')).toBe('old');
  });

  it('ST-50: is MR_OUTPUT_TAMPERED when it is shorter than what is committed, or gone', async () => {
    const sink = await open(textWriter(path()));
    await sink.write(['abc', 'def'], chunk(0));
    const state = kept(sink);
    await sink.close?.();
    const [staging = ''] = readdirSync(directory);
    truncateSync(join(directory, staging), 5);
    await expect(open(textWriter(path()), state)).rejects.toMatchObject({
      code: 'MR_OUTPUT_TAMPERED',
      details: { committed: 8, size: 5 },
    });
    rmSync(join(directory, staging));
    await expect(open(textWriter(path()), state)).rejects.toMatchObject({ code: 'MR_OUTPUT_TAMPERED' });
  });

  it('ST-207: knows its own publish after a crash, though another file of that name is refused', async () => {
    const sink = await open(textWriter(path()));
    await sink.write(['abc'], chunk(0));
    const state = kept(sink);
    await sink.publish?.();
    await sink.close?.();
    const published = statSync(path()).ino;
    const again = await open(textWriter(path()), state);
    await again.publish?.();
    await again.close?.();
    expect(statSync(path()).ino).toBe(published);
    writeFileSync(`${path()}2`, 'abc\n');
    rmSync(path());
    writeFileSync(path(), 'abc\n');
    await expect(open(textWriter(path()), state).then((s) => s.publish?.())).rejects.toMatchObject({
      code: expect.stringMatching(/MR_OUTPUT_(TAMPERED|EXISTS)/),
    });
  });

  it('removes what runs before it left without a commit', async () => {
    const first = await open(textWriter(path()));
    await first.write(['lost'], chunk(0));
    const second = await open(textWriter(path()));
    await second.write(['kept'], chunk(0));
    await second.publish?.();
    await first.close?.();
    await second.close?.();
    expect(readdirSync(directory)).toEqual(['out.txt']);
  });

  it('is MR_OUTPUT_TAMPERED when the file it appends to changes meanwhile', async () => {
    writeFileSync(path(), 'a\n');
    const sink = await open(textWriter(path(), { mode: 'append' }));
    await sink.write(['b'], chunk(0));
    appendFileSync(path(), 'other\n');
    await expect(sink.publish?.()).rejects.toMatchObject({ code: 'MR_OUTPUT_TAMPERED' });
    await sink.close?.();
    writeFileSync(join(directory, 'no.json'), '{}');
    await expect(open(jsonWriter(join(directory, 'no.json'), { mode: 'append' }))).rejects.toMatchObject({
      code: 'MR_OUTPUT_TAMPERED',
    });
  });

  it('appends no rows to a CSV file of other columns', async () => {
    const csv = join(directory, 'out.csv');
    writeFileSync(csv, '\ufeffa,b\r\n1,2\r\n');
    await writeAll(csvWriter(csv, { mode: 'append' }), [[{ a: 3, b: 4 }]]);
    await writeAll(csvWriter(csv, { mode: 'append', columns: ['a', 'b'] }), [[{ b: 6, a: 5 }]]);
    expect((await readAll(csvReader(csv), 9)).items.map((row) => Object.values(row).join())).toEqual([
      '1,2',
      '3,4',
      '5,6',
    ]);
    const other = await open(csvWriter(csv, { mode: 'append' }));
    await expect(Promise.resolve(other.write([{ b: 1, a: 2 }], chunk(0)))).rejects.toMatchObject({
      code: 'MR_OUTPUT_TAMPERED',
    });
    await other.close?.();
    await expect(open(csvWriter(csv, { mode: 'append', columns: ['a'] }))).rejects.toMatchObject({
      code: 'MR_OUTPUT_TAMPERED',
    });
  });

  it('writes one gzip member a chunk', async () => {
    const gz = join(directory, 'out.gz');
    const sink = await open(textWriter(gz));
    await sink.write(['a'], chunk(0));
    const { length } = kept(sink) as { length: number };
    await sink.write(['b'], chunk(1));
    await sink.publish?.();
    await sink.close?.();
    const bytes = readFileSync(gz);
    expect(gunzipSync(bytes).toString()).toBe('a\nb\n');
    expect(gunzipSync(bytes.subarray(length)).toString()).toBe('b\n');
  });

  it('makes the directories above it, and names those it cannot make', async () => {
    const deep = join(directory, 'a', 'b', 'out.txt');
    await writeAll(textWriter(deep), [['x']]);
    expect(readFileSync(deep, 'utf8')).toBe('x\n');
    await expect(open(textWriter(join(deep, 'c.txt')))).rejects.toMatchObject({
      code: expect.stringMatching(/ENOTDIR|EEXIST/),
      message: expect.stringContaining(deep),
    });
  });

  it('refuses what it cannot write', async () => {
    expect(() => textWriter('out.zst')).toThrow(/compression/);
    await expect(open(textWriter('ftp://host/file'))).rejects.toThrow(/scheme "ftp:"/);
    await expect(open(textWriter('https://user:secret@host/file'))).rejects.toThrow(
      /nothing can be written to https:\/\/host/,
    );
    expect(() => textWriter('x', { mode: 'replace' as never })).toThrow(/"replace"/);
    expect(() => xmlWriter('x', { root: '1a', element: 'e' })).toThrow(/"1a"/);
    expect(() => csvWriter('x', { delimiter: '"' })).toThrow(/csvWriter/);
  });

  it('refuses items that would be read back as others', async () => {
    const refused = async <O>(writer: ItemWriter<O>, item: O): Promise<void> => {
      const sink = await open(writer);
      await expect(Promise.resolve(sink.write([item], chunk(0)))).rejects.toMatchObject({ code: 'MR_VALIDATION' });
      await sink.close?.();
    };
    await refused(textWriter(join(directory, '1')), 'half \ud800');
    await refused(textWriter(join(directory, '2'), { encoding: 'latin1' }), '€');
    await refused(fixedLengthWriter(join(directory, '3'), { fields }), { id: '123', name: 'x' });
    await refused(binaryWriter(join(directory, '4'), { recordBytes: 2 }), Buffer.from('abc'));
    await refused(xmlWriter(join(directory, '5'), { root: 'a', element: 'b' }), { x: '\u0000' });
    const csv = await open(csvWriter(join(directory, '6')));
    await csv.write([{ a: 1 }], chunk(0));
    await expect(Promise.resolve(csv.write([{ b: 1 }], chunk(1)))).rejects.toThrow(/"b"/);
    await csv.close?.();
  });
});

describe('ST-110: the parts of a step with partitions', () => {
  const parts = async (
    writer: ItemWriter<string>,
    given: readonly (readonly string[])[],
  ): Promise<readonly JsonValue[]> => {
    const states: JsonValue[] = [];
    for (const [index, items] of given.entries()) {
      const sink = await open(writer, undefined, {
        c: { partition: { index, name: `partition${index}`, value: index } } as never,
      });
      if (items.length > 0) await sink.write(items, chunk(0));
      states.push(kept(sink));
      await sink.publish?.();
      await sink.close?.();
    }
    return states;
  };
  const together = (writer: ItemWriter<string>): PublishesTogether => writer as unknown as PublishesTogether;

  it('appear together in the directory named by the path, and once only', async () => {
    const path = join(directory, 'out');
    const writer = textWriter(path);
    const states = await parts(writer, [['a'], [], ['c', 'd']]);
    expect(existsSync(path)).toBe(false);
    for (let again = 0; again < 2; again++) await together(writer).publishPartitions(stepContext(), states);
    expect(readdirSync(directory)).toEqual(['out']);
    expect(readdirSync(path).sort()).toEqual(['part-00000', 'part-00001', 'part-00002']);
    expect(readFileSync(join(path, 'part-00002'), 'utf8')).toBe('c\nd\n');
    await expect(parts(textWriter(path), [['x']])).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    const resumed = await open(writer, states[0], {
      c: { partition: { index: 0, name: 'partition0', value: 0 } } as never,
    });
    await resumed.publish?.();
    await resumed.close?.();
    expect(readdirSync(directory)).toEqual(['out']);
  });

  it('replace a directory with overwrite, and drop parts that are not of this run', async () => {
    const path = join(directory, 'out');
    const writer = textWriter(path, { mode: 'overwrite' });
    await together(writer).publishPartitions(stepContext(), await parts(writer, [['1'], ['2'], ['3']]));
    await together(writer).publishPartitions(stepContext(), await parts(writer, [['4'], ['5']]));
    expect(readdirSync(path)).toEqual(['part-00000', 'part-00001']);
    expect(readdirSync(directory)).toEqual(['out']);
    expect(readFileSync(join(path, 'part-00000'), 'utf8')).toBe('4\n');
  });
});
