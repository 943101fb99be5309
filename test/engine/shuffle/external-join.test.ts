import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysEqual } from '../../../src/data/columnar/key.ts';
import { externalJoin } from '../../../src/engine/shuffle/external-join.ts';
import type { PairBatch } from '../../../src/engine/shuffle/hash-fan-out.ts';
import { TaskFiles } from '../../../src/engine/storage/task-files.ts';
import type { JoinType } from '../../../src/plan/lineage/node.ts';

type Pair = readonly [key: unknown, value: unknown];

let dir: string;
let nextFile = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'join-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const joins: readonly JoinType[] = ['inner', 'leftOuter', 'rightOuter', 'fullOuter', 'leftSemi', 'leftAnti'];
const key = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom('a', null, undefined, Number.NaN, -0, [1, 'x']));
const side = fc.array(fc.tuple(key, fc.string()), { maxLength: 200 });

function* batches(pairs: readonly Pair[], rows: number): Iterable<PairBatch> {
  for (let first = 0; first < pairs.length; first += rows) {
    const batch = pairs.slice(first, first + rows);
    yield { keys: batch.map(([key]) => key), values: batch.map(([, value]) => value) };
  }
}

/** Every pair of rows, looked at one by one. */
function nestedLoops(left: readonly Pair[], right: readonly Pair[], type: JoinType): unknown[] {
  const rows: unknown[] = [];
  const hasPartner = ([key]: Pair): boolean => right.some(([other]) => keysEqual(key, other));
  if (type === 'leftSemi' || type === 'leftAnti')
    return left.filter((row) => hasPartner(row) === (type === 'leftSemi')).map(([key, value]) => [key, [value, null]]);
  for (const [key, value] of left) {
    const partners = right.filter(([other]) => keysEqual(key, other));
    for (const [, other] of partners) rows.push([key, [value, other]]);
    if (partners.length === 0 && (type === 'leftOuter' || type === 'fullOuter')) rows.push([key, [value, null]]);
  }
  if (type === 'rightOuter' || type === 'fullOuter')
    for (const [key, value] of right)
      if (!left.some(([other]) => keysEqual(key, other))) rows.push([key, [null, value]]);
  return rows;
}

/** Rows as texts in a fixed order, for 0 and -0 are one key; and what was spilled. */
function joined(left: readonly Pair[], right: readonly Pair[], type: JoinType, memoryBytes: number) {
  const files = new TaskFiles((name) => join(dir, `${name}-${nextFile++}`));
  const settings = { join: type, memoryBytes, groupBytes: 2 ** 30, newFile: () => files.scratch() };
  const rows = [...externalJoin(batches(left, 7), batches(right, 5), settings)].flat();
  const spilled = files.scratchBytes;
  files.end('succeeded');
  return { rows, spilled };
}

const asTexts = (rows: readonly unknown[]): string[] =>
  rows.map((row) => JSON.stringify(row, (_, value) => (Number.isNaN(value) ? 'NaN' : value) ?? 'nothing')).sort();

describe('externalJoin', () => {
  it.each(joins)('gives for %s what nested loops give, in memory and from files', (type) => {
    fc.assert(
      fc.property(side, side, (left, right) => {
        const expected = asTexts(nestedLoops(left, right, type));
        for (const memoryBytes of [2 ** 30, 4000, 1])
          expect(asTexts(joined(left, right, type, memoryBytes).rows)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the order of the left rows, and of the partners of each, when the right side fits', () => {
    const left: Pair[] = [3, 1, 3, 2].map((n, at) => [n, at]);
    const right: Pair[] = [1, 3, 3].map((n, at) => [n, `r${at}`]);
    expect(joined(left, right, 'leftOuter', 2 ** 20).rows).toEqual([
      [3, [0, 'r1']],
      [3, [0, 'r2']],
      [1, [1, 'r0']],
      [3, [2, 'r1']],
      [3, [2, 'r2']],
      [2, [3, null]],
    ]);
  });

  it('spills neither side when only the left one is large', () => {
    const left = Array.from({ length: 20_000 }, (_, n): Pair => [n % 10, n]);
    expect(joined(left, [[3, 'x']], 'inner', 10_000)).toMatchObject({ spilled: 0, rows: { length: 2000 } });
  });

  it('joins a key that is frequent on one side only, however often that is', () => {
    const often = Array.from({ length: 20_000 }, (_, n): Pair => ['often', n]);
    const settings = [often, [...often, ['rare', 1] as Pair]] as const;
    for (const right of settings) expect(joined([['often', 'once']], right, 'inner', 10_000).rows.length).toBe(20_000);
  });

  it('holds one row of a key of which it only matters that it is there', () => {
    const often = Array.from({ length: 20_000 }, (_, n): Pair => ['often', n]);
    const left: Pair[] = [
      ['often', 1],
      ['rare', 2],
    ];
    expect(joined(left, often, 'leftAnti', 10_000)).toEqual({ spilled: 0, rows: [['rare', [2, null]]] });
    expect(joined(left, often, 'leftSemi', 10_000)).toEqual({ spilled: 0, rows: [['often', [1, null]]] });
  });

  it('leaves no file behind', () => {
    expect(readdirSync(dir)).toEqual([]);
  });
});
