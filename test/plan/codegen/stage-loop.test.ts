import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UserFunction } from '../../../src/base/closures/user-function.ts';
import type { LoopStep } from '../../../src/plan/codegen/loop-step.ts';
import { generateStageLoop, stageLoopSource } from '../../../src/plan/codegen/stage-loop.ts';
import { PromiseFound, UserFunctionError } from '../../../src/plan/codegen/user-function-error.ts';

const functions: UserFunction[] = [
  (n: number) => n * 3 + 1,
  (n: number) => n % 2 === 0,
  (n: number) => [n, n + 1],
  (n: number) => Array.from({ length: n % 3 }, (_, i) => n + i),
];
const steps = fc.array(
  fc.constantFrom<LoopStep>(
    { op: 'map', fn: 0 },
    { op: 'filter', fn: 1 },
    { op: 'flatMap', fn: 2 },
    { op: 'flatMap', fn: 3 },
  ),
  { maxLength: 6 },
);
const plain = (rows: readonly number[], chain: readonly LoopStep[]): unknown[] =>
  chain.reduce<unknown[]>(
    (at, step) => {
      const fn = functions['fn' in step ? step.fn : 0] as (row: unknown) => unknown;
      if (step.op === 'map') return at.map((row) => fn(row));
      return step.op === 'filter' ? at.filter((row) => fn(row)) : at.flatMap((row) => fn(row) as unknown[]);
    },
    [...rows],
  );

describe('the generated loop', () => {
  it('gives what the array methods give', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 50 }), { maxLength: 8 }), steps, (rows, chain) => {
        const out: unknown[] = [];
        generateStageLoop(chain, { kind: 'rows' }, functions).run(rows, out, Number.POSITIVE_INFINITY);
        expect(out).toEqual(plain(rows, chain));
        const counting = generateStageLoop(chain, { kind: 'count' }, functions);
        counting.run(rows, [], 0);
        expect(counting.count).toBe(out.length);
      }),
    );
  });

  it('stops at the limit, also in the middle of an endless flatMap', () => {
    const endless = function* (n: number): Iterable<number> {
      for (;;) yield n;
    };
    const out: unknown[] = [];
    const loop = generateStageLoop([{ op: 'flatMap', fn: 0 }], { kind: 'rows' }, [endless]);
    expect(loop.run([7], out, 3)).toBe(true);
    expect(out).toEqual([7, 7, 7]);
  });

  it('names the function and the row when one throws, counting rows over batches', () => {
    const cause = new Error('no');
    const loop = generateStageLoop(
      [
        { op: 'map', fn: 0 },
        { op: 'map', fn: 1 },
      ],
      { kind: 'rows' },
      [
        (n: number) => n,
        (n: number) => {
          if (n === 5) throw cause;
        },
      ],
    );
    loop.run([1, 2, 3], [], 99);
    try {
      loop.run([4, 5], [], 99);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UserFunctionError);
      expect(error).toMatchObject({ fn: 1, row: 4, thrown: cause });
    }
  });

  it('blames the flatMap whose generator throws, and the next function for its own error', () => {
    const loop = generateStageLoop(
      [
        { op: 'flatMap', fn: 0 },
        { op: 'map', fn: 1 },
      ],
      { kind: 'rows' },
      [
        function* (n: number): Iterable<number> {
          yield n;
          throw new Error('in the generator');
        },
        (n: number) => {
          if (n === 2) throw new Error('in map');
        },
      ],
    );
    expect(() => loop.run([1], [], 99)).toThrow(expect.objectContaining({ fn: 0 }));
    expect(() => loop.run([2], [], 99)).toThrow(expect.objectContaining({ fn: 1 }));
  });

  it('notices a promise where a value was expected', () => {
    const loop = generateStageLoop([{ op: 'filter', fn: 0 }], { kind: 'rows' }, [() => Promise.resolve(false)]);
    expect(() => loop.run([1], [], 99)).toThrow(PromiseFound);
  });

  it('refuses rows that are no pairs where pairs are needed', () => {
    const loop = generateStageLoop([{ op: 'keys' }], { kind: 'rows' }, []);
    expect(() => loop.run([{ key: 1 }], [], 99)).toThrow(
      'operations by key need rows that are pairs [key, value], got {"key":1}',
    );
  });

  it('combines by key what a Map would', () => {
    const pairs = fc.array(fc.tuple(fc.constantFrom<unknown>('a', 'b', 1, '1', null, undefined, Number.NaN), fc.nat()));
    fc.assert(
      fc.property(pairs, (rows) => {
        const aggregator = { kind: 'reduce', merge: 0 } as const;
        const add: UserFunction = (a: number, b: number) => a + b;
        const loop = generateStageLoop([], { kind: 'combine', aggregator, of: 'values' }, [add]);
        loop.run(rows, [], 0);
        const sums = new Map<unknown, number>();
        for (const [key, value] of rows) sums.set(key, (sums.get(key) ?? 0) + value);
        const { table, states } = loop.groups;
        expect(states.map((state, slot) => [table.keyAt(slot), state])).toEqual([...sums]);
      }),
    );
  });

  it('is one statement a step', async () => {
    const source = stageLoopSource(
      [
        { op: 'flatMap', fn: 0 },
        { op: 'filter', fn: 1 },
        { op: 'map', fn: 2 },
      ],
      { kind: 'combine', aggregator: { kind: 'reduce', merge: 3 }, of: 'values' },
    );
    await expect(source).toMatchFileSnapshot('golden/word-count-loop.js.txt');
  });
});
