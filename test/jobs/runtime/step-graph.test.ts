import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SkipReason } from '../../../src/jobs/definition/job-execution.ts';
import {
  firstDecisions,
  type GraphStep,
  jobOutcome,
  type StepDecision,
  type StepOutcome,
  settleStep,
  stepGraph,
} from '../../../src/jobs/runtime/step-graph.ts';

type Ending = 'completed' | 'failed' | 'condition';
const never = (): boolean => false;

const step = (name: string, after: readonly string[], rest: Partial<GraphStep> = {}): GraphStep => ({
  name,
  after,
  when: 'allSucceeded',
  allowFailure: false,
  ...rest,
});

/** Plays a graph: each run step ends as told, in an order that `pick` chooses. */
function play(
  steps: readonly GraphStep[],
  endings: Readonly<Record<string, Ending>>,
  pick: (count: number) => number = () => 0,
  isReusable: (position: number) => boolean = never,
): { readonly outcomes: Record<string, string>; readonly status: string; readonly begun: string[] } {
  const graph = stepGraph(steps, isReusable);
  const running: number[] = [];
  const begun: string[] = [];
  const take = (decisions: readonly StepDecision[]): void => {
    for (const { kind, position } of decisions) {
      if (kind !== 'run') continue;
      running.push(position);
      begun.push(steps[position]!.name);
    }
  };
  take(firstDecisions(graph));
  while (running.length > 0) {
    const [position] = running.splice(pick(running.length), 1);
    const ending = endings[steps[position!]!.name] ?? 'completed';
    take(settleStep(graph, position!, outcomeOf(ending)));
  }
  return {
    outcomes: Object.fromEntries(steps.map(({ name }, position) => [name, textOf(graph.outcomes[position])])),
    status: jobOutcome(graph).status,
    begun,
  };
}

const outcomeOf = (ending: Ending): StepOutcome =>
  ending === 'condition' ? { kind: 'skipped', reason: { kind: 'condition' } } : { kind: ending };
const textOf = (outcome: StepOutcome | undefined): string =>
  outcome?.kind === 'skipped' ? reasonText(outcome.reason) : (outcome?.kind ?? 'undecided');
const reasonText = (reason: SkipReason): string =>
  reason.kind === 'condition' ? 'condition' : `${reason.kind} ${reason.step}`;

