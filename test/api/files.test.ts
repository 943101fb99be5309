import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
let dir: string;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
  dir = mkdtempSync(join(tmpdir(), 'mr-files-'));
});
afterAll(async () => {
  await sc.stop();
  rmSync(dir, { recursive: true, force: true });
});
const write = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};

describe('reading', () => {
  it('gives the same lines for any number of splits, with multi-byte characters and \\r\\n', async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `zeile ${i} äöü 😀 ${'x'.repeat(i % 37)}`);
    const path = write('lines.txt', lines.join('\r\n'));
    for (const partitions of [1, 2, 7, 40]) expect(await sc.textFile(path, partitions).collect()).toEqual(lines);
    expect(await sc.textFile(write('lines.gz', gzipSync(lines.join('\n')))).collect()).toEqual(lines);
  });

  it('reads directories, globs and lists of paths', async () => {
    for (const name of ['a.txt', 'b.txt', '_hidden.txt', '.dot']) write(`folder/${name}`, `${name}\n`);
    expect(await sc.textFile(join(dir, 'folder')).collect()).toEqual(['a.txt', 'b.txt']);
    expect(await sc.textFile(join(dir, 'folder/{b,c}.*')).collect()).toEqual(['b.txt']);
    expect(await sc.textFile([join(dir, 'folder/b.txt'), join(dir, 'folder/a.txt')]).count()).toBe(2);
    expect((await sc.wholeTextFiles(join(dir, 'folder')).values().collect()).sort()).toEqual(['a.txt\n', 'b.txt\n']);
  });

  it('reads CSV with types, JSON lines and Parquet as objects', async () => {
    const csv = write('sales.csv', 'id,name,amount,paid\n1,"a, b",1.5,true\n2,"c ""q""",2,false\n');
    const rows = [
      { id: 1, name: 'a, b', amount: 1.5, paid: true },
      { id: 2, name: 'c "q"', amount: 2, paid: false },
    ];
    expect(await sc.csv(csv).collect()).toEqual(rows);
    expect(
      await sc.jsonLines(write('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))).collect(),
    ).toEqual(rows);
  });
});

describe('files that change while they are read', () => {
  it('are reported: what was added by an event, what was changed by an error', async () => {
    const folder = join(write('busy/a.txt', 'a\nb\n'), '..');
    write('busy/b.txt', 'c\n');
    const heard: unknown[] = [];
    const off = sc.on('inputChanged', ({ source, added, removed }) => heard.push([source, added, removed]));
    const added = join(folder, 'c.txt');
    const growing = sc.textFile(folder, 1).map((line) => {
      if (line === 'a') writeFileSync(added, 'late\n');
      return line;
    });
    expect(await growing.collect()).toEqual(['a', 'b', 'c']);
    expect(heard).toEqual([[expect.stringMatching(/^textFile at files\.test\.ts:\d+$/), [added], []]]);
    expect(await growing.count()).toBe(3);
    expect(await sc.textFile(join(folder, '*.txt')).count()).toBe(4);
    expect(heard).toHaveLength(1);
    off();

    const first = sc.textFile(folder);
    expect(await first.count()).toBe(4);
    writeFileSync(join(folder, 'b.txt'), 'changed\n');
    await expect(first.count()).rejects.toMatchObject({
      code: 'MR_INPUT_CHANGED',
      message: expect.stringMatching(/b\.txt changed .* Read it with a new RDD/),
    });
    rmSync(join(folder, 'b.txt'));
    await expect(first.count()).rejects.toThrow(/b\.txt was removed since it was listed/);
    expect(await sc.textFile(folder).count()).toBe(3);
  });
});

