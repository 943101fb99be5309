import { existsSync, readdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/base/random.ts';
import type { MillraceContext } from '../../src/index.ts';

export type FaultKind =
  | 'worker killed'
  | 'exit in a function'
  | 'out of memory in a function'
  | 'block dropped'
  | 'output dropped'
  | 'file deleted'
  | 'file cut'
  | 'bit flipped';

/** Functions of a program look for these files, and die as their name says; each is found by one of them. */
const poisons = { exit: 'exit in a function', memory: 'out of memory in a function' } as const;

/** For the functions of a program: ends the thread, when the faults have asked for it, every few hundred rows. */
export function mortal(sc: MillraceContext): (row: number) => void {
  const folder = sc.backend.tempPath;
  return (row) => {
    if (row % 250 !== 0) return;
    const fs = process.getBuiltinModule('node:fs');
    for (const how of ['exit', 'memory']) {
      try {
        fs.unlinkSync(`${folder}/die-by-${how}`);
      } catch {
        continue; // not asked for
      }
      if (how === 'exit') process.exit(3);
      const hoard: number[][] = [];
      for (;;) hoard.push(new Array(1000).fill(row));
    }
  };
}

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
    for (const [how, kind] of Object.entries(poisons))
      if (readdirSync(this.#sc.backend.tempPath).includes(`die-by-${how}`)) {
        unlinkSync(join(this.#sc.backend.tempPath, `die-by-${how}`));
        this.counts.set(kind, (this.counts.get(kind) ?? 0) - 1);
      }
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
    switch (this.#random.nextInt(6)) {
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
      case 3: {
        const how = this.#random.nextInt(12) === 0 ? 'memory' : 'exit';
        const path = join(tempPath, `die-by-${how}`);
        if (existsSync(path)) return undefined;
        writeFileSync(path, '');
        return poisons[how];
      }
      default: {
        const name = this.#pick(readdirSync(tempPath).filter((file) => /^(rdd|shuffle|spill)-/.test(file)));
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
