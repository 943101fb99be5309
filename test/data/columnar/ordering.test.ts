import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keysEqual } from '../../../src/data/columnar/key.ts';
import { compareValues } from '../../../src/data/columnar/ordering.ts';
import { anyBigint, anyNumber, anyString, anyValue } from './arbitrary-values.ts';

const few = fc.oneof(
  fc.constantFrom<unknown>(
    1,
    '1',
    1n,
    true,
    -0,
    0,
    Number.NaN,
    null,
    undefined,
    [],
    {},
    [1],
    [1, 2],
    { a: 1 },
    { b: 1 },
  ),
  fc.array(fc.constantFrom<unknown>(1, 'a', null, Number.NaN), { maxLength: 3 }),
  fc.array(fc.constantFrom<unknown>(1, 'a', null, 1n), { maxLength: 3 }).map((items) => new Set(items)),
  anyNumber,
  anyBigint,
);
const value = fc.oneof(few, anyValue);

function sorted(values: readonly unknown[]): unknown[] {
  return values.toSorted((a, b) => compareValues(a === undefined ? undefined : a, b));
}

describe('compareValues', () => {
  it('is a total order whose ties are equal keys', () => {
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const ab = Math.sign(compareValues(a, b));
        expect(ab).toBe(0 - Math.sign(compareValues(b, a)));
        expect(ab === 0).toBe(keysEqual(a, b));
        if (ab <= 0 && compareValues(b, c) <= 0) expect(compareValues(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 5000 },
    );
  });

  it('orders numbers by value with NaN last and strings by code unit', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true })), fc.array(anyString), (numbers, strings) => {
        expect(sorted([Number.NaN, ...numbers]).at(-1)).toBeNaN();
        expect(sorted(numbers).every((x, i, all) => i === 0 || (all[i - 1] as number) <= (x as number))).toBe(true);
        expect(sorted(strings)).toEqual(strings.toSorted());
      }),
    );
  });

  it('orders types as documented', () => {
    const inOrder = [
      null,
      false,
      true,
      -Infinity,
      -(2n ** 70n),
      -1,
      0,
      0n,
      0.5,
      1n,
      2 ** 53,
      2n ** 53n + 1n,
      Infinity,
      Number.NaN,
      '',
      '10',
      '9',
      'Z',
      'a',
      '\ud83d\ude00',
      '\uffff',
      new Date(-1),
      new Date(1),
      new Date(Number.NaN),
      Uint8Array.of(),
      Uint8Array.of(1),
      Buffer.of(1, 0),
      Uint8Array.of(200),
      [],
      [1],
      [1, 'a'],
      [1, 'b'],
      [2],
      ['a'],
      {},
      { a: 1 },
      { b: 0, a: 1 },
      { a: 2 },
      { b: 0 },
      new Map(),
      new Map([[1, 2]]),
      new Set([1]),
      new Float32Array(1),
      new Int8Array(1),
      /a/,
      new Error('a'),
      Object(1),
    ];
    expect(sorted(inOrder.toReversed())).toStrictEqual(inOrder);
    expect(compareValues(null, undefined)).toBeLessThan(0);
    expect(compareValues(undefined, false)).toBeLessThan(0);
  });

  it('refuses functions, and values that contain themselves', () => {
    const one: unknown[] = [];
    one.push(one);
    const two: unknown[] = [];
    two.push(two);
    expect(() => compareValues(() => 1, 1)).toThrow('A key is or contains a function');
    expect(() => compareValues(one, two)).toThrow('contains itself');
  });
});
