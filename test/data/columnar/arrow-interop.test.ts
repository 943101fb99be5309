import {
  Decimal,
  Dictionary,
  Int32,
  makeData,
  makeVector,
  Table,
  TimestampMicrosecond,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Uint8,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromArrowTable, toArrowTable } from '../../../src/data/columnar/arrow-interop.ts';
import { encodeBatch } from '../../../src/data/columnar/row-codec.ts';
import { anyColumn, anyNumber, anyString } from './arbitrary-values.ts';

function batchesOf(rows: readonly unknown[], size: number): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let start = 0; start < rows.length; start += size) {
    batches.push(encodeBatch(rows, start, Math.min(rows.length, start + size)));
  }
  return batches;
}

const wellFormed = anyString.filter((text) => !/\p{Surrogate}/u.test(text));
const row = fc.record(
  {
    id: fc.integer(),
    price: fc.option(anyNumber),
    name: fc.option(wellFormed),
    colour: fc.constantFrom('red', 'green', 'blue'),
    big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    at: fc.option(fc.date({ noInvalidDate: true })),
    ok: fc.option(fc.boolean()),
    bytes: fc.option(fc.uint8Array()),
    tags: fc.option(fc.array(fc.option(wellFormed), { maxLength: 3 })),
    place: fc.option(fc.record({ x: anyNumber, y: fc.option(fc.integer()) }, { noNullPrototype: true })),
  },
  { noNullPrototype: true },
);

