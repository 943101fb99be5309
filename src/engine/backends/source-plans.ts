import { MillraceError } from '../../base/errors.ts';
import type { FileSystems } from '../../data/io/file-systems.ts';
import { listingChange } from '../../data/io/input-files.ts';
import { planSource } from '../../data/io/source.ts';
import type { SourcePlan } from '../../data/io/source-spec.ts';
import { describeUri } from '../../data/io/uri.ts';
import type { NodeOf } from '../../plan/lineage/node.ts';

/** Files that came to a source, or went, after it was listed. */
export interface SourceChange {
  readonly node: NodeOf<'source'>;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The files of each source, listed and cut into splits once: every action on it sees the same ones. */
export class SourcePlans {
  readonly #fileSystems: () => FileSystems;
  readonly #plans = new WeakMap<NodeOf<'source'>, SourcePlan>();
  /** Planned, and not compared with what is there since. */
  readonly #fresh = new Set<NodeOf<'source'>>();

  constructor(fileSystems: () => FileSystems) {
    this.#fileSystems = fileSystems;
  }

  of(node: NodeOf<'source'>): SourcePlan {
    let plan = this.#plans.get(node);
    if (plan === undefined) {
      const { source, minPartitions, partitions } = node;
      plan = planSource(source, { ...partitions, minPartitions, fileSystems: this.#fileSystems() });
      this.#plans.set(node, plan);
      this.#fresh.add(node);
    }
    return plan;
  }

  /**
   * Lists the sources that were planned since the last call once more: what came while they were read is not in the result, and what
   * changed was an error of its task.
   */
  takeChanges(): readonly SourceChange[] {
    const changes = [...this.#fresh].flatMap((node): SourceChange[] => {
      const plan = this.#plans.get(node);
      if (plan === undefined) return [];
      try {
        const change = listingChange(node.source.paths, plan.files, this.#fileSystems());
        return change.added.length + change.removed.length === 0 ? [] : [{ node, ...change }];
      } catch (error) {
        // All of them have gone, or cannot be listed any more; they have been read.
        if (!(error instanceof MillraceError)) throw error;
        return [{ node, added: [], removed: plan.files.map(describeUri) }];
      }
    });
    this.#fresh.clear();
    return changes;
  }
}
