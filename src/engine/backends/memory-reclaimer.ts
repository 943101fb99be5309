import { collectGarbage } from '../../base/collect-garbage.ts';

/** Growth, as a share of the storage budget, after which lineages that nobody holds any more are looked for. */
const GROWTH_SHARE = 0.125;
const MAX_GROWTH = 256 * 2 ** 20;
const NOTABLE_RELEASE = 32 * 2 ** 20;

/**
 * Sees to it that shared memory nobody needs goes back to the system. On the driver, dropped RDDs are noticed only by the collector,
 * which shared memory does not wake; in the workers, the same holds for blocks they have read.
 */
export class MemoryReclaimer {
  readonly #growth: number;
  #usedAfterCollection = 0;
  #highest = 0;
  #generation = 0;

  constructor(storageBytes: number) {
    this.#growth = Math.min(storageBytes * GROWTH_SHARE, MAX_GROWTH);
  }

  /** Collects on the driver when storage has grown much since the last time. What is found to be unused is freed a turn later. */
  beforeAction(usedBytes: number): void {
    if (usedBytes - this.#usedAfterCollection < this.#growth) {
      this.#usedAfterCollection = Math.min(this.#usedAfterCollection, usedBytes);
      return;
    }
    collectGarbage();
    this.#usedAfterCollection = usedBytes;
  }

  /** A number that changes when the workers had better let go of what was freed. */
  generation(usedBytes: number): number {
    this.#highest = Math.max(this.#highest, usedBytes);
    if (this.#highest - usedBytes >= NOTABLE_RELEASE) {
      this.#highest = usedBytes;
      this.#generation++;
    }
    return this.#generation;
  }
}
