import { MillraceError } from '../../../base/errors.ts';
import type {
  DirectoryEntry,
  FileStatus,
  FileSystem,
  RandomAccessFile,
  UploadStore,
  WritableFile,
} from '../file-system.ts';
import { nameOf } from '../uri.ts';
import type { IoBridge } from './io-bridge.ts';
import type { IoResult, IoResults, RemoteStatus } from './io-protocol.ts';
import { RemoteReadFile } from './remote-read-file.ts';
import { type S3Target, S3WriteFile } from './s3-write-file.ts';

/** Objects of S3 and compatible stores, as `s3://bucket/key` URIs; keys are written as they are, without escapes. */
export class S3FileSystem implements FileSystem {
  readonly scheme = 's3';
  /** S3 cannot rename: outputs are committed by completing uploads instead. */
  readonly hasAtomicRename = false;
  readonly isReadOnly = false;
  readonly uploads: UploadStore;
  readonly #bridge: IoBridge;
  readonly #hasConditionalWrites: boolean;
  /** Buckets whose store is known to honour If-None-Match. */
  readonly #honouring = new Set<string>();

  /** @param hasConditionalWrites whether the store honours If-None-Match; without it, what must be put once is looked for first */
  constructor(bridge: IoBridge, hasConditionalWrites = true) {
    this.#bridge = bridge;
    this.#hasConditionalWrites = hasConditionalWrites;
    const listUploads = (directory: string): IoResult<{ op: 's3ListUploads'; bucket: string; prefix: string }> => {
      const { bucket, key } = s3Target(directory);
      return bridge.call({ op: 's3ListUploads', bucket, prefix: key === '' ? '' : `${key}/` });
    };
    this.uploads = {
      openPending: (uri) => new S3WriteFile(s3Target(uri), bridge, true),
      complete: (uploads) => bridge.call({ op: 's3CompleteUploads', uploads }),
      abortMatching: (directory, isMatch) => {
        const found = listUploads(directory).filter((upload) => isMatch(uploadUri(upload)));
        if (found.length > 0) bridge.call({ op: 's3AbortUploads', uploads: found });
        return found.map(uploadUri);
      },
      pending: (directory) => listUploads(directory).map(uploadUri),
      putIfAbsent: (uri, bytes) => this.#putIfAbsent(uri, bytes),
    };
  }

  list(directory: string): readonly DirectoryEntry[] {
    const { bucket, key } = s3Target(directory);
    const prefix = key === '' ? '' : `${key}/`;
    const { files, prefixes } = this.#bridge.call({ op: 's3List', bucket, prefix, isRecursive: false });
    const entries: DirectoryEntry[] = [];
    // Some tools make an object of the directory's own name.
    for (const { key: found, status } of files)
      if (found !== prefix)
        entries.push({ kind: 'file', name: nameOf(found), status: statusOf(`s3://${bucket}/${found}`, status) });
    for (const found of prefixes) {
      const uri = `s3://${bucket}/${found.slice(0, -1)}`;
      entries.push({ kind: 'directory', name: nameOf(uri), uri });
    }
    if (entries.length === 0 && files.length === 0)
      throw new MillraceError('MR_NOT_FOUND', `cannot list ${directory}: nothing is there.`);
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  listRecursive(directory: string): readonly FileStatus[] {
    const { bucket, key } = s3Target(directory);
    const prefix = key === '' ? '' : `${key}/`;
    const { files } = this.#bridge.call({ op: 's3List', bucket, prefix, isRecursive: true });
    return files
      .filter(({ key: found }) => !found.endsWith('/'))
      .map(({ key: found, status }) => statusOf(`s3://${bucket}/${found}`, status));
  }

  stat(uri: string): DirectoryEntry | undefined {
    const { bucket, key } = s3Target(uri);
    if (key === '') return { kind: 'directory', name: bucket, uri };
    const object = this.#bridge.call({ op: 's3Head', bucket, key });
    if (object !== undefined) return { kind: 'file', name: nameOf(uri), status: statusOf(uri, object) };
    const { files } = this.#bridge.call({ op: 's3List', bucket, prefix: `${key}/`, isRecursive: true, maxKeys: 1 });
    return files.length === 0 ? undefined : { kind: 'directory', name: nameOf(uri), uri };
  }

  openRead(uri: string, expected?: FileStatus): RandomAccessFile {
    const { bucket, key } = s3Target(uri);
    const status = expected ?? this.#bridge.call({ op: 's3Head', bucket, key });
    if (status === undefined) throw new MillraceError('MR_NOT_FOUND', `cannot read ${uri}: there is no such object.`);
    const { version } = status;
    return new RemoteReadFile(uri, status.sizeBytes, (from, to) =>
      this.#bridge.start({ op: 's3Get', bucket, key, from, to, version }),
    );
  }

  openWrite(uri: string): WritableFile {
    return new S3WriteFile(s3Target(uri), this.#bridge, false);
  }

  /** There are no directories; a prefix is there as soon as an object has it. */
  makeDirectory(_uri: string): void {}

  rename(from: string, to: string): void {
    if (this.stat(from)?.kind === 'directory')
      throw new MillraceError('MR_UNSUPPORTED', `${from} cannot be renamed: S3 has no directories. Copy its objects.`);
    this.link(from, to);
    this.delete(from);
  }

  link(from: string, to: string): void {
    const source = s3Target(from);
    const target = s3Target(to);
    this.#bridge.call({
      op: 's3Copy',
      bucket: source.bucket,
      from: source.key,
      toBucket: target.bucket,
      to: target.key,
    });
  }

