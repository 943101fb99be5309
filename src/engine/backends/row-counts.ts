import type { RddNode } from '../../plan/lineage/node.ts';

/** What zipWithIndex needs to know: the rows in the partitions before each, counted once an RDD. */
export class RowCounts {
  readonly #before = new WeakMap<RddNode, readonly number[]>();

  has(node: RddNode): boolean {
    return this.#before.has(node);
  }

  /** One number a partition; without counts there is one partition only. */
  before(node: RddNode): readonly number[] {
    return this.#before.get(node) ?? [0];
  }

  /** @param counts rows of each partition but the last */
  set(node: RddNode, counts: readonly number[]): void {
    const before = [0];
    let sum = 0;
    for (const count of counts) {
      sum += count;
      before.push(sum);
    }
    this.#before.set(node, before);
  }
}
