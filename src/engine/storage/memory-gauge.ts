import { estimateBytes } from '../../data/columnar/size-estimate.ts';

const SAMPLED = 48;
/** What the hash table, the arrays and the garbage around them cost for a group, beside its key and state. */
const BYTES_PER_GROUP = 64;
/** An array of one value; the second one that is pushed makes room for 17. */
const BYTES_PER_LIST = 56;
const BYTES_PER_GROWN_LIST = 48 + 17 * 8;

/**
 * About how much memory a table of groups holds: an even sample of its groups stands for all, and the values that were added to lists
 * are counted as they come in, since one long list may hide between the sampled ones.
 */
export class GroupGauge {
  readonly #listsPerGroup: number;
  #listed = 0;
  #listedBytes = 0;

  /** @param listsPerGroup lists of values that a state consists of, counted by {@link addListed}; 0 when it is none */
  constructor(listsPerGroup: number) {
    this.#listsPerGroup = listsPerGroup;
  }

  /** A batch of values went into the groups. */
  addListed(values: readonly unknown[]): void {
    if (this.#listsPerGroup === 0) return;
    this.#listed += values.length;
    this.#listedBytes += batchBytes(values);
  }

  bytes(keyAt: (slot: number) => unknown, states: readonly unknown[]): number {
    const groups = states.length;
    if (groups === 0) return 0;
    const step = Math.max(1, Math.floor(groups / SAMPLED));
    let bytes = 0;
    let sampled = 0;
    for (let slot = 0; slot < groups; slot += step) {
      bytes += estimateBytes(keyAt(slot)) + (this.#listsPerGroup > 0 ? 0 : estimateBytes(states[slot]));
      sampled++;
    }
    const lists = groups * this.#listsPerGroup;
    const listBytes = lists * (this.#listed > lists ? BYTES_PER_GROWN_LIST : BYTES_PER_LIST);
    return groups * (bytes / sampled + BYTES_PER_GROUP) + listBytes + this.#listedBytes;
  }

  reset(): void {
    this.#listed = 0;
    this.#listedBytes = 0;
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
