import { BlockFileWriter } from './block-file.ts';

/**
 * Every file that one try of a task makes. What it spills to is gone when the task ends; what it leaves behind (cached blocks, map
 * output) is gone too if the task fails. No file stays open, for the space of an open file is not given back.
 */
export class TaskFiles {
  readonly #newPath: (name: string) => string;
  readonly #scratch: BlockFileWriter[] = [];
  readonly #kept: BlockFileWriter[] = [];

  constructor(newPath: (name: string) => string) {
    this.#newPath = newPath;
  }

  /** A file that nobody reads after the task. It may be discarded earlier. */
  scratch(): BlockFileWriter {
    return this.#open('spill', this.#scratch);
  }

  /** A file that stays when the task succeeds. */
  keep(name: string): BlockFileWriter {
    return this.#open(name, this.#kept);
  }

  /** Bytes that were spilled. */
  get scratchBytes(): number {
    return this.#scratch.reduce((sum, file) => sum + file.sizeBytes, 0);
  }

  end(status: 'succeeded' | 'failed'): void {
    const unwanted = status === 'failed' ? [...this.#scratch, ...this.#kept] : this.#scratch;
    for (const file of unwanted) file.discard();
  }

  #open(name: string, files: BlockFileWriter[]): BlockFileWriter {
    const file = new BlockFileWriter(this.#newPath(name));
    files.push(file);
    return file;
  }
}
