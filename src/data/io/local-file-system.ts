import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MillraceError } from '../../base/errors.ts';
import type { DirectoryEntry, FileStatus, FileSystem, RandomAccessFile, WritableFile } from './file-system.ts';
import { makeDirectories } from './make-directories.ts';
import { filePath, joinUri, nameOf } from './uri.ts';

/** The operating system's files, as `file:` URIs. */
export class LocalFileSystem implements FileSystem {
  readonly scheme = 'file';
  readonly hasAtomicRename = true;
  readonly isReadOnly = false;

  list(directory: string): readonly DirectoryEntry[] {
    const path = filePath(directory);
    const names = attempt('list', path, () => fs.readdirSync(path)).sort();
    const entries: DirectoryEntry[] = [];
    for (const name of names) {
      const uri = joinUri(directory, name);
      const entry = this.stat(uri);
      if (entry !== undefined) entries.push(entry);
      else refuseDanglingLink(filePath(uri));
    }
    return entries;
  }

  listRecursive(directory: string): readonly FileStatus[] {
    return this.list(directory).flatMap((entry) =>
      entry.kind === 'file' ? [entry.status] : this.listRecursive(entry.uri),
    );
  }

  stat(uri: string): DirectoryEntry | undefined {
    const path = filePath(uri);
    const found = attempt('read', path, () => fs.statSync(path, { throwIfNoEntry: false }));
    if (found === undefined) return undefined;
    const clean = pathToFileURL(path).href;
    const name = nameOf(clean);
    return found.isDirectory()
      ? { kind: 'directory', name, uri: clean }
      : { kind: 'file', name, status: statusOf(clean, found) };
  }

  directoryIdentity(directory: string): string | undefined {
    const path = filePath(directory);
    const found = attempt('list', path, () => fs.statSync(path, { throwIfNoEntry: false, bigint: true }));
    return found === undefined ? undefined : `${found.dev} ${found.ino} ${found.birthtimeNs}`;
  }

  openRead(uri: string, expected?: FileStatus): RandomAccessFile {
    const path = filePath(uri);
    if (expected !== undefined && !fs.existsSync(path))
      throw new MillraceError(
        'MR_INPUT_CHANGED',
        `${path} was removed since it was listed. Read it with a new RDD once nothing writes to it.`,
        { details: { uri } },
      );
    const descriptor = attempt('read', path, () => fs.openSync(path, 'r'));
    try {
      const found = attempt('read', path, () => fs.fstatSync(descriptor));
      if (!found.isFile())
        throw new MillraceError(
          'MR_IO',
          `cannot read ${path}: it is ${found.isDirectory() ? 'a directory' : 'not a regular file'}, and files are read in byte ranges.`,
        );
      const file = new LocalReadFile(uri, path, descriptor, expected ?? statusOf(uri, found));
      file.checkUnchanged();
      return file;
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
  }

  openWrite(uri: string): WritableFile {
    const path = filePath(uri);
    attempt('write', path, () => makeDirectories(dirname(path)));
    return new LocalWriteFile(
      uri,
      path,
      attempt('write', path, () => fs.openSync(path, 'w')),
    );
  }

  makeDirectory(uri: string): void {
    const path = filePath(uri);
    attempt('create directory', path, () => makeDirectories(path));
  }

  rename(from: string, to: string): void {
    const path = filePath(to);
    attempt('write', path, () => {
      makeDirectories(dirname(path));
      fs.renameSync(filePath(from), path);
    });
  }

  link(from: string, to: string): void {
    const path = filePath(to);
    attempt('write', path, () => {
      makeDirectories(dirname(path));
      try {
        fs.linkSync(filePath(from), path);
      } catch (error) {
        if (!hasCode(error, 'EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS')) throw error;
        fs.copyFileSync(filePath(from), path);
      }
    });
  }

  delete(uri: string): void {
    const path = filePath(uri);
    attempt('delete', path, () => fs.rmSync(path, { recursive: true, force: true }));
  }

  deleteIfEmpty(directory: string): void {
    const path = filePath(directory);
    attempt('delete', path, () => {
      try {
        fs.rmdirSync(path);
      } catch (error) {
        if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
      }
    });
  }
}

class LocalReadFile implements RandomAccessFile {
  readonly uri: string;
  readonly sizeBytes: number;
  readonly #path: string;
  readonly #opened: FileStatus;
  #descriptor: number | undefined;

