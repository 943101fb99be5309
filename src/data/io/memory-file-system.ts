import { MillraceError } from '../../base/errors.ts';
import type { DirectoryEntry, FileStatus, FileSystem, RandomAccessFile, WritableFile } from './file-system.ts';
import { joinUri, nameOf, parentOf } from './uri.ts';

interface StoredFile {
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
  readonly version: string;
}

const root = 'memory:///';

/** Files in the memory of this thread, as `memory:///` URIs: for tests. A file appears when its writing is finished. */
export class MemoryFileSystem implements FileSystem {
  readonly scheme = 'memory';
  readonly hasAtomicRename = true;
  readonly isReadOnly = false;
  readonly #files = new Map<string, StoredFile>();
  readonly #directories = new Set<string>([root]);
  #numWrites = 0;

  list(directory: string): readonly DirectoryEntry[] {
    const found = this.stat(directory);
    if (found === undefined) throw notFound('list', directory);
    if (found.kind === 'file') throw new MillraceError('MR_IO', `cannot list ${directory}: it is a file.`);
    return [...this.#files.keys(), ...this.#directories]
      .filter((uri) => uri !== root && parentOf(uri) === found.uri)
      .sort()
      .flatMap((uri) => this.stat(uri) ?? []);
  }

  listRecursive(directory: string): readonly FileStatus[] {
    return this.list(directory).flatMap((entry) =>
      entry.kind === 'file' ? [entry.status] : this.listRecursive(entry.uri),
    );
  }

  stat(uri: string): DirectoryEntry | undefined {
    const name = nameOf(uri);
    if (this.#directories.has(uri)) return { kind: 'directory', name, uri };
    const file = this.#files.get(uri);
    return file && { kind: 'file', name, status: statusOf(uri, file) };
  }

  openRead(uri: string, expected?: FileStatus): RandomAccessFile {
    const file = this.#files.get(uri);
    if (file === undefined) throw notFound('read', uri);
    if (expected !== undefined && expected.version !== file.version) throw changed(uri);
    return {
      uri,
      sizeBytes: file.bytes.length,
      readInto(target, position) {
        const bytes = file.bytes.subarray(position, position + target.length);
        target.set(bytes);
        return bytes.length;
      },
      checkUnchanged: () => {
        if (this.#files.get(uri) !== file) throw changed(uri);
      },
      close: () => undefined,
    };
  }

  openWrite(uri: string): WritableFile {
    const pieces: Uint8Array[] = [];
    return {
      uri,
      write(bytes) {
        pieces.push(new Uint8Array(bytes));
      },
      finish: () => {
        const bytes = new Uint8Array(Buffer.concat(pieces));
        this.#put(uri, { bytes, modifiedMs: Date.now(), version: String(++this.#numWrites) });
        return bytes.length;
      },
      abort: () => {
        pieces.length = 0;
      },
    };
  }

  makeDirectory(uri: string): void {
    if (this.#files.has(uri)) throw new MillraceError('MR_IO', `cannot create directory ${uri}: it is a file.`);
    for (let at = uri; !this.#directories.has(at); at = parentOf(at)) this.#directories.add(at);
  }

  rename(from: string, to: string): void {
    const source = this.stat(from);
    if (source === undefined) throw notFound('rename', from);
    if (source.kind === 'file') {
      const file = this.#files.get(from);
      if (file !== undefined) this.#put(to, file);
      this.#files.delete(from);
      return;
    }
    const target = this.stat(to);
    if (target?.kind === 'file' || (target !== undefined && this.list(to).length > 0))
      throw new MillraceError('MR_IO', `cannot write ${to}: the directory is not empty.`);
    this.makeDirectory(to);
    for (const entry of this.list(from))
      this.rename(entry.kind === 'file' ? entry.status.uri : entry.uri, joinUri(to, entry.name));
    this.#directories.delete(from);
  }

  link(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined) throw notFound('read', from);
    this.#put(to, file);
  }

  delete(uri: string): void {
    this.#files.delete(uri);
    if (!this.#directories.has(uri)) return;
    for (const entry of this.list(uri)) this.delete(entry.kind === 'file' ? entry.status.uri : entry.uri);
    if (uri !== root) this.#directories.delete(uri);
  }

  deleteIfEmpty(directory: string): void {
    if (this.#directories.has(directory) && this.list(directory).length === 0) this.delete(directory);
  }

  #put(uri: string, file: StoredFile): void {
    if (this.#directories.has(uri)) throw new MillraceError('MR_IO', `cannot write ${uri}: it is a directory.`);
    this.makeDirectory(parentOf(uri));
    this.#files.set(uri, file);
  }
}

function statusOf(uri: string, file: StoredFile): FileStatus {
  return { uri, sizeBytes: file.bytes.length, modifiedMs: file.modifiedMs, version: file.version };
}

function notFound(verb: string, uri: string): MillraceError {
  return new MillraceError('MR_NOT_FOUND', `cannot ${verb} ${uri}: no such file or directory.`);
}

function changed(uri: string): MillraceError {
  return new MillraceError('MR_INPUT_CHANGED', `${uri} changed while it was being read.`, { details: { uri } });
}
