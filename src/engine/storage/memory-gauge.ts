import { estimateBytes } from '../../data/columnar/size-estimate.ts';

const SAMPLED = 48;
/** What the hash table, the arrays and the garbage around them cost for a group, beside its key and state. */
const BYTES_PER_GROUP = 64;

/**
 * About how much memory a table of groups holds: an even sample of its groups stands for all, and the values that were added to lists
 * are counted as they come in, since one long list may hide between the sampled ones.
 */
export class GroupGauge {
  readonly #areLists: boolean;
  readonly #bytesPerGroup: number;
  #listed = 0;

  /**
   * @param areLists states are lists of values, which {@link addListed} counts
   * @param bytesPerState what such a state costs beside its values
   */
  constructor(areLists: boolean, bytesPerState = 0) {
    this.#areLists = areLists;
    this.#bytesPerGroup = BYTES_PER_GROUP + bytesPerState;
  }

  /** A batch of values went into the groups. */
  addListed(values: readonly unknown[]): void {
    if (this.#areLists) this.#listed += batchBytes(values);
  }

  bytes(keyAt: (slot: number) => unknown, states: readonly unknown[]): number {
    const groups = states.length;
    if (groups === 0) return 0;
    const step = Math.max(1, Math.floor(groups / SAMPLED));
    let bytes = 0;
    let sampled = 0;
    for (let slot = 0; slot < groups; slot += step) {
      bytes += estimateBytes(keyAt(slot)) + (this.#areLists ? 0 : estimateBytes(states[slot]));
      sampled++;
    }
    return groups * (bytes / sampled + this.#bytesPerGroup) + this.#listed;
  }

  reset(): void {
    this.#listed = 0;
  }
}

/** About how much memory the rows of a batch hold, by a sample. */
export function batchBytes(rows: readonly unknown[]): number {
  const step = Math.max(1, Math.floor(rows.length / SAMPLED));
  let bytes = 0;
  let sampled = 0;
  for (let at = 0; at < rows.length; at += step) {
    bytes += estimateBytes(rows[at]);
    sampled++;
  }
  return sampled === 0 ? 0 : (rows.length * bytes) / sampled;
}
