import type { FileSystems } from '../../data/io/file-systems.ts';
import { planSource } from '../../data/io/source.ts';
import type { SourcePlan } from '../../data/io/source-spec.ts';
import type { NodeOf } from '../../plan/lineage/node.ts';

/** The files of each source, listed and cut into splits once: every action on it sees the same ones. */
export class SourcePlans {
  readonly #fileSystems: () => FileSystems;
  readonly #plans = new WeakMap<NodeOf<'source'>, SourcePlan>();

  constructor(fileSystems: () => FileSystems) {
    this.#fileSystems = fileSystems;
  }

  of(node: NodeOf<'source'>): SourcePlan {
    let plan = this.#plans.get(node);
    if (plan === undefined) {
      const { source, minPartitions, partitions } = node;
      plan = planSource(source, { ...partitions, minPartitions, fileSystems: this.#fileSystems() });
      this.#plans.set(node, plan);
    }
    return plan;
  }
}