describe('step graph', () => {
  it('ST-102: skips what is behind a failure and names its origin, and runs what is not', () => {
    const steps = [step('a', []), step('b', ['a']), step('c', ['b']), step('d', [])];
    expect(play(steps, { a: 'failed' })).toMatchObject({
      outcomes: { a: 'failed', b: 'upstreamFailed a', c: 'upstreamFailed a', d: 'completed' },
      status: 'FAILED',
    });
    expect(play(steps, { a: 'condition' }).outcomes).toEqual({
      a: 'condition',
      b: 'upstreamSkipped a',
      c: 'upstreamSkipped a',
      d: 'completed',
    });
  });

  it('ST-102: obeys each rule for each ending of two upstreams', () => {
    const endings: readonly Ending[] = ['completed', 'failed', 'condition'];
    const table = Object.fromEntries(
      (['allSucceeded', 'noneFailed', 'anyFailed', 'allDone'] as const).map((when) => [
        when,
        endings.flatMap((a) =>
          endings.map(
            (b) => play([step('a', []), step('b', []), step('c', ['a', 'b'], { when })], { a, b }).outcomes['c'],
          ),
        ),
      ]),
    );
    const [done, behindA, behindB] = ['completed', 'upstreamFailed a', 'upstreamFailed b'];
    expect(table).toEqual({
      allSucceeded: [
        done,
        behindB,
        'upstreamSkipped b',
        behindA,
        behindA,
        behindA,
        'upstreamSkipped a',
        behindB,
        'upstreamSkipped a',
      ],
      noneFailed: [done, behindB, done, behindA, behindA, behindA, done, behindB, 'upstreamSkipped a'],
      anyFailed: [
        'condition',
        done,
        'upstreamSkipped b',
        done,
        done,
        done,
        'upstreamSkipped a',
        done,
        'upstreamSkipped a',
      ],
      allDone: Array(9).fill(done),
    });
  });

  it('runs the graph of seven: A fails, B and C complete, D to G are skipped', () => {
    const steps = [
      step('A', []),
      step('B', []),
      step('C', []),
      step('D', ['A', 'B']),
      step('E', ['C', 'D']),
      step('F', ['E']),
      step('G', ['F']),
    ];
    expect(play(steps, { A: 'failed' }).outcomes).toEqual({
      A: 'failed',
      B: 'completed',
      C: 'completed',
      ...Object.fromEntries(['D', 'E', 'F', 'G'].map((name) => [name, 'upstreamFailed A'])),
    });
  });

  it('ST-4: an allowed failure counts as completed behind it and degrades the job', () => {
    const steps = [step('a', [], { allowFailure: true }), step('b', ['a']), step('c', ['a'], { when: 'anyFailed' })];
    const graph = stepGraph(steps, never);
    firstDecisions(graph);
    settleStep(graph, 0, { kind: 'failed' });
    settleStep(graph, 1, { kind: 'completed' });
    expect(graph.outcomes.map(textOf)).toEqual(['failed', 'completed', 'condition']);
    expect(jobOutcome(graph)).toEqual({ status: 'COMPLETED', isDegraded: true });
  });

  it('ST-4: a stopped step leaves those behind it undecided, and a failure weighs more than a stop', () => {
    const steps = [step('a', []), step('b', ['a'], { when: 'allDone' }), step('c', [])];
    const graph = stepGraph(steps, never);
    firstDecisions(graph);
    expect(settleStep(graph, 0, { kind: 'stopped' })).toEqual([]);
    settleStep(graph, 2, { kind: 'completed' });
    expect(jobOutcome(graph).status).toBe('STOPPED');
    settleStep(graph, 2, { kind: 'failed' });
    expect(jobOutcome(graph).status).toBe('FAILED');
  });

  it('ST-16: reuses a completed step even behind one that fails now', () => {
    const steps = [step('a', []), step('b', ['a']), step('c', ['b'])];
    const played = play(
      steps,
      { a: 'failed' },
      () => 0,
      (position) => position === 1,
    );
    expect(played.outcomes).toEqual({ a: 'failed', b: 'completed', c: 'completed' });
    expect(played.begun).toEqual(['a', 'c']);
  });

  const graphs = fc.integer({ min: 1, max: 12 }).chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, position) =>
        fc.record({
          after: fc.subarray(Array.from({ length: position }, (__, up) => `s${up}`)),
          when: fc.constantFrom(
            'allSucceeded' as const,
            'noneFailed' as const,
            'anyFailed' as const,
            'allDone' as const,
          ),
          allowFailure: fc.boolean(),
          ending: fc.constantFrom('completed' as const, 'failed' as const, 'condition' as const),
        }),
      ),
    ),
  );

  it('ST-104: random graphs end as a naive reading of ST-102 says, in whatever order their steps end', () => {
    fc.assert(
      fc.property(graphs, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), (nodes, picks) => {
        const steps = nodes.map(({ after, when, allowFailure }, at) =>
          step(`s${at}`, after, { when: when === 'anyFailed' && after.length === 0 ? 'allDone' : when, allowFailure }),
        );
        const endings = Object.fromEntries(nodes.map(({ ending }, at) => [`s${at}`, ending]));
        let turn = 0;
        const { outcomes } = play(steps, endings, (count) => picks[turn++ % 12]! % count);
        expect(outcomes).toEqual(naive(steps, endings));
      }),
    );
  });

  it('ST-101: begins a step only when everything before it has ended', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const steps = nodes.map(({ after }, at) => step(`s${at}`, after, { when: 'allDone' }));
        const graph = stepGraph(steps, never);
        const queue = [...firstDecisions(graph)];
        for (let next = 0; next < queue.length; next++) {
          const { position } = queue[next]!;
          expect(graph.upstreams[position]!.every((up) => graph.outcomes[up] !== undefined)).toBe(true);
          queue.push(...settleStep(graph, position, { kind: 'completed' }));
        }
        expect(queue).toHaveLength(steps.length);
      }),
    );
  });

  it('ST-109: decides on 5 000 steps in a chain that is skipped, without recursion', () => {
    const steps = Array.from({ length: 5000 }, (_, at) => step(`s${at}`, at === 0 ? [] : [`s${at - 1}`]));
    const { outcomes } = play(steps, { s0: 'failed' });
    expect(outcomes['s4999']).toBe('upstreamFailed s0');
  });
});

/** ST-102 read aloud, step after step in the order of definition. */
function naive(steps: readonly GraphStep[], endings: Readonly<Record<string, Ending>>): Record<string, string> {
  const ended: Record<string, string> = {};
  const allowed = new Set(steps.filter(({ allowFailure }) => allowFailure).map(({ name }) => name));
  for (const { name, after, when } of steps) {
    const isFailed = (up: string): boolean =>
      (ended[up] === 'failed' && !allowed.has(up)) || ended[up]!.startsWith('upstreamFailed');
    const isCompleted = (up: string): boolean =>
      ended[up] === 'completed' || (ended[up] === 'failed' && allowed.has(up));
    const failed = after.filter(isFailed);
    const completed = after.filter(isCompleted);
    const runs =
      when === 'allDone' ||
      (when === 'allSucceeded' && completed.length === after.length) ||
      (when === 'anyFailed' && failed.length > 0) ||
      (when === 'noneFailed' && failed.length === 0 && (after.length === 0 || completed.length > 0));
    if (runs) {
      ended[name] = endings[name]!;
      continue;
    }
    const skipped = after.find((up) => !isFailed(up) && !isCompleted(up));
    const [origin] = failed;
    if (origin !== undefined) ended[name] = ended[origin] === 'failed' ? `upstreamFailed ${origin}` : ended[origin]!;
    else if (skipped === undefined) ended[name] = 'condition';
    else ended[name] = ended[skipped] === 'condition' ? `upstreamSkipped ${skipped}` : ended[skipped]!;
  }
  return ended;
}
