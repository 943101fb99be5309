import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../base/errors.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A folder for temporary files that is gone when the context stops, the process exits or a signal ends it. */
export class TempFolder {
  readonly path: string;
  readonly #onExit = (): void => this.#delete();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    // A program that handles the signal decides itself when it is over; `exit` cleans up then.
    if (process.listenerCount(signal) > 1) return;
    this.remove();
    process.kill(process.pid, signal);
  };

  constructor(parent: string) {
    try {
      mkdirSync(parent, { recursive: true });
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

  remove(): void {
    process.off('exit', this.#onExit);
    for (const signal of signals) process.off(signal, this.#onSignal);
    this.#delete();
  }

  #delete(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}
