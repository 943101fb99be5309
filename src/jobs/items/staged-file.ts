import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { copyFile, type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import { makeDirectories } from '../../data/io/make-directories.ts';
import { fileError } from './file-error.ts';

export interface OutputOptions {
  /** What to do when the target exists. Default: refuse with MR_OUTPUT_EXISTS. */
  readonly mode?: 'overwrite' | 'append';
  /** Keeps the file that is replaced beside the new one, as `<name>.<id>.bak`. Default false. */
  readonly backup?: boolean;
}

/** What a checkpoint keeps of a staged file. */
export type StagedState = {
  /** Name of the staging file, in the directory of the target. */
  readonly staging: string;
  /** Inode and birth time, which a rename keeps, by which the published file is recognised as ours. */
  readonly identity: string;
  /** Bytes that are committed. */
  readonly length: number;
  /** Size and time of the file to append to, when the step began. */
  readonly appendedTo?: { readonly size: number; readonly modifiedMs: number };
};

export interface StagedFileStart {
  readonly target: string;
  readonly options: OutputOptions;
  /** The same in every run of the step: staging files with another name that begin with it are leftovers. */
  readonly owner: string;
  /** Another in every run. */
  readonly run: string;
  readonly state: StagedState | undefined;
  /** See {@link SinkStart.lastState}. */
  readonly lastState: StagedState | undefined;
  /** See {@link SinkStart.isCleanRestart}. */
  readonly isCleanRestart: boolean;
}

/**
 * An output file in the making: a hidden file beside the target, which takes its name when it is complete (ST-50).
 *
 * A resume goes on behind the committed length. When the last owner did not end by itself, the resume first copies that
 * much to a new file, so that what the old owner may still write goes nowhere.
 */
export class StagedFile {
  /** Bytes written so far; the next ones go behind them. */
  length: number;
  readonly #target: string;
  readonly #options: OutputOptions;
  readonly #run: string;
  readonly #staging: string;
  readonly #handle: FileHandle | undefined;
  readonly #state: Omit<StagedState, 'length'>;
  /** The staging file that was copied; kept until the copy is named by a commit, which is so when it is published. */
  readonly #copied: string | undefined;
  /** Of the output that an earlier run of the step has published. */
  readonly #lastIdentity: string | undefined;
  #isPublished: boolean;

  static async open(start: StagedFileStart): Promise<StagedFile> {
    try {
      makeDirectories(dirname(start.target));
      return await (start.state === undefined ? StagedFile.#create(start) : StagedFile.#resume(start, start.state));
    } catch (error) {
      throw fileError('write', start.target, error);
    }
  }

  private constructor(
    start: StagedFileStart,
    state: StagedState,
    handle: FileHandle | undefined,
    copied: string | undefined,
  ) {
    const { length, ...rest } = state;
    this.#target = start.target;
    this.#options = start.options;
    this.#run = start.run;
    this.#staging = join(dirname(start.target), state.staging);
    this.#handle = handle;
    this.#state = rest;
    this.#copied = copied;
    this.#lastIdentity = start.lastState?.identity;
    this.#isPublished = handle === undefined;
    this.length = length;
  }

  static async #create(start: StagedFileStart): Promise<StagedFile> {
    const { target, options } = start;
    const existing = await statOf(target);
    if (existing?.isDirectory) throw existsAlready(target, 'it is a directory');
    const last =
      existing !== undefined && existing.identity === start.lastState?.identity ? start.lastState : undefined;
    if (existing !== undefined && options.mode === undefined && last === undefined) throw existsAlready(target);
    await removeLeftovers(start, undefined);
    const staging = stagingName(start);
    const path = join(dirname(target), staging);
    const appendedTo = options.mode === 'append' ? existing : undefined;
    if (appendedTo !== undefined) await copyFile(target, path, constants.COPYFILE_FICLONE);
    const handle = await open(path, appendedTo === undefined ? 'w+' : 'r+');
    // What our own last run had appended is appended anew.
    if (appendedTo !== undefined && last !== undefined) await handle.truncate(last.appendedTo?.size ?? 0);
    const { identity, size } = await statHandle(handle);
    const state = {
      staging,
      identity,
      length: size,
      ...(appendedTo && { appendedTo: { size: appendedTo.size, modifiedMs: appendedTo.modifiedMs } }),
    };
    return new StagedFile(start, state, handle, undefined);
  }

  static async #resume(start: StagedFileStart, state: StagedState): Promise<StagedFile> {
    const old = join(dirname(start.target), state.staging);
    const [staged, target] = [await statOf(old), await statOf(start.target)];
    await removeLeftovers(start, state.staging);
    if (target !== undefined && target.identity === state.identity) {
      if (staged !== undefined && staged.identity === state.identity) await rm(old);
      if (target.size < state.length) throw tampered(start.target, target.size, state.length);
      return new StagedFile(start, state, undefined, undefined);
    }
    if (staged === undefined) throw tampered(old, undefined, state.length);
    if (staged.size < state.length) throw tampered(old, staged.size, state.length);
    const isCopied = !start.isCleanRestart && stagingName(start) !== state.staging;
    const staging = isCopied ? stagingName(start) : state.staging;
    const path = join(dirname(start.target), staging);
    if (isCopied) await copyFile(old, path, constants.COPYFILE_FICLONE);
    const handle = await open(path, 'r+');
    try {
      await handle.truncate(state.length);
      await handle.datasync();
      const { identity } = await statHandle(handle);
      return new StagedFile(start, { ...state, staging, identity }, handle, isCopied ? old : undefined);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Whether an earlier run had published it before it could say so. */
  get isPublished(): boolean {
    return this.#isPublished;
  }

  get state(): StagedState {
    return { ...this.#state, length: this.length };
  }

  /** Writes behind what is there; durable when it resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    const handle = this.#open();
    try {
      await writeAll(handle, bytes, this.length);
      await handle.datasync();
    } catch (error) {
      throw fileError('write', this.#staging, error);
    }
    this.length += bytes.length;
  }

  /** Takes back what was appended since the file had `length` bytes. */
  async truncate(length: number): Promise<void> {
    this.length = length;
    await this.#open().truncate(length);
  }

  /** The first `count` bytes, fewer when the file is shorter. */
  async head(count: number): Promise<Buffer> {
    const bytes = Buffer.alloc(Math.min(count, this.length));
    await this.#open().read(bytes, 0, bytes.length, 0);
    return bytes;
  }

  /** The last `count` bytes, fewer when the file is shorter. */
  async tail(count: number): Promise<Buffer> {
    const size = Math.min(count, this.length);
    const bytes = Buffer.alloc(size);
    await this.#open().read(bytes, 0, size, this.length - size);
    return bytes;
  }

  /** Adds the end of the file and gives it its name. Does nothing when that has been done. */
  async publish(end: Uint8Array): Promise<void> {
    if (this.#isPublished) return;
    const handle = this.#open();
    try {
      await writeAll(handle, end, this.length);
      await handle.truncate(this.length + end.length);
      await handle.sync();
      await this.#checkTarget();
      if (this.#options.backup === true) await this.#keepOld();
      await rename(this.#staging, this.#target);
      this.#isPublished = true;
      await syncDirectory(dirname(this.#target));
      if (this.#copied !== undefined) await rm(this.#copied, { force: true });
    } catch (error) {
      throw fileError('publish', this.#target, error);
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  #open(): FileHandle {
    if (this.#handle !== undefined && !this.#isPublished) return this.#handle;
    throw new MillraceError(
      'MR_OUTPUT_EXISTS',
      `${this.#target} is complete and published; nothing more can be written to it. Launch with force: true to write it anew.`,
      { details: { path: this.#target } },
    );
  }

  async #checkTarget(): Promise<void> {
    const existing = await statOf(this.#target);
    const { mode } = this.#options;
    if (mode === undefined && existing !== undefined && existing.identity !== this.#lastIdentity)
      throw existsAlready(this.#target, 'it appeared while the step ran');
    const { appendedTo } = this.#state;
    const isOther = existing?.size !== appendedTo?.size || existing?.modifiedMs !== appendedTo?.modifiedMs;
    if (mode === 'append' && isOther) {
      throw new MillraceError(
        'MR_OUTPUT_TAMPERED',
        `${this.#target} was changed by somebody else while the step was appending to it. Launch with force: true to append to the file as it is now.`,
        { details: { path: this.#target } },
      );
    }
  }

  async #keepOld(): Promise<void> {
    const kept = `${this.#target}.${shortHash(this.#run)}.bak`;
    await rm(kept, { force: true });
    try {
      await link(this.#target, kept);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
      await copyFile(this.#target, kept);
    }
  }
}

/** `.sales.csv.<owner>-<run>.part`: hidden, and to be told from those of other steps. */
function stagingName({ target, owner, run }: StagedFileStart): string {
  return `${stagingPrefix(target, owner)}${shortHash(run)}.part`;
}

function stagingPrefix(target: string, owner: string): string {
  return `.${basename(target)}.${shortHash(owner)}-`;
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Removes staging files of earlier runs of the same step which no commit names. */
async function removeLeftovers({ target, owner }: StagedFileStart, kept: string | undefined): Promise<void> {
  const directory = dirname(target);
  const prefix = stagingPrefix(target, owner);
  for (const name of await readdir(directory)) {
    if (name.startsWith(prefix) && name.endsWith('.part') && name !== kept)
      await rm(join(directory, name), { force: true });
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

interface FileFacts {
  readonly size: number;
  readonly modifiedMs: number;
  readonly identity: string;
  readonly isDirectory: boolean;
}

export async function statOf(path: string): Promise<FileFacts | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    return {
      size: Number(found.size),
      modifiedMs: Number(found.mtimeMs),
      identity: identityOf(found),
      isDirectory: found.isDirectory(),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function statHandle(handle: FileHandle): Promise<{ readonly identity: string; readonly size: number }> {
  const found = await handle.stat({ bigint: true });
  return { identity: identityOf(found), size: Number(found.size) };
}

/** An inode alone is given to the next file when its own is removed. */
function identityOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}.${birthtimeNs}`;
}

/** Makes a rename in it durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function existsAlready(path: string, what = 'it exists already'): MillraceError {
  return new MillraceError(
    'MR_OUTPUT_EXISTS',
    `${path} cannot be written: ${what}. Remove it, choose another path, or give the writer mode: 'overwrite' or 'append'.`,
    { details: { path } },
  );
}

function tampered(path: string, size: number | undefined, committed: number): MillraceError {
  const what = size === undefined ? 'it is gone' : `it has ${size} bytes`;
  return new MillraceError(
    'MR_OUTPUT_TAMPERED',
    `${path} holds ${committed} bytes that are committed, but ${what}. Put it back, or launch with force: true to write it anew.`,
    { details: { path, committed, ...(size === undefined ? {} : { size }) } },
  );
}
