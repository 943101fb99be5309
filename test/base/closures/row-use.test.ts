import { describe, expect, it } from 'vitest';
import { captureClosures } from '../../../src/base/closures/capture.ts';
import { CapturedRowUse } from '../../../src/base/closures/row-use.ts';
import type { UserFunction } from '../../../src/base/closures/user-function.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows whose properties compare with anything
type Row = Record<'day' | 'n' | 'x' | 'y' | 'at' | 'ok' | 'gone', any> & { a: { b: number }; tags: string[] };

function useOf(fn: UserFunction): { tests: unknown; isPure: boolean; properties: string[] | undefined } {
  const use = new CapturedRowUse(captureClosures([{ fn, operator: 'filter', callSite: undefined }]));
  const { clauses, isPure } = use.tests(0);
  const properties = use.properties(0);
  const tests = clauses.map((clause) => clause.map(({ path, op, value }) => [path.join('?.'), op, value]));
  return { tests, isPure, properties: properties && [...properties] };
}

const day = '2026-01-01';
const cutoff = new Date(0);
const config = { limit: 3 };

describe('what the text of a function tells of its rows', () => {
  it('is the comparisons of its row with constants', () => {
    expect(useOf((r: Row) => r.day >= day && 3n < r.n).tests).toEqual([[['day', '>=', day]], [['n', '>', 3n]]]);
    expect(useOf(({ x, y: z }: Row) => x === -1 || z < `t`).tests).toEqual([
      [
        ['x', '=', -1],
        ['y', '<', 't'],
      ],
    ]);
    expect(useOf((r: Row) => r.at > cutoff && r.at < new Date('2026-01-01')).tests).toEqual([
      [['at', '>', cutoff]],
      [['at', '<', new Date('2026-01-01')]],
    ]);
    expect(useOf((r: Row) => r.ok && !r.gone && r.x != null && r.y === null).tests).toEqual([
      [['ok', 'truthy', null]],
      [['gone', 'falsy', null]],
      [['x', 'isNotNull', null]],
      [['y', 'isNull', null]],
    ]);
    expect(useOf((r: Row) => ['a', 'b'].includes(r.x)).tests).toEqual([
      [
        ['x', '=', 'a'],
        ['x', '=', 'b'],
      ],
    ]);
    expect(
      useOf(function named(r: Row) {
        return r.a?.b > 3;
      }).tests,
    ).toEqual([[['a?.b', '>', 3]]]);
  });

  it('ends where the function might throw, do something, or compare with what is no constant', () => {
    const stops: UserFunction[] = [
      (r: Row) => r.x > 1 && r.a.b > 3 && r.y > 1,
      (r: Row) => r.x > 1 && r.x < config.limit && r.y > 1,
      (r: Row) => r.x > 1 && Boolean(r.x) && r.y > 1,
      (r: Row) => r.x > 1 && r.tags.push('x') > 0 && r.y > 1,
    ];
    for (const fn of stops) expect(useOf(fn)).toMatchObject({ tests: [[['x', '>', 1]]], isPure: false });
    expect(useOf((r: Row) => r.a.b > 3 || r.x > 1).tests).toEqual([]);
    expect(useOf(async (r: Row) => r.x > 1).tests).toEqual([]);
    expect(useOf((r: Row) => r.x > r.y)).toMatchObject({ tests: [], isPure: true });
  });

  it('is the properties that it reads, unless it may use the row in another way', () => {
    const reads: [UserFunction, string[] | undefined][] = [
      [(r: Row) => r.x + r.a.b + r.tags.length, ['x', 'a', 'tags']],
      [({ x, ['y']: z = 1 }: Row) => [x, z], ['x', 'y']],
      [() => 1, []],
      [(r: Row) => [1].map((n) => r.x + n), ['x']],
      [
        (r: Row) => {
          for (const tag of r.tags) if (tag === '') return r.x;
          return 0;
        },
        ['tags', 'x'],
      ],
      [(r: Row) => r, undefined],
      [(r: Row) => ({ ...r }), undefined],
      [({ x, ...rest }: Row) => [x, rest], undefined],
      [(r: Row) => r[day as 'x'], undefined],
      [(r: Row) => r.toString(), undefined],
      [
        (r: Row) => {
          r.a = { b: 1 };
          return r.x;
        },
        undefined,
      ],
      [
        (r: Row) => {
          [r.a] = [{ b: 1 }];
          return r.x;
        },
        undefined,
      ],
      [
        function () {
          // biome-ignore lint/complexity/noArguments: what it reaches cannot be known
          return arguments[0];
        },
        undefined,
      ],
      [String, undefined],
    ];
    for (const [fn, properties] of reads) expect(useOf(fn).properties, String(fn)).toEqual(properties);
  });
});