  constructor(uri: string, path: string, descriptor: number, opened: FileStatus) {
    this.uri = uri;
    this.sizeBytes = opened.sizeBytes;
    this.#path = path;
    this.#opened = opened;
    this.#descriptor = descriptor;
  }

  readInto(target: Uint8Array, position: number): number {
    const descriptor = this.#open();
    let read = 0;
    while (read < target.length) {
      const count = attempt('read', this.#path, () =>
        fs.readSync(descriptor, target, read, target.length - read, position + read),
      );
      if (count === 0) break;
      read += count;
    }
    return read;
  }

  checkUnchanged(): void {
    const now = attempt('read', this.#path, () => fs.fstatSync(this.#open()));
    const then = this.#opened;
    if (now.size === then.sizeBytes && now.mtimeMs === then.modifiedMs) return;
    throw new MillraceError(
      'MR_INPUT_CHANGED',
      `${this.#path} changed while it was being read: it had ${then.sizeBytes} bytes of ${instant(then.modifiedMs)}, ` +
        `now ${now.size} of ${instant(now.mtimeMs)}. Read it with a new RDD once nothing writes to it.`,
      { details: { uri: this.uri } },
    );
  }

  close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): number {
    if (this.#descriptor === undefined)
      throw new MillraceError('MR_BUG', `${this.#path} was read after it was closed.`);
    return this.#descriptor;
  }
}

class LocalWriteFile implements WritableFile {
  readonly uri: string;
  readonly #path: string;
  #descriptor: number | undefined;
  #sizeBytes = 0;

  constructor(uri: string, path: string, descriptor: number) {
    this.uri = uri;
    this.#path = path;
    this.#descriptor = descriptor;
  }

  write(bytes: Uint8Array): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new MillraceError('MR_BUG', `${this.#path} was written after it was closed.`);
    attempt('write', this.#path, () => {
      let written = 0;
      while (written < bytes.length) written += fs.writeSync(descriptor, bytes, written);
    });
    this.#sizeBytes += bytes.length;
  }

  finish(): number {
    this.#close();
    return this.#sizeBytes;
  }

  abort(): void {
    this.#close();
    attempt('delete', this.#path, () => fs.rmSync(this.#path, { force: true }));
  }

  #close(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    this.#descriptor = undefined;
    attempt('write', this.#path, () => fs.closeSync(descriptor));
  }
}

function statusOf(uri: string, found: fs.Stats): FileStatus {
  return { uri, sizeBytes: found.size, modifiedMs: found.mtimeMs };
}

/** A name that leads nowhere was either deleted since the listing, which is fine, or is a link whose data would be missed. */
function refuseDanglingLink(path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  throw new MillraceError('MR_NOT_FOUND', `${path} is a link to a file that does not exist. Mend or remove it.`);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in the system',
  ENOTDIR: 'a part of the path is a file, not a directory',
  ENOTEMPTY: 'the directory is not empty',
  EEXIST: 'it exists already',
  EXDEV: 'source and target are on different devices',
  EBUSY: 'it is in use, or a mount point',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the device reported an error',
  EFBIG: 'the file would be too large',
};

/** Runs one call to the operating system; its errors come back with our code, the path and the reason in words. */
function attempt<T>(verb: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT')
      throw new MillraceError('MR_NOT_FOUND', `cannot ${verb} ${path}: no such file or directory.`, { cause });
    const reason = code === undefined ? String(cause) : `${reasons[code] ?? (cause as Error).message} (${code})`;
    throw new MillraceError('MR_IO', `cannot ${verb} ${path}: ${reason}.`, { cause, details: { path, reason: code } });
  }
}
