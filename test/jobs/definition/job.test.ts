import { describe, expect, it } from 'vitest';
import type { AnyJob } from '../../../src/jobs/definition/job.ts';
import { definitionOf, job } from '../../../src/jobs/definition/job-definition.ts';

// Misuse that the types would refuse.
// biome-ignore lint/suspicious/noExplicitAny: on purpose
type Loose = any;
const loose = (name = 'nightly', options = {}): Loose => job(name, options) as AnyJob;
const task = (s: Loose) => s.task(() => 1);
const nothing = (): void => undefined;

describe('job', () => {
  it('is frozen, and every method returns a new one', () => {
    const empty = job('a');
    const one = empty.step('x', (s) => s.task(() => 1));
    expect(Object.isFrozen(one)).toBe(true);
    expect(definitionOf(empty).steps).toHaveLength(0);
    expect(definitionOf(one).steps.map(({ name }) => name)).toEqual(['x']);
  });

  it('ST-108: chains steps unless told otherwise', () => {
    const upstreams = (made: AnyJob) => definitionOf(made).steps.map((step) => step.after);
    expect(upstreams(loose().step('a', task).step('b', task).step('c', task, { after: [] }))).toEqual([[], ['a'], []]);
    expect(upstreams(loose('p', { parallel: true }).step('a', task).step('b', task))).toEqual([[], []]);
    expect(
      upstreams(
        loose()
          .step('a', task)
          .steps({ b: { step: task }, c: { step: task, after: ['b'] } }),
      ),
    ).toEqual([[], [], ['b']]);
  });

  it('ST-100: refuses unknown upstreams, duplicates and cycles, and prints them', () => {
    expect(() => loose().step('a', task, { after: ['z'] })).toThrow(/job "nightly" step "a" is to run after "z"/);
    expect(() => loose().step('a', task).step('a', task)).toThrow(/two steps named "a"/);
    expect(() => loose().step('a', task, { when: 'anyFailed' })).toThrow(/any upstream failed/);
    expect(() => loose().steps({ a: { step: task, after: ['b'] }, b: { step: task, after: ['a'] } })).toThrow(
      /a → b → a/,
    );
    const three = { a: ['c'], b: ['a'], c: ['b'] };
    const group = Object.fromEntries(Object.entries(three).map(([name, after]) => [name, { step: task, after }]));
    expect(() => loose().steps(group)).toThrow(/a → b → c → a/);
    expect(() => loose().steps({ a: { step: task, after: ['a'] } })).toThrow(/a → a/);
  });

  it('names job, step and mend of what cannot run', () => {
    const cases: readonly [build: (s: Loose) => object, said: RegExp][] = [
      [(s) => s.read([1]), /has no writer/],
      [() => ({}), /returned no step/],
      [(s) => s.read([1][Symbol.iterator]()).write(nothing), /only once. Pass a function/],
      [(s) => s.read([1]).chunk(0).write(nothing), /size must be an integer of at least 1, got 0/],
      [(s) => s.read([1]).skip('A', { limit: 1 }).skip('B', { limit: 2 }).write(nothing), /two skip limits, 1 and 2/],
      [(s) => s.read({ open: nothing, restartable: false }).write(nothing), /restart: 'fromStart'/],
      [(s) => s.read(7).write(nothing), /got 7/],
    ];
    for (const [build, said] of cases) {
      expect(() => loose().step('load', build)).toThrow(said);
      expect(() => loose().step('load', build)).toThrow(/job "nightly", step "load"/);
    }
  });

  it('ST-53: requireIdempotent refuses sinks that may write twice', () => {
    expect(() => loose('x', { requireIdempotent: true }).step('a', (s: Loose) => s.read([1]).write(nothing))).toThrow(
      /requireIdempotent/,
    );
  });

  it('ST-70: takes limits of 0 and Infinity, and the same limit twice', () => {
    for (const limit of [0, Number.POSITIVE_INFINITY]) {
      expect(() =>
        loose().step('a', (s: Loose) => s.read([1]).skip('A', { limit }).skip('B', { limit }).write(nothing)),
      ).not.toThrow();
    }
  });
});
