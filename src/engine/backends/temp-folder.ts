import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import { makeDirectories } from '../../data/io/make-directories.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Marks the listeners of temporary folders: those of other contexts do not mean that the program handles a signal. */
const isTempFolderListener: unique symbol = Symbol.for('millrace.temp-folder');

/** A folder for temporary files that is gone when the context stops, the process exits or a signal ends it. */
export class TempFolder {
  readonly path: string;
  #isRemoved = false;
  readonly #onExit = (): void => this.#delete();
  readonly #onSignal = Object.assign((signal: NodeJS.Signals): void => this.#endBySignal(signal), {
    [isTempFolderListener]: true,
  });

  constructor(parent: string) {
    try {
      makeDirectories(parent);
      this.path = mkdtempSync(join(parent, `millrace-${process.pid}-`));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `MillraceContext.create: tempDir ${JSON.stringify(parent)} cannot be written: ${reason}. Give a folder that can.`,
        { cause: error, details: { option: 'tempDir' } },
      );
    }
    process.on('exit', this.#onExit);
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  /** Removes the files with this in their names. */
  removeMatching(text: string): void {
    if (this.#isRemoved) return;
    for (const name of readdirSync(this.path))
      if (name.includes(text)) rmSync(join(this.path, name), { recursive: true, force: true });
  }

  remove(): void {
    process.off('exit', this.#onExit);
    for (const signal of signals) process.off(signal, this.#onSignal);
    this.#delete();
  }

  /** The last of several folders ends the process; a program that handles the signal decides itself when it is over: `exit` cleans up then. */
  #endBySignal(signal: NodeJS.Signals): void {
    const others = process.listeners(signal).filter((listener) => listener !== this.#onSignal);
    if (others.some((listener) => !(isTempFolderListener in listener))) return;
    this.remove();
    if (others.length === 0) process.kill(process.pid, signal);
  }

  #delete(): void {
    this.#isRemoved = true;
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}
