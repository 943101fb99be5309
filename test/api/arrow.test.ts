import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decimal, Table, tableFromArrays, tableFromIPC, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

/** Values that Arrow can hold, or that millrace writes into Binary; undefined, missing fields and invalid Dates become null. */
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('red', 'blue'));
const scalar = fc.oneof(
  fc.integer(),
  fc.double(),
  text,
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 4 }),
  fc.constant(new Map([['k', new Set([1])]])),
  fc.constant('\ud800'),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.record({ x: scalar, y: scalar }, { noNullPrototype: true }),
);
const fields = {
  id: fc.integer(),
  name: text,
  mixed: value,
  list: fc.array(fc.option(fc.integer()), { maxLength: 3 }),
};
const rows = fc.oneof(
  fc.array(fc.record(fields, { noNullPrototype: true }), { maxLength: 40 }),
  fc.array(fc.tuple(text, value), { maxLength: 40 }),
  fc.array(fc.integer(), { maxLength: 40 }),
  fc.array(fc.oneof(scalar, fc.tuple(scalar)), { maxLength: 20 }),
);
const partitions = fc.integer({ min: 1, max: 5 });

describe('saveAsArrow and arrow', () => {
  it('give back the rows of files and of streams, pairs and single values too, and any Arrow library reads them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mr-arrow-'));
    const objects = Array.from({ length: 50 }, (_, n) => ({ n, text: `t${n % 3}`, tags: n % 2 === 0 ? ['a'] : null }));
    try {
      for (const ipc of ['file', 'stream'] as const) {
        const path = join(directory, ipc);
        for (const data of [objects, objects.map(({ n, text }) => [text, n]), objects.map(({ n }) => n / 4)]) {
          await sc.parallelize<unknown>(data, 3).saveAsArrow(path, { ipc, mode: 'overwrite' });
          expect(await sc.arrow<unknown>(path).collect()).toEqual(data);
        }
        const files = readdirSync(path).filter((name) => name.startsWith('part-'));
        expect(files[0]).toBe(`part-00000.${ipc === 'file' ? 'arrow' : 'arrows'}`);
        const tables = files.map((name) => tableFromIPC(readFileSync(join(path, name))));
        expect(tables.flatMap((table) => [...(table.getChild('value') ?? [])])).toEqual(objects.map(({ n }) => n / 4));
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('toArrow and fromArrow', () => {
  it('give back the rows, for any rows and partitions, straight or through IPC', async () => {
    await fc.assert(
      fc.asyncProperty(rows, partitions, partitions, async (data, before, after) => {
        const table = await sc.parallelize<unknown>(data, before).toArrow();
        expect(table.numRows).toBe(data.length);
        expect(await sc.fromArrow<unknown>(table, after).collect()).toStrictEqual(data);
        expect(await sc.fromArrow<unknown>(tableFromIPC(tableToIPC(table)), after).collect()).toStrictEqual(data);
      }),
      { numRuns: 60 },
    );
  });

  it('say null for undefined, for a field that a row lacks and for an invalid Date', async () => {
    const data = [{ a: undefined, d: new Date(Number.NaN) }, { d: new Date(5) }];
    const table = await sc.parallelize<object>(data, 1).toArrow();
    expect(await sc.fromArrow(table).collect()).toEqual([
      { a: null, d: null },
      { a: null, d: new Date(5) },
    ]);
  });

  it('give typed columns over the memory that the workers wrote', async () => {
    const table = await sc
      .range(0, 1000, 1, 4)
      .map((id) => ({ id, name: `n${id}`, ratio: id / 7 }))
      .toArrow();
    expect(table.schema.fields.map(String)).toEqual(['id: Int32', 'name: Utf8', 'ratio: Float64']);
    expect(table.getChild('id')?.data.every(({ values }) => values.buffer instanceof SharedArrayBuffer)).toBe(true);
    expect(table.getChild('ratio')?.get(999)).toBe(999 / 7);
  });

  it('work with empty RDDs and with partitions that are empty or differ in type', async () => {
    expect((await sc.emptyRDD().toArrow()).numRows).toBe(0);
    expect(await sc.fromArrow(await sc.emptyRDD().toArrow()).collect()).toEqual([]);
    const data = [{ a: 1 }, { a: 2.5 }, { a: null }, { a: 3 }];
    const table = await sc.parallelize(data, 7).toArrow();
    expect(table.schema.fields.map(String)).toEqual(['a: Float64']);
    expect(await sc.fromArrow(table, 3).collect()).toEqual(data);
  });

  it('tell lists of bytes from lists of what Arrow has no type for', async () => {
    // Of two lengths in each partition: arrays of one length are tuples there.
    const items = [Buffer.from('a'), new Map([['k', 1]])];
    const mixed = items.flatMap((item) => [{ list: [item] }, { list: [item, item] }]);
    const table = await sc.parallelize(mixed, 2).toArrow();
    expect(await sc.fromArrow(tableFromIPC(tableToIPC(table))).collect()).toEqual(mixed);
  });

  it('read tables of others, in slices, and what no action has asked for stays where it is', async () => {
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const table = new Table({
      n: tableFromArrays({ n: Int32Array.from(numbers) }).getChild('n')!,
      f: tableFromArrays({ f: Float32Array.from(numbers, (n) => n / 2) }).getChild('f')!,
      big: vectorFromArray(numbers.map(BigInt)),
      ok: vectorFromArray(numbers.map((n) => (n % 3 === 0 ? null : n % 2 === 0))),
      text: vectorFromArray(
        numbers.map((n) => (n % 5 === 0 ? null : `täxt ${n}`)),
        new Utf8(),
      ),
      word: vectorFromArray(numbers.map((n) => (n % 2 === 0 ? 'even' : 'odd'))),
      money: vectorFromArray(
        numbers.map((n) => Uint32Array.of(n, 0, 0, 0)),
        new Decimal(2, 12, 128),
      ),
    }).slice(13, 91);
    const rdd = sc.fromArrow(table, 5);
    expect(rdd.getNumPartitions()).toBe(5);
    const expected = numbers.slice(13, 91).map((n) => ({
      n,
      f: n / 2,
      big: BigInt(n),
      ok: n % 3 === 0 ? null : n % 2 === 0,
      text: n % 5 === 0 ? null : `täxt ${n}`,
      word: n % 2 === 0 ? 'even' : 'odd',
      money: `${Math.floor(n / 100)}.${String(n % 100).padStart(2, '0')}`,
    }));
    expect(await rdd.collect()).toEqual(expected);
    expect(await rdd.map(({ word }) => [word, 1] as const).countByKey()).toEqual(
      new Map([
        ['odd', 39],
        ['even', 39],
      ]),
    );
    expect(await rdd.explain()).toContain('fromArrow');
  });

  it('refuse what is no table', () => {
    expect(() => sc.fromArrow([{ a: 1 }] as never)).toThrow(/fromArrow: needs a Table of apache-arrow/);
    expect(() => sc.fromArrow(tableFromArrays({ a: [1] }), 0)).toThrow(/partitions must be an integer/);
  });
});
