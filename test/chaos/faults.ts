import { readdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/base/random.ts';
import type { MillraceContext } from '../../src/index.ts';

export type FaultKind =
  | 'worker killed'
  | 'block dropped'
  | 'output dropped'
  | 'file deleted'
  | 'file cut'
  | 'bit flipped';

/** Breaks things at random moments while a program runs: seeded, and counted by kind. */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #sc: MillraceContext;
  readonly #random: Random;
  readonly #most: number;
  #timer: NodeJS.Timeout | undefined;
  #done = 0;

  /** @param most faults in all, so that the program ends */
  constructor(sc: MillraceContext, seed: number, most: number) {
    this.#sc = sc;
    this.#random = new Random(seed);
    this.#most = most;
  }

  start(): void {
    this.#timer = setTimeout(() => this.#strike(), 2 + this.#random.nextInt(12));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #strike(): void {
    const kind = this.#attempt();
    if (kind !== undefined) {
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      this.#done++;
    }
    if (this.#done < this.#most) this.start();
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#random.nextInt(items.length)];
  }

  #attempt(): FaultKind | undefined {
    const { pool, blocks, outputs, tempPath } = this.#sc.backend;
    switch (this.#random.nextInt(4)) {
      case 0: {
        const thread = this.#pick(pool.threadIds);
        if (thread === undefined) return undefined;
        void pool.terminate(thread);
        return 'worker killed';
      }
      case 1: {
        const block = this.#pick(blocks.entries());
        if (block === undefined) return undefined;
        blocks.drop(block.nodeId, block.partition);
        return 'block dropped';
      }
      case 2: {
        const shuffle = this.#pick(outputs.shuffleIds());
        if (shuffle === undefined) return undefined;
        const lost = this.#pick(outputs.outputs(shuffle)?.outputs ?? []);
        if (lost === undefined) return undefined;
        outputs.unregister(shuffle, lost.mapPartition);
        return 'output dropped';
      }
      default: {
        const name = this.#pick(readdirSync(tempPath).filter((file) => /^(rdd|shuffle)-/.test(file)));
        return name === undefined ? undefined : this.#damage(join(tempPath, name));
      }
    }
  }

  #damage(path: string): FaultKind | undefined {
    try {
      switch (this.#random.nextInt(3)) {
        case 0:
          unlinkSync(path);
          return 'file deleted';
        case 1: {
          truncateSync(path, this.#random.nextInt(readFileSync(path).length + 1));
          return 'file cut';
        }
        default: {
          const bytes = readFileSync(path);
          if (bytes.length === 0) return undefined;
          const at = this.#random.nextInt(bytes.length);
          bytes[at] = bytes[at]! ^ (1 << this.#random.nextInt(8));
          writeFileSync(path, bytes);
          return 'bit flipped';
        }
      }
    } catch {
      return undefined; // the engine removed the file in the meantime
    }
  }
}
