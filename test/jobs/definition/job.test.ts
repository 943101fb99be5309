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

  it('names job, step and mend of options that make no sense', () => {
    const body = (s: Loose) => s.task(() => 1);
    const options: readonly [given: object, said: RegExp][] = [
      [{ when: 'sometimes' }, /when must be one of allSucceeded, noneFailed, anyFailed, allDone, got sometimes/],
      [{ after: 'a' }, /after must be an array of step names, got a/],
      [{ restart: 'never' }, /restart must be 'fromCheckpoint' or 'fromStart', got never/],
      [{ timeoutMs: 0 }, /timeoutMs must be more than 0, got 0/],
      [{ timeoutMs: Number.NaN }, /timeoutMs/],
      [{ startLimit: 0 }, /startLimit must be an integer of at least 1, got 0/],
      [{ startLimit: 1.5 }, /startLimit must be an integer of at least 1, got 1.5/],
      [{ timeoutMs: '5' }, /timeoutMs must be more than 0, got 5/],
      [{ version: 1.5 }, /version must be an integer, got 1.5/],
      [{ if: true }, /if must be a function/],
      [{ migrate: {} }, /migrate must be a function/],
    ];
    for (const [given, said] of options) {
      expect(() => loose().step('load', body, given)).toThrow(said);
      expect(() => loose().step('load', body, given)).toThrow(/job "nightly", step "load"/);
    }
  });

  it('names job, step and mend of builders that are called wrongly', () => {
    const cases: readonly [build: (s: Loose) => object, said: RegExp][] = [
      [(s) => s.task('text'), /task needs a function, got text/],
      [(s) => s.dataset(undefined), /dataset needs a function/],
      [(s) => s.job({ name: 'x' }, nothing), /job needs a job made by job\(name\)/],
      [(s) => s.job(job('child')), /job needs a function/],
      [(s) => s.partitions(0).read(nothing).write(nothing), /at least 1, got 0/],
      [(s) => s.partitions(1.5).read(nothing).write(nothing), /got 1.5/],
      [(s) => s.partitions(2, { concurrency: 0 }).read(nothing).write(nothing), /concurrency/],
      [(s) => s.read(undefined).write(nothing), /read needs a reader/],
      [(s) => s.read({ open: 1 }).write(nothing), /read needs a reader/],
      [(s) => s.read(new Map([[1, 2]]).entries()).write(nothing), /only once. Pass a function/],
      [(s) => s.read((async function* () {})()).write(nothing), /only once. Pass a function/],
      [(s) => s.partitions(2).read([1]).write(nothing), /read of a partitioned step needs a function/],
      [(s) => s.read([1]).listen(nothing).write(nothing), /listen needs an object with some of beforeStep/],
      [(s) => s.read([1]).listen({ onSkip: 1 }).write(nothing), /listen: onSkip must be a function/],
      [(s) => s.read([1]).chunk(2, { transactionTimeoutMs: '5' }).write(nothing), /transactionTimeoutMs/],
      [(s) => s.read([1]).process(1).write(nothing), /process needs a function/],
      [(s) => s.read([1]).processMany(1).write(nothing), /processMany needs a function/],
      [(s) => s.read([1]).filter(/x/).write(nothing), /filter needs a function/],
      [(s) => s.read([1]).validate({}).write(nothing), /Standard Schema/],
      [(s) => s.read([1]).chunk(2.5).write(nothing), /got 2.5/],
      [(s) => s.read([1]).chunk(2, { fetchSize: 0 }).write(nothing), /fetchSize/],
      [(s) => s.read([1]).chunk(2, { transactionTimeoutMs: -1 }).write(nothing), /transactionTimeoutMs/],
      [(s) => s.read([1]).concurrency(0).write(nothing), /concurrency/],
      [(s) => s.read([1]).skip('A', { limit: -1 }).write(nothing), /limit/],
      [(s) => s.read([1]).skip('A', { limit: 1.5 }).write(nothing), /limit/],
      [(s) => s.read([1]).skip('A', { scope: 'job' }).write(nothing), /scope/],
      [(s) => s.read([1]).skip([/x/]).write(nothing), /skip: errors are named by class, code or name/],
      [(s) => s.read([1]).skip(undefined).write(nothing), /skip: errors are named/],
      [(s) => s.read([1]).retry('A', { maxAttempts: 0 }).write(nothing), /maxAttempts .* got 0/],
      [(s) => s.read([1]).skipPolicy(3).write(nothing), /skipPolicy needs a function/],
      [(s) => s.read([1]).classify(3).write(nothing), /classify needs a function/],
      [(s) => s.read([1]).write({}), /write needs a writer or a function/],
      [(s) => s.task(nothing).retry('A', { baseDelayMs: -1 }), /baseDelayMs/],
      [(s) => s.task(nothing).retry('A', { jitter: 'full' }), /jitter/],
      [(s) => s.task(nothing).retry(7), /retry: errors are named/],
      [(s) => s.task(nothing).retry('A', { shouldRetry: true }), /shouldRetry/],
    ];
    for (const [build, said] of cases) {
      expect(() => loose().step('load', build)).toThrow(said);
      expect(() => loose().step('load', build)).toThrow(/job "nightly", step "load"/);
      expect(() => loose().step('load', build)).toThrow(expect.objectContaining({ code: 'MR_JOB_DEFINITION' }));
    }
  });

  it('refuses jobs that have no name, or options of another kind', () => {
    for (const name of ['', undefined, 7, 'x'.repeat(101), 'a\0b', Symbol('x')]) {
      expect(() => job(name as never)).toThrow(expect.objectContaining({ code: 'MR_JOB_DEFINITION' }));
    }
    expect(() => loose('x', { timeoutMs: -1 })).toThrow(/job "x": timeoutMs/);
    expect(() => loose('x', { identity: 'date' })).toThrow(/identity must be an array/);
    expect(() => loose('x', { parameters: {} })).toThrow(/Standard Schema/);
    expect(() => loose().step('', task)).toThrow(/1 to 100 characters/);
    expect(() => loose().step('a\0b', task)).toThrow(/none of them NUL/);
    expect(() => loose().listen({ afterJob: 3 })).toThrow(/job "nightly": listen: afterJob must be a function/);
    expect(() => loose().step('a')).toThrow(/has no body/);
  });

  it('changes of a builder change no other', () => {
    const seen: unknown[] = [];
    const made = loose().step('load', (s: Loose) => {
      const base = s.read([1]).chunk(5);
      base.chunk(7).skip('A');
      seen.push(base.write(nothing).body.size, base.chunk(7).write(nothing).body.size);
      return base.write(nothing);
    });
    expect(seen).toEqual([5, 7]);
    const [load] = definitionOf(made).steps;
    expect(load).toMatchObject({
      when: 'allSucceeded',
      restart: 'fromCheckpoint',
      version: 1,
      startLimit: Number.POSITIVE_INFINITY,
      body: { size: 5, fetchSize: 5, concurrency: 1, transactionTimeoutMs: 300_000, skip: [], skipLimit: 10 },
    });
    expect(Object.isFrozen(load)).toBe(true);
    expect(Object.isFrozen(load?.body)).toBe(true);
  });
});
