import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable, keysEqual } from '../../../src/data/columnar/key.ts';
import { hashKey, hashUtf8, murmur3, partitionOfHash } from '../../../src/data/columnar/key-hash.ts';
import { decodeBatch, encodeBatch } from '../../../src/data/columnar/row-codec.ts';
import { anyValue, primitive } from './arbitrary-values.ts';
import { canonicalText } from './canonical-text.ts';
import { goldenKeys } from './golden-keys.ts';

/** Keys from a small world, so that equal ones meet. */
const fewKeys = fc.oneof(
  fc.constantFrom<unknown>(1, '1', 1n, true, 0, -0, Number.NaN, null, undefined, '', 'a', [], {}, [1], ['1'], [[1]]),
  fc.constantFrom<unknown>(new Date(1), 1, new Date(Number.NaN), new Uint8Array(1), Buffer.alloc(1), new Int8Array(1)),
  fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom(1, 2, Number.NaN)),
  fc.record({ a: fc.constantFrom(1, undefined, null), b: fc.constantFrom('x', 'y') }, { requiredKeys: [] }),
  fc.uniqueArray(fc.constantFrom<unknown>(1, 2, '1', Number.NaN)).map((items) => new Set(items)),
  fc.array(fc.tuple(fc.constantFrom<unknown>(1, 'a'), fc.constantFrom(1, 2))).map((entries) => new Map(entries)),
  fc.array(fc.array(fc.constantFrom(1, 2), { maxLength: 1 }), { maxLength: 3 }).map((items) => new Set<unknown>(items)),
);

const anyKey = fc.oneof(fewKeys, anyValue);

/** The same content with the fields of objects in the other order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from(value, reversed);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const copy = {};
  for (const [key, item] of Object.entries(value).reverse()) {
    Object.defineProperty(copy, key, { value: reversed(item), enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

describe('keys', () => {
  it('are equal exactly when their canonical texts are', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(keysEqual(a, b)).toBe(canonicalText(a) === canonicalText(b));
        expect(keysEqual(a, a)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('have the same hash when they are equal, also after a trip through columns and with fields in another order', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        if (keysEqual(a, b)) expect(hashKey(a)).toBe(hashKey(b));
        const [copy] = decodeBatch(encodeBatch([a]));
        expect(keysEqual(a, copy)).toBe(true);
        expect(hashKey(copy)).toBe(hashKey(a));
        expect(hashKey(reversed(a))).toBe(hashKey(a));
        expect(hashKey(a)).toBe(hashKey(a) >>> 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('differ or not as DESIGN.md section 4 says', () => {
    expect(keysEqual(1, '1')).toBe(false);
    expect(keysEqual(1, 1n)).toBe(false);
    expect(keysEqual(Number.NaN, Number.NaN)).toBe(true);
    expect(keysEqual(-0, 0)).toBe(true);
    expect(keysEqual([-0], [0])).toBe(true);
    expect(keysEqual(null, undefined)).toBe(false);
    expect(keysEqual({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(keysEqual({ a: undefined }, {})).toBe(false);
    expect(keysEqual({ a: undefined }, { b: undefined })).toBe(false);
    expect(keysEqual(new Date(5), new Date(5))).toBe(true);
    expect(keysEqual(new Date(5), 5)).toBe(false);
    expect(keysEqual(Buffer.from('a'), new Uint8Array([97]))).toBe(true);
    expect(keysEqual(new Set([[1], [1]]), new Set([[1], [2]]))).toBe(false);
    expect(keysEqual(new Set([1, 2]), new Set([2, 1]))).toBe(true);
  });

  it('keep the hashes of the golden file', () => {
    const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'golden/key-hash.json'), 'utf8')) as object;
    expect(Object.fromEntries(goldenKeys().map(([name, key]) => [name, hashKey(key)]))).toEqual(golden);
  });

  it('are hashed with MurmurHash3, and strings as their UTF-8', () => {
    const reference = (text: string, seed: number): number =>
      murmur3(Buffer.from(text), 0, Buffer.byteLength(text), seed);
    expect(reference('', 1)).toBe(0x514e28b7);
    expect(reference('test', 0)).toBe(0xba6bd213);
    expect(reference('Hello, world!', 0x9747b28c)).toBe(0x24884cba);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, before) => {
        const bytes = Buffer.from(before + text);
        expect(hashUtf8(bytes, Buffer.byteLength(before), bytes.length)).toBe(hashKey(text));
      }),
    );
  });

  it('spread over partitions, whatever their pattern', () => {
    const patterns: ((index: number) => unknown)[] = [
      (index) => index,
      (index) => index * 1024,
      (index) => `user-${index}`,
      (index) => [index % 100, Math.floor(index / 100)],
      (index) => ({ id: index }),
      (index) => BigInt(index),
      (index) => new Date(index * 86_400_000),
    ];
    for (const make of patterns) {
      const counts = new Array<number>(16).fill(0);
      for (let index = 0; index < 16_000; index++) counts[partitionOfHash(hashKey(make(index)), 16)]! += 1;
      expect(Math.min(...counts)).toBeGreaterThan(800);
      expect(Math.max(...counts)).toBeLessThan(1200);
    }
  });

  it('refuses what has no value to compare, and keys that contain themselves', () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const other: unknown[] = [];
    other.push(other);
    expect(() => hashKey([() => 1])).toThrow('A key is or contains a function');
    expect(() => hashKey(Symbol('x'))).toThrow('a symbol (x)');
    expect(() => hashKey(cyclic)).toThrow('contains itself');
    expect(() => new KeyTable().slot(Symbol('x'))).toThrow('a symbol (x)');
    expect(() => keysEqual(cyclic, other)).toThrow('contains itself');
  });
});

describe('KeyTable', () => {
  it('gives equal keys one slot, in the order of first sight, and keeps the first of them', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fewKeys, primitive)), fc.integer({ min: 0, max: 5 }), (keys, most) => {
        const table = new KeyTable(most);
        const texts: string[] = [];
        const first: unknown[] = [];
        for (const key of keys) {
          const text = canonicalText(key);
          expect(table.find(key)).toBe(texts.indexOf(text));
          if (!texts.includes(text)) {
            texts.push(text);
            first.push(key);
          }
          expect(table.slot(key)).toBe(texts.indexOf(text));
          expect(table.find(key)).toBe(texts.indexOf(text));
        }
        expect(table.size).toBe(first.length);
        expect(table.keys().every((key, slot) => Object.is(key, first[slot]))).toBe(true);
        expect(first.every((key, slot) => Object.is(table.keyAt(slot), key))).toBe(true);
        table.clear();
        expect([table.size, table.find(keys[0])]).toEqual([0, -1]);
      }),
      { numRuns: 1000 },
    );
  });

  it('holds many keys of each kind', () => {
    const table = new KeyTable();
    const size = 40_000;
    const slotsOf = (index: number): number[] =>
      [index, `${index}`, [index, 'x'], { index }].map((key) => table.slot(key));
    const expected = Array.from({ length: size }, (_, index) => [0, 1, 2, 3].map((kind) => index * 4 + kind));
    expect(expected.map((_, index) => slotsOf(index))).toEqual(expected);
    expect(expected.map((_, index) => slotsOf(index))).toEqual(expected);
    expect(table.size).toBe(size * 4);
  });
});
