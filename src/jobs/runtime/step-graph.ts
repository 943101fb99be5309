import type { SkipReason } from '../definition/job-execution.ts';
import type { TriggerRule } from '../definition/step-definition.ts';

// What to run next: no store, no clock, no promises (ST-100 to 109).

export interface GraphStep {
  readonly name: string;
  readonly after: readonly string[];
  readonly when: TriggerRule;
  readonly allowFailure: boolean;
}

/** How a step ended in this execution. A stopped one leaves what waits for it undecided. */
export type StepOutcome =
  | { readonly kind: 'completed' | 'failed' | 'stopped' }
  | { readonly kind: 'skipped'; readonly reason: SkipReason };

/** What to do with a step, once all it waits for has ended. */
export type StepDecision =
  | { readonly kind: 'run' | 'reuse'; readonly position: number }
  | { readonly kind: 'skip'; readonly position: number; readonly reason: SkipReason };

/**
 * A graph in the course of one execution.
 *
 * Invariant: `waiting[i]` is the number of upstreams of step i without a final outcome. Kept by {@link settleStep}.
 */
export interface StepGraph {
  readonly steps: readonly GraphStep[];
  readonly upstreams: readonly (readonly number[])[];
  readonly downstreams: readonly (readonly number[])[];
  readonly waiting: number[];
  readonly outcomes: (StepOutcome | undefined)[];
  /** Completed by an earlier execution: not run again, whatever its upstreams do now. */
  readonly isReusable: (position: number) => boolean;
}

/** Steps by position; every name in `after` is one of them, and there is no cycle (checked when the job was defined). */
export function stepGraph(steps: readonly GraphStep[], isReusable: (position: number) => boolean): StepGraph {
  const positions = new Map(steps.map(({ name }, position) => [name, position]));
  const upstreams = steps.map(({ after }) => after.map((name) => positions.get(name) ?? -1));
  const downstreams: number[][] = steps.map(() => []);
  for (const [position, ups] of upstreams.entries()) for (const up of ups) downstreams[up]?.push(position);
  return {
    steps,
    upstreams,
    downstreams,
    waiting: upstreams.map((ups) => ups.length),
    outcomes: steps.map(() => undefined),
    isReusable,
  };
}

/** The decisions on the steps that wait for nothing, and on what follows from them. */
export function firstDecisions(graph: StepGraph): readonly StepDecision[] {
  const ready = graph.steps.map((_, position) => position).filter((position) => graph.waiting[position] === 0);
  return decideAll(graph, ready);
}

/** Takes the outcome of a step that was run; returns what is decided by it, in the order in which it came to be. */
export function settleStep(graph: StepGraph, position: number, outcome: StepOutcome): readonly StepDecision[] {
  return decideAll(graph, record(graph, position, outcome));
}

/** Steps that nothing has been decided about, for something before them was stopped. */
export function hasUndecided(graph: StepGraph): boolean {
  return graph.outcomes.includes(undefined);
}

/** ST-4, over all steps of the job. `wasStopped`: steps may be missing because of a stop. */
export function jobOutcome(graph: StepGraph): {
  readonly status: 'COMPLETED' | 'FAILED' | 'STOPPED';
  readonly isDegraded: boolean;
} {
  let [hasFailed, isDegraded, isStopped] = [false, false, false];
  for (const [position, outcome] of graph.outcomes.entries()) {
    if (outcome === undefined || outcome.kind === 'stopped') isStopped = true;
    else if (outcome.kind === 'failed' && graph.steps[position]?.allowFailure) isDegraded = true;
    else if (outcome.kind === 'failed') hasFailed = true;
  }
  return { status: hasFailed ? 'FAILED' : isStopped ? 'STOPPED' : 'COMPLETED', isDegraded };
}

/** Decides steps, and at once those that follow from a step that is skipped or reused. Iterative: chains may be long. */
function decideAll(graph: StepGraph, ready: readonly number[]): readonly StepDecision[] {
  const queue = [...ready];
  const decisions: StepDecision[] = [];
  for (let next = 0; next < queue.length; next++) {
    const decision = decide(graph, queue[next] as number);
    decisions.push(decision);
    if (decision.kind === 'run') continue;
    const outcome: StepOutcome =
      decision.kind === 'skip' ? { kind: 'skipped', reason: decision.reason } : { kind: 'completed' };
    queue.push(...record(graph, decision.position, outcome));
  }
  return decisions;
}

/** @returns the steps that wait for nothing more */
function record(graph: StepGraph, position: number, outcome: StepOutcome): number[] {
  graph.outcomes[position] = outcome;
  const ready: number[] = [];
  if (outcome.kind === 'stopped') return ready;
  for (const down of graph.downstreams[position] ?? []) {
    const left = (graph.waiting[down] ?? 0) - 1;
    graph.waiting[down] = left;
    if (left === 0) ready.push(down);
  }
  return ready;
}

function decide(graph: StepGraph, position: number): StepDecision {
  if (graph.isReusable(position)) return { kind: 'reuse', position };
  const upstreams = graph.upstreams[position] ?? [];
  const when = graph.steps[position]?.when ?? 'allSucceeded';
  let [completed, failed] = [0, 0];
  for (const up of upstreams) {
    const verdict = verdictOn(graph, up);
    if (verdict === 'completed') completed += 1;
    else if (verdict === 'failed') failed += 1;
  }
  const runs = {
    allSucceeded: completed === upstreams.length,
    noneFailed: failed === 0 && (completed > 0 || upstreams.length === 0),
    anyFailed: failed > 0,
    allDone: true,
  }[when];
  return runs ? { kind: 'run', position } : { kind: 'skip', position, reason: reasonFor(graph, upstreams) };
}

/** A step as the rules of those behind it see it: skipped by a failure counts as failed, an allowed failure does not. */
function verdictOn(graph: StepGraph, position: number): 'completed' | 'failed' | 'skipped' {
  const outcome = graph.outcomes[position];
  if (outcome?.kind === 'skipped') return outcome.reason.kind === 'upstreamFailed' ? 'failed' : 'skipped';
  return outcome?.kind === 'failed' && graph.steps[position]?.allowFailure !== true ? 'failed' : 'completed';
}

/** The origin: the first upstream that failed, or what failed before it; else the first that was skipped. */
function reasonFor(graph: StepGraph, upstreams: readonly number[]): SkipReason {
  for (const kind of ['failed', 'skipped'] as const) {
    const up = upstreams.find((position) => verdictOn(graph, position) === kind);
    if (up === undefined) continue;
    const outcome = graph.outcomes[up];
    if (outcome?.kind === 'skipped' && outcome.reason.kind !== 'condition') return outcome.reason;
    const step = graph.steps[up]?.name ?? '';
    return { kind: kind === 'failed' ? 'upstreamFailed' : 'upstreamSkipped', step };
  }
  return { kind: 'condition' };
}