  delete(uri: string): void {
    const { bucket, key } = s3Target(uri);
    const below = this.listRecursive(uri).map((file) => s3Target(file.uri).key);
    this.#bridge.call({ op: 's3Delete', bucket, keys: [key, ...below] });
  }

  deleteIfEmpty(_directory: string): void {}

  #holds(uri: string, bytes: Uint8Array): boolean {
    const entry = this.stat(uri);
    if (entry?.kind !== 'file' || entry.status.sizeBytes !== bytes.length) return false;
    const found = Buffer.alloc(bytes.length);
    const file = this.openRead(uri, entry.status);
    try {
      return file.readInto(found, 0) === bytes.length && found.equals(bytes);
    } finally {
      file.close();
    }
  }

  #putIfAbsent(uri: string, bytes: Uint8Array): boolean {
    const { bucket, key } = s3Target(uri);
    const put = (ifAbsent: boolean): IoResults['s3Put'] =>
      this.#bridge.call({ op: 's3Put', bucket, key, bytes, ifAbsent });
    if (!this.#hasConditionalWrites) {
      if (this.#bridge.call({ op: 's3Head', bucket, key }) !== undefined) return false;
      put(false);
      return true;
    }
    const answer = put(true);
    // When the answer to a first try was lost, a second one finds the object that the first put.
    if (answer === 'exists') return this.#holds(uri, bytes);
    // A store that does not know the condition takes the object twice. Once a bucket is worth one request more.
    if (answer === 'unsupported' || (!this.#honouring.has(bucket) && put(true) !== 'exists')) {
      if (answer !== 'unsupported') this.delete(uri);
      throw new MillraceError(
        'MR_UNSUPPORTED',
        `${uri}: this store ${answer === 'unsupported' ? 'refuses' : 'ignores'} If-None-Match, so two writers of one output could not be kept apart. If only one program at a time writes to an output, say so with s3: { conditionalWrites: false }.`,
      );
    }
    this.#honouring.add(bucket);
    return true;
  }

  close(): void {
    this.#bridge.close();
  }
}

function uploadUri({ bucket, key }: { readonly bucket: string; readonly key: string }): string {
  return `s3://${bucket}/${key}`;
}

function s3Target(uri: string): S3Target {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/?(.*)$/is.exec(uri) ?? [];
  if (bucket === '') throw new MillraceError('MR_OPTION_INVALID', `"${uri}" names no bucket. Write s3://bucket/key.`);
  return { uri, bucket, key };
}

function statusOf(uri: string, status: RemoteStatus): FileStatus {
  return { uri, ...status };
}
