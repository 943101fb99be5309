import { planSource } from '../../data/io/source.ts';
import type { SourcePlan } from '../../data/io/source-spec.ts';
import type { NodeOf } from '../../plan/lineage/node.ts';

/** The files of each source, listed and cut into splits once: every action on it sees the same ones. */
export class SourcePlans {
  readonly #plans = new WeakMap<NodeOf<'source'>, SourcePlan>();

  of(node: NodeOf<'source'>): SourcePlan {
    let plan = this.#plans.get(node);
    if (plan === undefined) {
      plan = planSource(node.source, { minPartitions: node.minPartitions });
      this.#plans.set(node, plan);
    }
    return plan;
  }
}
