import type { SkipReason } from '../definition/job-execution.ts';
import type { TriggerRule } from '../definition/step-definition.ts';

/** A step as the graph sees it. */
export interface GraphStep {
  readonly name: string;
  readonly after: readonly string[];
  readonly when: TriggerRule;
  readonly allowFailure: boolean;
}

/** How a step ended. STOPPED is no end: what waits for it is not decided. */
export type StepOutcome =
  | { readonly kind: 'completed' | 'failed' | 'stopped' }
  | { readonly kind: 'skipped'; readonly reason: SkipReason };

/** What to do with a step whose upstreams are all final. */
export type StepDecision =
  | { readonly kind: 'run'; readonly index: number }
  | { readonly kind: 'skip'; readonly index: number; readonly reason: SkipReason };

/**
 * What to run next (ST-101 to 105). No clock, no database; each edge is looked at once when its step is decided.
 *
 * `settle` tells how a step ended and returns what that decides; steps that are skipped settle at once, and what waits
 * for them is decided in the same call.
 */
export class GraphDecisions {
  readonly #steps: readonly GraphStep[];
  readonly #upstreams: readonly (readonly number[])[];
  readonly #downstreams: readonly number[][];
  readonly #open: number[];
  readonly #outcomes: (StepOutcome | undefined)[];

  constructor(steps: readonly GraphStep[]) {
    const indexOf = new Map(steps.map(({ name }, index) => [name, index]));
    this.#steps = steps;
    this.#upstreams = steps.map(({ after }) =>
      after.map((name) => indexOf.get(name)).filter((index): index is number => index !== undefined),
    );
    this.#downstreams = steps.map(() => []);
    for (const [index, upstreams] of this.#upstreams.entries()) {
      for (const upstream of upstreams) this.#downstreams[upstream]?.push(index);
    }
    this.#open = this.#upstreams.map(({ length }) => length);
    this.#outcomes = steps.map(() => undefined);
  }

  outcome(index: number): StepOutcome | undefined {
    return this.#outcomes[index];
  }

  upstreams(index: number): readonly number[] {
    return this.#upstreams[index] ?? [];
  }

  /** The steps that wait for none, or for reused ones only, and what their skips decide. */
  begin(): StepDecision[] {
    const decided: StepDecision[] = [];
    // Beforehand: a skip may open steps further on, which it then decides itself.
    const waiting = [...this.#open.keys()].filter((index) => this.#open[index] === 0);
    for (const index of waiting) if (this.#outcomes[index] === undefined) this.#decide(index, decided);
    return decided;
  }

  /** A step that was final before the graph began: reused. Call for all of them, then {@link begin}. */
  reuse(index: number, outcome: StepOutcome): void {
    this.#outcomes[index] = outcome;
    for (const downstream of this.#downstreams[index] ?? []) this.#open[downstream] = (this.#open[downstream] ?? 0) - 1;
  }

  /** How a step ended. @returns what that decides */
  settle(index: number, outcome: StepOutcome): StepDecision[] {
    const decided: StepDecision[] = [];
    this.#settle(index, outcome, decided);
    return decided;
  }

  #settle(index: number, outcome: StepOutcome, decided: StepDecision[]): void {
    const settled: [number, StepOutcome][] = [[index, outcome]];
    for (let next = settled.pop(); next !== undefined; next = settled.pop()) {
      const [at, how] = next;
      this.#outcomes[at] = how;
      if (how.kind === 'stopped') continue;
      for (const downstream of this.#downstreams[at] ?? []) {
        const open = (this.#open[downstream] ?? 0) - 1;
        this.#open[downstream] = open;
        if (open > 0 || this.#outcomes[downstream] !== undefined) continue;
        const decision = this.#decision(downstream);
        decided.push(decision);
        if (decision.kind === 'skip') settled.push([downstream, { kind: 'skipped', reason: decision.reason }]);
      }
    }
  }

  /** Decides a step whose upstreams are final; a skip settles it at once. */
  #decide(index: number, decided: StepDecision[]): void {
    const decision = this.#decision(index);
    decided.push(decision);
    if (decision.kind === 'skip') this.#settle(index, { kind: 'skipped', reason: decision.reason }, decided);
  }

  #decision(index: number): StepDecision {
    const reason = this.#reasonToSkip(index);
    return reason === undefined ? { kind: 'run', index } : { kind: 'skip', index, reason };
  }

  #reasonToSkip(index: number): SkipReason | undefined {
    const when = this.#steps[index]?.when ?? 'allSucceeded';
    if (when === 'allDone') return undefined;
    let failure: SkipReason | undefined;
    let skip: SkipReason | undefined;
    let completed = 0;
    const upstreams = this.upstreams(index);
    for (const upstream of upstreams) {
      const outcome = this.#outcomes[upstream];
      const step = this.#steps[upstream];
      if (outcome === undefined || step === undefined) continue;
      if (outcome.kind === 'completed' || (outcome.kind === 'failed' && step.allowFailure)) completed += 1;
      else if (outcome.kind === 'failed') failure ??= { kind: 'upstreamFailed', step: step.name };
      else if (outcome.kind === 'skipped') {
        const { reason } = outcome;
        if (reason.kind === 'upstreamFailed') failure ??= reason;
        else skip ??= reason.kind === 'upstreamSkipped' ? reason : { kind: 'upstreamSkipped', step: step.name };
      }
    }
    switch (when) {
      case 'allSucceeded':
        return failure ?? skip;
      case 'noneFailed':
        return failure ?? (completed > 0 || upstreams.length === 0 ? undefined : skip);
      case 'anyFailed':
        return failure === undefined ? { kind: 'condition' } : undefined;
    }
  }
}
