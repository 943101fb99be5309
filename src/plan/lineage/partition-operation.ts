/**
 * What millrace itself does to the rows of one partition: plain data, carried out by `engine/executor/partition-operations.ts`.
 *
 * Whatever is random depends on the seed, the partition's index and the order of its rows, so that every computation of a partition
 * takes the same rows.
 */
export type PartitionOperation =
  /** Each row with probability `fraction`, or `fraction` times on average when `withReplacement`. */
  | { readonly kind: 'sample'; readonly withReplacement: boolean; readonly fraction: number; readonly seed: number }
  /** Each row whose random number in [0, 1) is in [from, to): pieces of a split share the seed, so each row is in one of them. */
  | { readonly kind: 'split'; readonly from: number; readonly to: number; readonly seed: number }
  /** As sample, with a fraction for each key. */
  | {
      readonly kind: 'sampleByKey';
      readonly withReplacement: boolean;
      readonly fractions: readonly (readonly [key: unknown, fraction: number])[];
      readonly seed: number;
    }
  /** `[row, index]`: indexes go on where those of the partition before end. */
  | { readonly kind: 'index' }
  /** `[row, id]`: ids k, n + k, 2n + k ... in partition k of n. */
  | { readonly kind: 'uniqueId' }
  /** The pairs whose key is from `lower` to `upper`, both included. */
  | { readonly kind: 'keyRange'; readonly lower: unknown; readonly upper: unknown }
  /** One sketch of all rows, or `[key, sketch of its values]`: see `data/columnar/distinct-sketch.ts`. */
  | { readonly kind: 'sketch'; readonly precision: number; readonly of: 'rows' | 'values' };
