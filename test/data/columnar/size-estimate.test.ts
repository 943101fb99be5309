import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateBytes, SizeTracker } from '../../../src/data/columnar/size-estimate.ts';
import { anyValue } from './arbitrary-values.ts';

describe('estimateBytes', () => {
  it('gives a positive finite size for any value', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(estimateBytes(value)).toBeGreaterThan(0);
        expect(Number.isFinite(estimateBytes(value))).toBe(true);
      }),
    );
  });

  it('grows with strings, arrays, objects, Maps and bytes', () => {
    expect(estimateBytes('x'.repeat(1000))).toBeGreaterThan(1000);
    expect(estimateBytes('中'.repeat(1000))).toBeGreaterThan(2000);
    expect(estimateBytes(new Array(1000).fill('x'.repeat(100)))).toBeGreaterThan(100_000);
    expect(estimateBytes({ a: 'x'.repeat(100), b: { c: 'x'.repeat(100) } })).toBeGreaterThan(200);
    expect(estimateBytes(new Map(Array.from({ length: 100 }, (_, key) => [key, 'x'.repeat(50)])))).toBeGreaterThan(
      5000,
    );
    expect(estimateBytes(new Uint8Array(5000))).toBeGreaterThan(5000);
  });

  it('ends on cycles', () => {
    const cyclic: Record<string, unknown> = {};
    Object.assign(cyclic, { a: cyclic, b: [cyclic] });
    expect(estimateBytes(cyclic)).toBeLessThan(100_000);
  });
});

describe('SizeTracker', () => {
  it('is exact for rows of one size', () => {
    const tracker = new SizeTracker();
    for (let row = 0; row < 10_000; row++) tracker.add(['key', 1.5]);
    expect([tracker.rows, tracker.bytes]).toEqual([10_000, 10_000 * estimateBytes(['key', 1.5])]);
    tracker.reset();
    expect([tracker.rows, tracker.bytes]).toEqual([0, 0]);
  });

  it('follows rows that grow, within a tenth', () => {
    const tracker = new SizeTracker();
    let bytes = 0;
    for (let row = 0; row < 50_000; row++) {
      const value = 'x'.repeat(row % 7 === 0 ? row / 50 : row / 100);
      tracker.add(value);
      bytes += estimateBytes(value);
    }
    expect(tracker.bytes / bytes).toBeGreaterThan(0.9);
    expect(tracker.bytes / bytes).toBeLessThan(1.1);
  });
});