describe('partition directories', () => {
  const hive = (name: string, good: string, bad: string): string => {
    for (const year of [2025, 2026]) write(`${name}/year=${year}/a.${name}`, year === 2026 ? good : bad);
    return join(dir, name, '**', `*.${name}`);
  };

  it('are columns by which an option or the comparison of a filter leaves files out, unopened', async () => {
    const csv = hive('csv', 'v,s\n1,x\n', 'v,s\nbroken\n');
    const json = hive('jsonl', '{"v":1,"s":"x"}\n', '{broken\n');
    const least = 2026;
    const row = { v: 1, s: 'x', year: 2026 };
    for (const rdd of [sc.csv(csv), sc.jsonLines(json)]) {
      expect(await rdd.filter(({ year }) => (year as number) >= least).collect()).toEqual([row]);
      expect(await rdd.filter((r) => r['year'] === least && r['v'] === 1).count()).toBe(1);
      await expect(rdd.filter(({ year }) => year === 2025).count()).rejects.toMatchObject({ code: 'MR_PARSE' });
      await expect(rdd.filter(({ v }) => v === 1).count()).rejects.toMatchObject({ code: 'MR_PARSE' });
    }
    const keepPartition = ({ year }: { year?: unknown }): boolean => year === least;
    expect(await sc.csv(csv, { keepPartition }).collect()).toEqual([row]);
    expect(await sc.jsonLines(json, { keepPartition, partitionTypes: { year: 'number' } }).collect()).toEqual([row]);
    expect(() => sc.csv(csv, { partitionTypes: { year: 'int' as 'number' } })).toThrow(/must be one of string, number/);
  });

  it('change no result of a function that reads few columns, or all in some other way', async () => {
    const path = write(
      'columns.csv',
      `id,name,note\n${Array.from({ length: 50 }, (_, n) => `${n},n${n},x\n`).join('')}`,
    );
    const rdd = sc.csv<{ id: number; name: string; note: string }>(path, { minPartitions: 3 });
    expect(await rdd.map(({ id }) => id).sum()).toBe(1225);
    expect(await rdd.map((row) => row.name).collect()).toEqual(Array.from({ length: 50 }, (_, n) => `n${n}`));
    expect(
      (
        await rdd
          .map((row) => Object.keys(row).join())
          .distinct()
          .collect()
      ).join(),
    ).toBe('id,name,note');
    expect(await rdd.filter(({ name }) => name.endsWith('7')).first()).toEqual({ id: 7, name: 'n7', note: 'x' });
    expect([await rdd.count(), await rdd.filter(({ note }) => note === 'x').count()]).toEqual([50, 50]);
    const wrong = write('wrong.csv', 'a,b\n1,2\n3,x\n');
    const typed = sc.csv(wrong, { schema: { a: 'number', b: 'number' } });
    await expect(typed.map(({ a }) => a).collect()).rejects.toThrow(/wrong\.csv:3: "x" in column "b" is not a number/);
  });
});

describe('bad input', () => {
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    ['a missing file', () => sc.textFile(join(dir, 'nope.txt')).count(), /nope\.txt/],
    ['a pattern that matches nothing', () => sc.csv(join(dir, '*.nothing')).count(), /\*\.nothing/],
    ['a directory without files', () => sc.textFile(join(write('empty/_x', ''), '..')).count(), /empty/],
    [
      'invalid UTF-8',
      () => sc.textFile(write('latin.txt', Buffer.from('abc\n\xe4\n', 'latin1'))).count(),
      /latin\.txt.*byte.*4/s,
    ],
    [
      'a CSV row with too few fields',
      () => sc.csv(write('few.csv', 'a,b\n1,2\n3\n')).collect(),
      /few\.csv.*line 3|few\.csv:3/s,
    ],
    [
      'a CSV row with too many fields',
      () => sc.csv(write('many.csv', 'a,b\n1,2\n3,4,5\n')).collect(),
      /many\.csv.*line 3|many\.csv:3/s,
    ],
    [
      'a JSON line that does not parse',
      () => sc.jsonLines(write('bad.jsonl', '{"a":1}\n{"a":\n')).collect(),
      /bad\.jsonl.*line 2|bad\.jsonl:2/s,
    ],
    ['a truncated Parquet file', () => sc.parquet(write('cut.parquet', 'PAR1abcdefgh')).collect(), /cut\.parquet/],
    [
      'a truncated gzip file',
      () => sc.textFile(write('cut.gz', gzipSync('hello\n'.repeat(9999)).subarray(0, 60))).count(),
      /cut\.gz/,
    ],
  ];
  it.each(cases)('%s is an error that names file and place', async (_what, run, message) => {
    await expect(run()).rejects.toThrow(message);
    await expect(run()).rejects.toMatchObject({
      name: 'MillraceError',
      code: expect.stringMatching(/^MR_(NOT_FOUND|PARSE)$/),
    });
  });

  it('is left out or kept as it is when the mode says so', async () => {
    const csv = write('mixed.csv', 'a,b\n1,2\n3\n5,6\n');
    expect(await sc.csv(csv, { mode: 'dropMalformed' }).collect()).toEqual([
      { a: 1, b: 2 },
      { a: 5, b: 6 },
    ]);
    expect((await sc.csv(csv, { mode: 'permissive' }).collect()).length).toBe(3);
    const json = write('mixed.jsonl', '{"a":1}\nnot json\n');
    expect(await sc.jsonLines(json, { mode: 'dropMalformed' }).collect()).toEqual([{ a: 1 }]);
  });
});

