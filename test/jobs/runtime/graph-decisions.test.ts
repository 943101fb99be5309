import { describe, expect, it } from 'vitest';
import type { TriggerRule } from '../../../src/jobs/definition/step-definition.ts';
import { GraphDecisions, type StepDecision, type StepOutcome } from '../../../src/jobs/runtime/graph-decisions.ts';

const step = (
  name: string,
  after: readonly string[] = [],
  when: TriggerRule = 'allSucceeded',
  allowFailure = false,
) => ({
  name,
  after,
  when,
  allowFailure,
});

/** Runs the graph with the outcome of each step that is run, in the order of the decisions. */
function play(steps: readonly ReturnType<typeof step>[], outcomes: Record<string, StepOutcome['kind']> = {}) {
  const graph = new GraphDecisions(steps);
  const ended: Record<string, unknown> = {};
  const queue: StepDecision[] = graph.begin();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name } = steps[next.index]!;
    if (next.kind === 'skip') ended[name] = next.reason;
    else {
      const kind = outcomes[name] ?? 'completed';
      ended[name] = kind;
      const outcome: StepOutcome = kind === 'skipped' ? { kind, reason: { kind: 'condition' } } : { kind };
      queue.push(...graph.settle(next.index, outcome));
    }
  }
  return ended;
}

describe('graph decisions', () => {
  it('ST-102: names the origin of a skip, through any number of steps', () => {
    const steps = [step('a'), step('b', ['a']), step('c', ['b']), step('d')];
    const reason = { kind: 'upstreamFailed', step: 'a' };
    expect(play(steps, { a: 'failed' })).toEqual({ a: 'failed', b: reason, c: reason, d: 'completed' });
    const skipped = { kind: 'upstreamSkipped', step: 'a' };
    expect(play(steps, { a: 'skipped' })).toMatchObject({ b: skipped, c: skipped });
  });

  it('ST-102: keeps the table of triggers', () => {
    const run = (when: TriggerRule, a: StepOutcome['kind'], b: StepOutcome['kind']) =>
      play([step('a'), step('b'), step('x', ['a', 'b'], when)], { a, b })['x'] === 'completed';
    expect(run('noneFailed', 'completed', 'skipped')).toBe(true);
    expect(run('noneFailed', 'skipped', 'skipped')).toBe(false);
    expect(run('noneFailed', 'completed', 'failed')).toBe(false);
    expect(run('anyFailed', 'completed', 'failed')).toBe(true);
    expect(run('anyFailed', 'completed', 'skipped')).toBe(false);
    expect(run('allDone', 'failed', 'skipped')).toBe(true);
    expect(run('allSucceeded', 'completed', 'skipped')).toBe(false);
  });

  it('ST-4: counts an allowed failure as completed', () => {
    expect(play([step('a', [], 'allSucceeded', true), step('b', ['a'])], { a: 'failed' })).toMatchObject({
      b: 'completed',
    });
  });

  it('ST-101: decides nothing behind a stopped step', () => {
    expect(play([step('a'), step('b', ['a'], 'allDone')], { a: 'stopped' })).toEqual({ a: 'stopped' });
  });

  it('ST-109: decides 5 000 steps', () => {
    const steps = Array.from({ length: 5000 }, (_, index) => step(`s${index}`, index === 0 ? [] : [`s${index - 1}`]));
    expect(Object.keys(play(steps))).toHaveLength(5000);
    expect(Object.values(play(steps, { s0: 'failed' })).slice(1)).toEqual(
      Array(4999).fill({ kind: 'upstreamFailed', step: 's0' }),
    );
  });

  it('ST-105: a skip behind reused steps decides what waits for it, before anything has run', () => {
    const steps = [step('done'), step('cleanup', ['done'], 'anyFailed'), step('last', ['cleanup'], 'allDone')];
    const graph = new GraphDecisions(steps);
    graph.reuse(0, { kind: 'completed' });
    expect(graph.begin()).toEqual([
      { kind: 'skip', index: 1, reason: { kind: 'condition' } },
      { kind: 'run', index: 2 },
    ]);
    expect(graph.settle(2, { kind: 'completed' })).toEqual([]);
  });
});
