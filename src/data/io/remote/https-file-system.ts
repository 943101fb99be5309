import { MillraceError } from '../../../base/errors.ts';
import type { DirectoryEntry, FileStatus, FileSystem, RandomAccessFile, WritableFile } from '../file-system.ts';
import { describeUri, nameOf } from '../uri.ts';
import type { IoBridge } from './io-bridge.ts';
import { RemoteReadFile } from './remote-read-file.ts';

/** Files on web servers: read only, one URL a file, in ranges where the server knows them. */
export class HttpsFileSystem implements FileSystem {
  readonly scheme: 'https' | 'http';
  readonly hasAtomicRename = false;
  readonly isReadOnly = true;
  readonly #bridge: IoBridge;

  constructor(scheme: 'https' | 'http', bridge: IoBridge) {
    this.scheme = scheme;
    this.#bridge = bridge;
  }

  stat(uri: string): DirectoryEntry | undefined {
    const status = this.#bridge.call({ op: 'httpHead', url: uri });
    return status && { kind: 'file', name: nameOf(uri), status: { uri, ...status } };
  }

  openRead(uri: string, expected?: FileStatus): RandomAccessFile {
    const status = expected ?? this.#bridge.call({ op: 'httpHead', url: uri });
    if (status === undefined) throw new MillraceError('MR_NOT_FOUND', `cannot read ${describeUri(uri)}: HTTP 404.`);
    const { version } = status;
    return new RemoteReadFile(uri, status.sizeBytes, (from, to) =>
      this.#bridge.start({ op: 'httpGet', url: uri, from, to, version }),
    );
  }

  list(directory: string): never {
    throw refused(directory, 'list a directory or match a pattern on a web server. Name the files');
  }

  listRecursive(directory: string): never {
    return this.list(directory);
  }

  openWrite(uri: string): WritableFile {
    throw refused(uri, 'write to a web server. Write to a file: or s3: URI');
  }

  makeDirectory(uri: string): void {
    this.openWrite(uri);
  }

  rename(_from: string, to: string): void {
    this.openWrite(to);
  }

  link(_from: string, to: string): void {
    this.openWrite(to);
  }

  delete(uri: string): void {
    this.openWrite(uri);
  }

  deleteIfEmpty(directory: string): void {
    this.openWrite(directory);
  }
}

function refused(uri: string, what: string): MillraceError {
  return new MillraceError('MR_UNSUPPORTED', `${describeUri(uri)}: millrace cannot ${what}.`);
}