describe('writing', () => {
  const rows = Array.from({ length: 20 }, (_, n) => ({ n, text: `row, "${n}"` }));

  it('is read back as it was, in every format', async () => {
    const rdd = sc.parallelize(rows, 3);
    await rdd.saveAsCsv(join(dir, 'out-csv'));
    expect(await sc.csv(join(dir, 'out-csv')).collect()).toEqual(rows);
    await rdd.saveAsJsonLines(join(dir, 'out-json'), { compression: 'gzip' });
    expect(await sc.jsonLines(join(dir, 'out-json')).collect()).toEqual(rows);
    await rdd.map(({ text }) => text).saveAsTextFile(join(dir, 'out-text'));
    expect(await sc.textFile(join(dir, 'out-text')).collect()).toEqual(rows.map(({ text }) => text));
    expect(readdirSync(join(dir, 'out-text')).sort()).toEqual(['_SUCCESS', 'part-00000', 'part-00001', 'part-00002']);
  });

  it('writes Parquet and Arrow with one schema, also where partitions hold different kinds of numbers', async () => {
    const mixed = [
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 2.5, b: 'z' },
      { a: 4, b: 'w', c: [1, 2] },
    ];
    const rdd = sc.parallelize(mixed, 4);
    const read = mixed.map((row) => ({ c: null, ...row }));
    expect(await rdd.saveAsParquet(join(dir, 'out-parquet'), { compression: 'zstd' })).toMatchObject({
      files: 4,
      rows: 4,
    });
    expect(await sc.parquet(join(dir, 'out-parquet')).collect()).toEqual(read);
    expect(await sc.parquet(join(dir, 'out-parquet'), { columns: ['b'] }).collect()).toEqual(
      mixed.map(({ b }) => ({ b })),
    );
    await sc.parallelize(rows, 2).saveAsArrow(join(dir, 'out-arrow'));
    expect(await sc.arrow(join(dir, 'out-arrow')).collect()).toEqual(rows);
    const clash = sc.parallelize([{ a: 1 }, { a: 'text' }], 2);
    await expect(clash.saveAsParquet(join(dir, 'clash'))).rejects.toThrow(
      /column a holds int64 in one partition and string in another/,
    );
    expect(existsSync(join(dir, 'clash'))).toBe(false);
  });

  it('refuses an output that exists, unless told to overwrite or append', async () => {
    const path = join(dir, 'again');
    const rdd = sc.parallelize(['a', 'b'], 1);
    expect(await rdd.saveAsTextFile(path)).toMatchObject({ rows: 2, files: 1 });
    await expect(rdd.saveAsTextFile(path)).rejects.toMatchObject({ code: 'MR_OUTPUT_EXISTS' });
    await rdd.saveAsTextFile(path, { mode: 'append' });
    expect((await sc.textFile(path).collect()).sort()).toEqual(['a', 'a', 'b', 'b']);
    await sc.parallelize(['c'], 1).saveAsTextFile(path, { mode: 'overwrite' });
    expect(await sc.textFile(path).collect()).toEqual(['c']);
  });

  it('says what is wrong with options and places', async () => {
    const rdd = sc.parallelize([{ a: 1 }], 1);
    const out = join(dir, 'wrong-options');
    expect(() => sc.csv(out, { delimeter: ';' } as object)).toThrow(
      /csv: "delimeter" is no option. Did you mean "delim/,
    );
    expect(() => sc.jsonLines(out, { mode: 'drop' as 'fail' })).toThrow(
      /mode must be one of fail, dropMalformed, perm/,
    );
    expect(() => sc.textFile(out, 1, { encoding: 'utf16' as 'utf8' })).toThrow(/encoding must be one of utf8, latin1/);
    await expect(rdd.saveAsCsv(out, { headr: true } as object)).rejects.toThrow(
      /"headr" is no option. Did you mean "head/,
    );
    await expect(rdd.saveAsCsv(out, { partitionBy: 'a' as never })).rejects.toThrow(/partitionBy must be an array/);
    await expect(rdd.saveAsJsonLines(out, { mode: 'replace' as 'error' })).rejects.toThrow(/mode must be one of error/);
    await expect(rdd.saveAsJsonLines('/proc/none/out')).rejects.toMatchObject({
      code: 'MR_IO',
      message: expect.stringContaining('nothing can be written to /proc/none/out'),
    });
    expect(existsSync(out)).toBe(false);
  });

  it.each<[string, (options: never, out: string) => unknown, string, string | undefined]>([
    ['textFile', (options) => sc.textFile('x', 1, options), 'encodng', 'encoding'],
    ['wholeTextFiles', (options) => sc.wholeTextFiles('x', 1, options), 'invalidUTF8', 'invalidUtf8'],
    ['csv', (options) => sc.csv('x', options), 'sep', undefined],
    ['csv', (options) => sc.csv('x', options), 'minPartition', 'minPartitions'],
    ['jsonLines', (options) => sc.jsonLines('x', options), 'int46', 'int64'],
    ['parquet', (options) => sc.parquet('x', options), 'colums', 'columns'],
    ['parquet', (options) => sc.parquet('x', options), 'mergeShcemas', 'mergeSchema'],
    ['parquet', (options) => sc.parquet('x', options), 'minPartitons', 'minPartitions'],
    ['arrow', (options) => sc.arrow('x', 1, options), 'keepPartitions', 'keepPartition'],
    ['saveAsTextFile', (options, out) => sc.range(1).saveAsTextFile(out, options), 'compresion', 'compression'],
    ['saveAsCsv', (options, out) => sc.range(1).saveAsCsv(out, options), 'partitonBy', 'partitionBy'],
    ['saveAsJsonLines', (options, out) => sc.range(1).saveAsJsonLines(out, options), 'singal', 'signal'],
    ['saveAsParquet', (options, out) => sc.range(1).saveAsParquet(out, options), 'bloomFilter', 'bloomFilters'],
    ['saveAsArrow', (options, out) => sc.range(1).saveAsArrow(out, options), 'compression', undefined],
    ['saveAsObjectFile', (options, out) => sc.range(1).saveAsObjectFile(out, options), 'mod', 'mode'],
  ])('%s refuses an option that it does not have, and names the nearest', async (operator, call, option, nearest) => {
    const out = join(dir, 'unknown-option');
    const advice = nearest === undefined ? 'Options are ' : `Did you mean "${nearest}"? Options are `;
    await expect((async () => call({ [option]: true } as never, out))()).rejects.toMatchObject({
      code: 'MR_OPTION_INVALID',
      message: expect.stringContaining(`${operator}: "${option}" is no option. ${advice}`),
    });
    expect(existsSync(out)).toBe(false);
  });

  it.each<[object, string]>([
    [{ int64: 'string' }, 'parquet: int64 must be one of auto, bigint, number, got "string".'],
    [{ timestamps: 'iso' }, 'parquet: timestamps must be one of auto, date, text, bigint, got "iso".'],
    [{ mergeSchema: 'true' }, 'parquet: mergeSchema must be one of true, false, got "true".'],
    [{ columns: 'id' }, 'parquet: columns must be an array of names, got "id".'],
    [{ filter: () => true }, 'parquet: filter must be an array of conditions, got function.'],
  ])('parquet refuses %j', (options, message) => {
    expect(() => sc.parquet('x', options)).toThrow(expect.objectContaining({ code: 'MR_OPTION_INVALID' }));
    expect(() => sc.parquet('x', options)).toThrow(message);
  });

  it('leaves nothing visible when it fails, and keeps what was there', async () => {
    const path = join(dir, 'kept');
    await sc.parallelize(['old'], 1).saveAsTextFile(path);
    const failing = sc.range(0, 10, 1, 5).map((n) => {
      if (n === 7) throw new Error('late');
      return n;
    });
    await expect(failing.saveAsTextFile(path, { mode: 'overwrite' })).rejects.toThrow('late');
    await expect(failing.saveAsTextFile(join(dir, 'never'))).rejects.toThrow('late');
    expect(readFileSync(join(path, 'part-00000'), 'utf8')).toBe('old\n');
    expect([existsSync(join(dir, 'never')), readdirSync(dir).filter((name) => name.startsWith('.'))]).toEqual([
      false,
      [],
    ]);
  });
});