describe('toArrowTable and fromArrowTable', () => {
  it('give back rows with columns, in batches of any size, straight or through IPC', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 60 }), (rows, size) => {
        const table = toArrowTable(batchesOf(rows, size));
        expect(fromArrowTable(table)).toStrictEqual(rows);
        expect(fromArrowTable(tableFromIPC(tableToIPC(table, 'stream')))).toStrictEqual(rows);
        expect(fromArrowTable(tableFromIPC(tableToIPC(table, 'file')))).toStrictEqual(rows);
      }),
      { numRuns: 200 },
    );
  });

  it('make a table of as many rows from whatever rows there are', () => {
    fc.assert(
      fc.property(anyColumn, fc.integer({ min: 1, max: 20 }), (rows, size) => {
        const table = toArrowTable(batchesOf(rows, size));
        expect(table.numRows).toBe(rows.length);
        expect(fromArrowTable(table)).toHaveLength(rows.length);
      }),
      { numRuns: 500 },
    );
  });

  it('share the memory of a batch', () => {
    const batch = encodeBatch(Array.from({ length: 99 }, (_, id) => ({ id, name: `name ${id}`, at: new Date(id) })));
    const table = toArrowTable([batch]);
    const buffers = ['id', 'name', 'at'].map((name) => table.getChild(name)?.data[0]?.values.buffer);
    expect(buffers).toEqual([batch.buffer, batch.buffer, batch.buffer]);
    expect(buffers[0]).toBe(batch.buffer);
    expect(table.schema.fields.map(String)).toEqual(['id: Int32', 'name: Utf8', 'at: Timestamp<MILLISECOND>']);
  });

  it('name the columns of tuples and of single values, and give those back', () => {
    const named = (rows: readonly unknown[]): unknown => {
      const table = toArrowTable([encodeBatch(rows)]);
      expect(fromArrowTable(table)).toEqual(rows);
      return table.schema.fields.map((field) => field.name);
    };
    expect(named([['a', 1]])).toEqual(['_1', '_2']);
    expect(named([7, 8])).toEqual(['value']);
    expect(named([{ a: 1 }, null])).toEqual(['value']);
    expect(toArrowTable([]).numRows).toBe(0);
    expect(toArrowTable([encodeBatch([])]).numRows).toBe(0);
  });

  it('unify batches that differ in type, in nulls, in dictionaries and in fields', () => {
    const many = (name: string): { k: string }[] => Array.from({ length: 64 }, () => ({ k: name }));
    const table = (...parts: unknown[][]): Table => toArrowTable(parts.map((part) => encodeBatch(part)));
    expect(fromArrowTable(table([{ a: 1 }], [{ a: 1.5 }], [{ a: null }]))).toEqual([{ a: 1 }, { a: 1.5 }, { a: null }]);
    const words = table(many('x'), many('y'));
    expect(String(words.schema.fields[0])).toBe('k: Dictionary<Int32, Utf8>');
    expect(fromArrowTable(words)).toEqual([...many('x'), ...many('y')]);
    expect(fromArrowTable(tableFromIPC(tableToIPC(words, 'file')))).toEqual([...many('x'), ...many('y')]);
    expect(fromArrowTable(table([{ a: 1, b: 2 }], [{ a: 3 }]))).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: null },
    ]);
    expect(fromArrowTable(table([1], ['x'], []))).toEqual([1, 'x']);
    expect(fromArrowTable(table([1], [{ value: 2 }]))).toEqual([1, { value: 2 }]);
  });

  it('map undefined, missing fields and invalid dates to null, keep objects with many keys', () => {
    const rows = [{ a: undefined, d: new Date(Number.NaN) }, { d: new Date(5) }];
    expect(fromArrowTable(toArrowTable([encodeBatch(rows)]))).toEqual([
      { a: null, d: null },
      { a: null, d: new Date(5) },
    ]);
    const wide = Array.from({ length: 300 }, (_, index) => ({ counts: { [`k${index}`]: index } }));
    expect(fromArrowTable(toArrowTable([encodeBatch(wide)]))[7]).toEqual({ counts: { k7: 7 } });
  });

  it('mark as Binary what Arrow cannot say', () => {
    const [opaque, text] = toArrowTable([encodeBatch([{ set: new Set([1]), text: '\ud800' }])]).schema.fields;
    expect([String(opaque), opaque?.metadata.get('millrace.layout')]).toEqual(['set: Binary', 'opaque']);
    expect([String(text), text?.metadata.get('millrace.layout')]).toEqual(['text: Binary', 'utf16']);
  });

  it('read tables of others: small integers, decimals, microseconds, dictionaries, slices', () => {
    const micros = makeData({
      type: new TimestampMicrosecond(),
      length: 2,
      nullCount: 0,
      data: BigInt64Array.of(-1_704_067_200_123_000n, 5000n),
    });
    const fine = makeData({
      type: new TimestampMicrosecond(),
      length: 2,
      nullCount: 0,
      data: BigInt64Array.of(1000n, 5001n),
    });
    const decimal = makeData({
      type: new Decimal(2, 12, 128),
      length: 2,
      nullCount: 0,
      data: Uint32Array.of(12345, 0, 0, 0, -5, -1, -1, -1),
    });
    const table = new Table({
      byte: vectorFromArray([1, 255], new Uint8()),
      micros: makeVector(micros),
      fine: makeVector(fine),
      decimal: makeVector(decimal),
      word: vectorFromArray(['x', 'x'], new Dictionary(new Utf8(), new Int32())),
    });
    expect(fromArrowTable(table)).toEqual([
      { byte: 1, micros: new Date(-1_704_067_200_123), fine: 1000n, decimal: '123.45', word: 'x' },
      { byte: 255, micros: new Date(5), fine: 5001n, decimal: '-0.05', word: 'x' },
    ]);
    const rows = Array.from({ length: 50 }, (_, n) => ({
      n: n % 3 === 0 ? null : n,
      s: n % 4 === 0 ? null : `s${n}`,
      b: n % 2 === 0,
    }));
    const sliced = toArrowTable([encodeBatch(rows.map((item) => ({ ...item, inner: item, list: [item.n] })))]).slice(
      13,
      37,
    );
    expect(fromArrowTable(sliced)).toEqual(
      rows.slice(13, 37).map((item) => ({ ...item, inner: item, list: [item.n] })),
    );
    expect(fromArrowTable(tableFromArrays({ f: Float32Array.of(0.5) }))).toEqual([{ f: 0.5 }]);
  });
});
