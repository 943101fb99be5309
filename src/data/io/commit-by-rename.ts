import { MillraceError } from '../../base/errors.ts';
import type { FileSystem } from './file-system.ts';
import {
  finishInterruptedCommit,
  orphans,
  removeStaging,
  stagingDirectory,
  stagingNames,
  withOutputLock,
  writeOwner,
} from './output-recovery.ts';
import type { OutputSpec, OutputStaging, StagedPart } from './output-spec.ts';
import { describeUri, joinUri } from './uri.ts';
import { startPulse } from './writer-pulse.ts';

/** How one kind of store publishes an output. */
export interface CommitProtocol {
  begin(): OutputStaging;
  commit(parts: readonly StagedPart[]): void;
  abort(): void;
}

/**
 * For stores that rename in one step. The new directory is put together apart and takes its name by one rename. Replacing
 * an output takes two, the old one aside and the new one in its place; a process that dies between them leaves everything
 * there, and the next one that reads or writes the output finishes the commit.
 */
export class RenameCommit implements CommitProtocol {
  readonly #output: OutputSpec;
  readonly #actionId: string;
  readonly #system: FileSystem;
  readonly #directory: string;
  #endPulse = (): void => {};

  constructor(output: OutputSpec, actionId: string, system: FileSystem) {
    this.#output = output;
    this.#actionId = actionId;
    this.#system = system;
    this.#directory = joinUri(stagingDirectory(output.uri), actionId);
  }

  begin(): OutputStaging {
    const { uri } = this.#output;
    const stagingUri = joinUri(this.#directory, stagingNames.attempts);
    this.#refuseExisting();
    withOutputLock(uri, this.#system, () => {
      finishInterruptedCommit(uri, this.#system);
      for (const orphan of orphans(uri, this.#system)) this.#system.delete(orphan);
      this.#refuseExisting();
      writeOwner(this.#directory, this.#system);
      this.#system.makeDirectory(stagingUri);
    });
    this.#endPulse = startPulse(() => {
      // Whoever took this action for dead has removed its directory.
      if (this.#system.stat(this.#directory) !== undefined) writeOwner(this.#directory, this.#system);
    });
    return { output: this.#output, actionId: this.#actionId, stagingUri };
  }

  commit(parts: readonly StagedPart[]): void {
    const complete = joinUri(this.#directory, stagingNames.complete);
    this.#system.makeDirectory(complete);
    for (const part of parts)
      for (const file of part.files) this.#system.rename(file.stagedUri, joinUri(complete, file.path));
    this.#system.openWrite(joinUri(complete, '_SUCCESS')).finish();
    withOutputLock(this.#output.uri, this.#system, () => this.#publish(complete));
  }

  abort(): void {
    this.#endPulse();
    removeStaging(this.#output.uri, this.#actionId, this.#system);
  }

  #publish(complete: string): void {
    const { uri, mode } = this.#output;
    finishInterruptedCommit(uri, this.#system);
    this.#refuseExisting();
    const existing = this.#system.stat(uri);
    if (existing === undefined || (existing.kind === 'directory' && this.#system.list(uri).length === 0)) {
      this.#system.rename(complete, uri);
      return;
    }
    if (mode === 'append' || mode === 'overwritePartitions') this.#linkInto(uri, complete);
    const replaced = joinUri(this.#directory, stagingNames.replaced);
    this.#system.rename(uri, replaced);
    try {
      this.#system.rename(complete, uri);
    } catch (error) {
      this.#system.rename(replaced, uri);
      throw error;
    }
  }

  /** Gives the files of the old output a second name in the new one; but not in partitions that are replaced. */
  #linkInto(from: string, to: string): void {
    const isReplaced =
      this.#output.mode === 'overwritePartitions' &&
      this.#system.list(to).some(({ kind, name }) => kind === 'file' && name.startsWith('part-'));
    for (const entry of this.#system.list(from)) {
      const target = joinUri(to, entry.name);
      if (entry.kind === 'directory') {
        this.#system.makeDirectory(target);
        this.#linkInto(entry.uri, target);
      } else if (!isReplaced && this.#system.stat(target) === undefined) this.#system.link(entry.status.uri, target);
    }
  }

  #refuseExisting(): void {
    const { uri, mode } = this.#output;
    const existing = this.#system.stat(uri);
    if (existing?.kind === 'file') throw outputIsFile(uri);
    if (mode === 'error' && existing !== undefined && this.#system.list(uri).length > 0) throw outputExists(uri);
  }
}

export function outputIsFile(uri: string): MillraceError {
  return new MillraceError(
    'MR_OUTPUT_EXISTS',
    `${describeUri(uri)} is a file; an output is a directory of part files. Remove it or write elsewhere.`,
  );
}

export function outputExists(uri: string): MillraceError {
  return new MillraceError(
    'MR_OUTPUT_EXISTS',
    `${describeUri(uri)} exists and is not empty. Pass mode: 'overwrite' or 'append', or write elsewhere.`,
  );
}
