/** A file (or object) as a listing shows it. `version` is an etag where the store has one. */
export interface FileStatus {
  readonly uri: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly version?: string;
}

/** One entry of a directory. `name` is its last segment, unescaped. */
export type DirectoryEntry =
  | { readonly kind: 'file'; readonly name: string; readonly status: FileStatus }
  | { readonly kind: 'directory'; readonly name: string; readonly uri: string };

/** Ranged reads of one file. Keep it open while reading, close it in `finally`. */
export interface RandomAccessFile {
  readonly uri: string;
  readonly sizeBytes: number;
  /**
   * Reads up to `target.length` bytes at `position`; fewer only at the end of the file, 0 beyond it.
   * @throws {MillraceError} MR_INPUT_CHANGED when the store notices that the file is not the one that was opened
   */
  readInto(target: Uint8Array, position: number): number;
  /** Says that these bytes will be read soon: a remote store begins to fetch them, within bounds. */
  willRead?(position: number, length: number): void;
  /** Throws MR_INPUT_CHANGED if the file was changed since it was opened; costs one stat, or nothing where reads check. */
  checkUnchanged(): void;
  close(): void;
}

/** Sequential writes of one new file. It becomes visible under its name at the latest when `finish` returns. */
export interface WritableFile {
  readonly uri: string;
  /** Takes the bytes as they are now: the caller may write over them afterwards. */
  write(bytes: Uint8Array): void;
  /** Writes what is buffered and closes. @returns the bytes written */
  finish(): number;
  /** Closes and removes what was written. Never throws for a file that is already gone. */
  abort(): void;
}

/** A multipart upload that nobody sees until it is completed: plain data. Without parts it stands for an empty file. */
export interface PendingUpload {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly parts: readonly { readonly PartNumber: number; readonly ETag: string }[];
}

export interface PendingFile extends WritableFile {
  /** After `finish`, which puts nothing in place: what somebody completes or aborts. */
  pendingUpload(): PendingUpload;
}

/** How a store without renames keeps files back until an output is committed. */
export interface UploadStore {
  openPending(uri: string): PendingFile;
  /** Makes them all visible; completing one that is completed already is fine. */
  complete(uploads: readonly PendingUpload[]): void;
  /** Drops every upload below a directory whose URI is one of those asked for. @returns the URIs */
  abortMatching(directory: string, isMatch: (uri: string) => boolean): readonly string[];
  /** The URIs of all uploads below a directory that were begun and neither completed nor aborted. */
  pending(directory: string): readonly string[];
  /**
   * Puts a file if there is none of that name, in one step; false if there is one with other bytes: give it bytes of its own.
   * @throws {MillraceError} MR_UNSUPPORTED when the store cannot do so
   */
  putIfAbsent(uri: string, bytes: Uint8Array): boolean;
}

/**
 * A store of files under one URI scheme. Everything is synchronous: workers read between two batches of a loop that
 * never yields, and planning is the same code on the driver. Stores that are reached over a network wait for an I/O thread.
 *
 * Errors: MR_NOT_FOUND for what is missing, MR_IO for what is refused; both name the path and the reason, never a secret.
 */
export interface FileSystem {
  readonly scheme: string;
  /** Whether `rename` of a directory is one atomic step, which the committer of outputs builds on. */
  readonly hasAtomicRename: boolean;
  /** Whether directories can be listed and files written; web servers cannot, and those methods throw MR_UNSUPPORTED. */
  readonly isReadOnly: boolean;
  /** The entries of one directory, sorted by name; throws MR_NOT_FOUND when it does not exist. */
  list(directory: string): readonly DirectoryEntry[];
  /** Every file below a directory, at any depth, sorted by URI. Stores with flat keys do it in one listing. */
  listRecursive(directory: string): readonly FileStatus[];
  /** What tells a directory from another that takes its name later; stores whose directories are only names have none. */
  directoryIdentity?(directory: string): string | undefined;
  /** What the URI names now, or undefined when nothing does. */
  stat(uri: string): DirectoryEntry | undefined;
  /** @param expected the status seen at planning; throws MR_INPUT_CHANGED if the file is another one now */
  openRead(uri: string, expected?: FileStatus): RandomAccessFile;
  /** Makes the directories above it as needed and replaces a file of that name. */
  openWrite(uri: string): WritableFile;
  /** Makes a directory and those above it, if it is not there. */
  makeDirectory(uri: string): void;
  /** Moves a file or directory onto a name that is free or, for directories, an empty directory; else MR_IO. */
  rename(from: string, to: string): void;
  /** A second name for the same file, or a copy where the store has no links. */
  link(from: string, to: string): void;
  /** Removes a file or a whole directory; nothing happens when it does not exist. */
  delete(uri: string): void;
  /** Removes a directory if nothing is in it, in one step. */
  deleteIfEmpty(directory: string): void;
  /** Present where there is no atomic rename: files that appear when their uploads are completed. */
  readonly uploads?: UploadStore;
  /** Ends threads and connections. */
  close?(): void;
}
