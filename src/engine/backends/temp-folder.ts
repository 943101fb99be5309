import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { MillraceError } from '../../base/errors.ts';
import { makeDirectories } from '../../data/io/make-directories.ts';
import { beginOf, isAlive } from '../../data/io/process-owner.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Marks the listeners of temporary folders: those of other contexts do not mean that the program handles a signal. */
const isTempFolderListener: unique symbol = Symbol.for('millrace.temp-folder');

/**
 * A folder for temporary files that is gone when the context stops, the process exits or a signal ends it. What a killed process left
 * behind goes when the next one makes a folder in the same place: names of folders say whose they are.
 */
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
      this.path = mkdtempSync(join(parent, `millrace-${process.pid}-${processSpace()}-${beginMark(process.pid)}-`));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `MillraceContext.create: tempDir ${JSON.stringify(parent)} cannot be written: ${reason}. Give a folder that can.`,
        { cause: error, details: { option: 'tempDir' } },
      );
    }
    removeAbandoned(parent);
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

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, space, began] = /^millrace-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-\w{6}$/.exec(name) ?? [];
    if (space !== processSpace() || began === undefined) continue;
    if (isAlive({ pid: Number(pid), host: hostname() }) && began === beginMark(Number(pid))) continue;
    try {
      rmSync(join(parent, name), { recursive: true });
    } catch {
      // Another user's, or another context is removing it as well.
    }
  }
}

/** Where numbers of processes mean the same: a host, or a container on it. */
function processSpace(): string {
  return mark(`${hostname()} ${linkTo('/proc/self/ns/pid')}`);
}

/** Tells a process from a later one of the same number. */
function beginMark(pid: number): string {
  return mark(beginOf(pid) ?? '');
}

function linkTo(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function mark(text: string): string {
  return crc32(Buffer.from(text)).toString(16).padStart(8, '0');
}
