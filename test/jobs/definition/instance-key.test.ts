import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, instanceKey, typedParameters } from '../../../src/jobs/definition/instance-key.ts';

const typed = (parameters: object) => typedParameters('job', parameters, true);
const golden = [
  [{}, '[]', '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945'],
  [
    { start_date: '2024-01-01', batch_size: 100, threshold: 0.95 },
    '[["batch_size","i","100"],["start_date","d","2024-01-01T00:00:00.000Z"],["threshold","f","0.95"]]',
    'ffe7a587ceeef8cfe9f01284afa5bf9d533ca79e89ed6605406b8036b9f2cf8c',
  ],
  [
    { cfg: { b: 1, a: [1, { d: 1, c: 2 }] } },
    '[["cfg","j","{\\"a\\":[1,{\\"c\\":2,\\"d\\":1}],\\"b\\":1}"]]',
    '72818ec01ea65f1e5e94762cca44ca85909358a47253faf7dbb5950ff93ed996',
  ],
] as const;

describe('identity', () => {
  it('ST-10: freezes the canonical text and key', () => {
    for (const [parameters, text, key] of golden) {
      expect(canonicalText(typed(parameters))).toBe(text);
      expect(instanceKey(typed(parameters))).toBe(key);
    }
  });

  it('ST-11: gives the same key for any order', () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.string(), value), { selector: ([name]) => name }), (entries) => {
        const forward = typed(Object.fromEntries(entries));
        const backward = typed(Object.fromEntries(entries.toReversed()));
        expect(instanceKey(forward)).toBe(instanceKey(backward));
      }),
    );
  });

  it('ST-12: detects types, and dates only where they are real', () => {
    const typeOf = (value: unknown) => typed({ value })[0]?.type;
    expect(['2024-01-01', '2024-02-29T10:00', '2024-01-01 10:00:00.5+0200', '2024-01-01T00:00Z'].map(typeOf)).toEqual(
      Array(4).fill('DateTime'),
    );
    expect(
      ['2024-02-30', '2023-02-29', '2024-13-01', '2024-1-1', '', '2024-01-01T25:00', '20240101'].map(typeOf),
    ).toEqual(Array(7).fill('String'));
    expect([1, 100.0, 2n ** 70n, -0].map(typeOf)).toEqual(Array(4).fill('Integer'));
    expect([0.5, 1e300, 2 ** 60].map(typeOf)).toEqual(Array(3).fill('Float'));
    expect([true, new Date(0), null, [], { a: 1 }].map(typeOf)).toEqual([
      'Boolean',
      'DateTime',
      'Json',
      'Json',
      'Json',
    ]);
    expect(canonicalText(typed({ zero: -0, day: '2024-01-01 10:00:00+0200' }))).toBe(
      '[["day","d","2024-01-01T08:00:00.000Z"],["zero","i","0"]]',
    );
  });

  it('ST-13: names a parameter that cannot be stored', () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, new Date(Number.NaN), () => 1, Symbol('x'), { a: 1n }]) {
      expect(() => typed({ fine: 1, wrong })).toThrow(/job "job": parameter "wrong"/);
    }
    for (const name of ['n'.repeat(201), 'a\0b'])
      expect(() => typed({ [name]: 1 })).toThrow(/at most 200, none of them NUL/);
    expect(typed({ ['n'.repeat(200)]: 1 })).toHaveLength(1);
  });
});
