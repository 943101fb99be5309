import type { RddNode } from '../plan/lineage/node.ts';
import { PairPartitioning } from './pair-partitioning.ts';

/**
 * A resilient distributed dataset: rows in partitions, described by how they are computed. Transformations return a new RDD and run
 * nothing; actions run the lineage on the worker threads. What was lost is computed again.
 *
 * The methods stand, by kind, in the classes it extends: actions, transformations, operations on pairs.
 *
 * @see Zaharia et al., Resilient Distributed Datasets, NSDI 2012
 */
export class RDD<T> extends PairPartitioning<T> {
  protected override derived<U>(node: RddNode): RDD<U> {
    return new RDD<U>(node, this.runner);
  }

  protected override self(): RDD<T> {
    return this;
  }
}
