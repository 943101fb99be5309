import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import { readBatch } from '../../../src/data/columnar/batch-reader.ts';
import {
  batchRows,
  decodeBatch,
  decodePairBatch,
  encodeBatch,
  encodePairBatch,
} from '../../../src/data/columnar/row-codec.ts';
import { anyColumn, anyValue } from './arbitrary-values.ts';
import { sameValue } from './same-value.ts';

function roundTrip(rows: readonly unknown[]): unknown[] {
  return decodeBatch(encodeBatch(rows));
}

function kindOf(rows: readonly unknown[]): string {
  return readBatch(encodeBatch(rows)).kind;
}

function expectSame(rows: readonly unknown[]): void {
  const decoded = roundTrip(rows);
  if (!sameValue(rows, decoded)) expect(decoded).toStrictEqual(rows);
  expect(sameValue(rows, decoded)).toBe(true);
}

describe('the row codec', () => {
  it('gives back whatever rows it was given', () => {
    fc.assert(
      fc.property(anyColumn, (rows) => {
        expectSame(rows);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives back any two columns of pairs, by tuples or by parallel arrays', () => {
    fc.assert(
      fc.property(anyColumn, anyColumn, (left, right) => {
        const length = Math.min(left.length, right.length);
        const keys = left.slice(0, length);
        const values = right.slice(0, length);
        const pairs = keys.map((key, row) => [key, values[row]]);
        expect(sameValue(decodeBatch(encodePairBatch(keys, values)), pairs)).toBe(true);
        expect(sameValue(decodePairBatch(encodePairBatch(keys, values)), { keys, values })).toBe(true);
        expect(sameValue(decodePairBatch(encodeBatch(pairs)), { keys, values })).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('takes the values of pairs as numbers in a Float64Array, and names the place of a bad one', () => {
    const batch = encodePairBatch(['a', 'b'], Float64Array.of(-0, 1.5));
    expect(decodePairBatch(batch)).toStrictEqual({ keys: ['a', 'b'], values: [-0, 1.5] });
    expect(() => encodePairBatch(['a', 'b'], [1, { cb: () => 1 }])).toThrow('row 1, field "[1].cb" is a function');
  });

  it('encodes a range of the rows', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 9 }), fc.nat(9), fc.nat(9), (rows, a, b) => {
        const [start, end] = [Math.min(a, b, rows.length), Math.min(Math.max(a, b), rows.length)];
        const batch = encodeBatch(rows, start, end);
        expect(batchRows(batch)).toBe(end - start);
        expect(sameValue(decodeBatch(batch), rows.slice(start, end))).toBe(true);
      }),
    );
  });

  it('writes the same bytes to shared and to ordinary memory, and reads them at any address', () => {
    fc.assert(
      fc.property(anyColumn, fc.nat(9), (rows, shift) => {
        const shared = encodeBatch(rows);
        const own = encodeBatch(rows, 0, rows.length, (byteLength) => new Uint8Array(byteLength));
        expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
        expect(Buffer.compare(shared, own)).toBe(0);
        const moved = new Uint8Array(own.length + shift).subarray(shift);
        moved.set(own);
        expect(sameValue(decodeBatch(moved), rows)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('picks a column layout for each kind of value', () => {
    const many = <T>(make: (index: number) => T): T[] => Array.from({ length: 100 }, (_, index) => make(index));
    expect(kindOf([])).toBe('null');
    expect(kindOf([null, null])).toBe('null');
    expect(kindOf([undefined])).toBe('undefined');
    expect(kindOf([1, 2])).toBe('int32');
    expect(kindOf([1, -0])).toBe('float64');
    expect(kindOf([1, 2.5, null])).toBe('float64');
    expect(kindOf([true, false])).toBe('boolean');
    expect(kindOf(many((index) => `name ${index}`))).toBe('utf8');
    expect(kindOf(many((index) => `name ${index % 7}`))).toBe('dictionary');
    expect(kindOf(['\ud800'])).toBe('utf16');
    expect(kindOf([1n, -(2n ** 63n)])).toBe('int64');
    expect(kindOf([1n, 2n ** 63n])).toBe('union');
    expect(kindOf([new Date(), new Date(Number.NaN)])).toBe('date');
    expect(kindOf([new Uint8Array(2)])).toBe('binary');
    expect(kindOf([['a', 1] as const])).toBe('tuple');
    expect(kindOf([[1], [1, 2]])).toBe('list');
    expect(
      kindOf([
        { a: 1, b: 'x' },
        { a: 2, b: 'y' },
      ]),
    ).toBe('struct');
    expect(kindOf([{ a: 1, b: 'x' }, { b: 'y' }])).toBe('struct');
    expect(kindOf(many((index) => ({ [`key ${index}`]: index })))).toBe('record');
    expect(kindOf([1, 'x'])).toBe('union');
    expect(kindOf([new Map([[1, 2]])])).toBe('opaque');
  });

  it('keeps the columns of a struct when one field is odd', () => {
    const vector = readBatch(
      encodeBatch([
        { id: 1, odd: new Set([1]) },
        { id: 2, odd: /x/g },
      ]),
    );
    expect(vector.kind === 'struct' && vector.children.map((child) => child.kind)).toEqual(['int32', 'opaque']);
  });

  it('keeps cycles, also beside rows without one, and values nested deeper than columns go', () => {
    const cyclic: Record<string, unknown> = { id: 1 };
    Object.assign(cyclic, { self: cyclic });
    const circle: unknown[] = [];
    circle.push(circle);
    let deep: unknown = 'bottom';
    for (let level = 0; level < 990; level++) deep = level % 2 === 0 ? [deep] : { deep };
    expectSame([{ id: 2 }, cyclic, [circle, 3], deep, 'x']);
    expectSame([cyclic]);
  });

  it('gives objects of classes back as plain objects', () => {
    class Point {
      readonly x: number;
      readonly y: number;
      constructor(x: number, y: number) {
        this.x = x;
        this.y = y;
      }
      get length(): number {
        return Math.hypot(this.x, this.y);
      }
    }
    expect(roundTrip([new Point(1, 2), new Point(3, 4)])).toStrictEqual([
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ]);
    function Old(this: { own: number }): void {
      this.own = 1;
    }
    Old.prototype.inherited = 'not a field';
    const bare = [Object.assign(Object.create(null), { a: 1 }), Object.assign(Object.create(null), { a: 2 })];
    expect(readBatch(encodeBatch(bare)).layout).not.toHaveProperty('shapes');
    expect(roundTrip(bare)).toStrictEqual([{ a: 1 }, { a: 2 }]);
    expect(roundTrip([Reflect.construct(Old, []), { own: 2 }, Object.create({ own: 3 })])).toStrictEqual([
      { own: 1 },
      { own: 2 },
      {},
    ]);
  });

  it('keeps what String.match returns, in any row', () => {
    const rows = Array.from({ length: 1000 }, (_, row) => (row === 777 ? 'ab12'.match(/\d+/) : ['12']));
    const decoded = roundTrip(rows);
    expect(sameValue(rows, decoded)).toBe(true);
    expect((decoded[777] as RegExpMatchArray).index).toBe(2);
  });

  it('keeps named properties of arrays in every row once one is found', () => {
    const rows = Array.from({ length: 1000 }, (_, row) => Object.assign([row, 'x'], { unit: 'ms' }));
    expect(sameValue(roundTrip(rows), rows)).toBe(true);
  });

  it('owns what it decodes: changing a row changes no batch', () => {
    const batch = encodeBatch([{ bytes: Uint8Array.of(1, 2), list: [1, 2] }]);
    const [row] = decodeBatch(batch) as [{ bytes: Uint8Array; list: number[] }];
    row.bytes[0] = 9;
    row.list[0] = 9;
    expect(decodeBatch(batch)).toEqual([{ bytes: Uint8Array.of(1, 2), list: [1, 2] }]);
  });

  it('keeps errors with their class, name, cause and fields', () => {
    class ParseError extends SyntaxError {
      override readonly name = 'ParseError';
      readonly line = 7;
    }
    const error = new ParseError('bad', { cause: new RangeError('inner') });
    const [decoded] = roundTrip([error]) as [ParseError];
    expect(decoded).toBeInstanceOf(SyntaxError);
    expect([decoded.name, decoded.message, decoded.line, decoded.stack]).toEqual(['ParseError', 'bad', 7, error.stack]);
    expect(decoded.cause).toBeInstanceOf(RangeError);
    const [all] = roundTrip([new AggregateError([new Error('one'), 2], 'all')]) as [AggregateError];
    expect(all.errors.map(String)).toEqual(['Error: one', '2']);
  });

  it('keeps big columns of every kind', () => {
    const size = 70_000;
    const rows = Array.from({ length: size }, (_, row) => ({
      id: row,
      price: row * 1.5,
      name: `customer-${row}`,
      city: `città ${row % 100}`,
      comment: row % 3 === 0 ? `long text 😀 ${'x'.repeat(row % 200)}` : null,
      paid: row % 2 === 0,
      at: new Date(row * 86_400_000),
      pair: [row, `v${row % 5}`],
      tags: Array.from({ length: row % 4 }, (_value, index) => `t${index}`),
    }));
    expect(sameValue(roundTrip(rows), rows)).toBe(true);
  });

  it.each([
    ['a function', [{ id: 1 }, { id: 2, cb: () => 1 }], 'row 1, field "cb" is a function (cb)'],
    ['a method in a list', [[1, [{ run() {} }]]], 'row 0, field "[1][0].run" is a function (run)'],
    ['a symbol', ['x', Symbol('id')], 'row 1 is a symbol (id)'],
    ['a promise', [{ later: Promise.resolve(1) }], 'row 0, field "later" is a Promise'],
    ['a WeakMap in a Map', [new Map([['k', new WeakMap()]])], 'row 0, field get("k") is a WeakMap'],
    ['a URL', [{ 'the url': new URL('http://a/') }], 'row 0, field ["the url"] is a URL'],
    ['a generator', [(function* () {})()], 'row 0 is a Generator'],
    ['shared memory', [new SharedArrayBuffer(1)], 'row 0 is a SharedArrayBuffer'],
  ])('refuses %s, naming its place', (_name, rows, message) => {
    expect(() => encodeBatch(rows)).toThrow(MillraceError);
    expect(() => encodeBatch(rows)).toThrow(expect.objectContaining({ code: 'MR_SCHEMA' }));
    expect(() => encodeBatch(rows)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
  });

  it('refuses what is nested without reason', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(() => encodeBatch([deep])).toThrow('nested more than 1000 levels');
  });

  it('says when bytes are not a batch', () => {
    expect(() => decodeBatch(new Uint8Array(3))).toThrow('3 bytes that should be a record batch are not one');
    expect(() => batchRows(new Uint8Array(64))).toThrow('"MRB1"');
  });
});
