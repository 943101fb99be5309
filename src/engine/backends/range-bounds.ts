import { compareValues } from '../../data/columnar/ordering.ts';
import { decodeBatch } from '../../data/columnar/row-codec.ts';
import type { RangePartitioner } from '../../plan/lineage/partitioner.ts';
import type { TaskValue } from '../protocol/task.ts';

const SAMPLED_PER_PARTITION = 20;
const MAX_SAMPLE = 1e6;

/** Keys to sample in each of `numTasks` tasks for a partitioner: three times what would do if rows were spread evenly. */
export function sampleSize(numPartitions: number, numTasks: number): number {
  return Math.ceil((3 * Math.min(SAMPLED_PER_PARTITION * numPartitions, MAX_SAMPLE)) / Math.max(1, numTasks));
}

/** The bounds of range partitioners, as given or as sampled. */
export class RangeBounds {
  readonly #bounds = new WeakMap<RangePartitioner, readonly unknown[]>();

  of(partitioner: RangePartitioner): readonly unknown[] | undefined {
    return partitioner.bounds ?? this.#bounds.get(partitioner);
  }

  set(partitioner: RangePartitioner, samples: readonly TaskValue[]): void {
    this.#bounds.set(partitioner, boundsOf(samples, partitioner.numPartitions));
  }
}

/**
 * Upper bounds that cut the sampled rows into ranges of near-equal weight; a sampled key weighs as many rows as it stands for.
 *
 * @see Spark's RangePartitioner.determineBounds
 */
function boundsOf(samples: readonly TaskValue[], numPartitions: number): readonly unknown[] {
  const weighted: { key: unknown; weight: number }[] = [];
  for (const sample of samples) {
    if (sample.kind !== 'sample') continue;
    const keys = decodeBatch(sample.keys);
    for (const key of keys) weighted.push({ key, weight: sample.rows / keys.length });
  }
  weighted.sort((a, b) => compareValues(a.key, b.key));
  const step = weighted.reduce((sum, { weight }) => sum + weight, 0) / numPartitions;
  const bounds: unknown[] = [];
  let seen = 0;
  for (const { key, weight } of weighted) {
    seen += weight;
    if (bounds.length === numPartitions - 1) break;
    if (seen < step * (bounds.length + 1)) continue;
    if (bounds.length === 0 || compareValues(key, bounds[bounds.length - 1]) > 0) bounds.push(key);
  }
  return bounds;
}
