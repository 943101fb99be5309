import { MillraceError } from '../../base/errors.ts';
import { CsvEncoder } from './csv/csv-encoder.ts';
import type { FileSystem } from './file-system.ts';
import { FileSystems } from './file-systems.ts';
import { checkOutputCompression } from './output-compression.ts';
import {
  finishInterruptedCommit,
  removeOrphans,
  removeStaging,
  stagingDirectory,
  stagingNames,
  withOutputLock,
  writeOwner,
} from './output-recovery.ts';
import type { OutputSettings, OutputSpec, OutputStaging, StagedPart } from './output-spec.ts';
import { describeUri, joinUri } from './uri.ts';

/** What a commit published. */
export interface CommittedOutput {
  readonly uri: string;
  readonly files: number;
  readonly rows: number;
  readonly sizeBytes: number;
}

/**
 * Publishes the parts of one action, all or none. Driver side: `begin`, then the workers write parts, then `commit` with
 * one attempt of each partition, or `abort`.
 *
 * Readers see the old output or the new one: the new directory is put together apart and takes its name by one rename.
 * Replacing an output takes two renames, the old one aside and the new one in its place; a process that dies between
 * them leaves everything there, and the next one that reads or writes the output finishes the commit.
 */
export class OutputCommitter {
  readonly #output: OutputSpec;
  readonly #actionId: string;
  readonly #system: FileSystem;
  readonly #directory: string;

  /** @param actionId a name that no other action has, also in other processes: letters, digits and dashes */
  constructor(output: OutputSpec, actionId: string, settings: OutputSettings = {}) {
    this.#output = output;
    this.#actionId = actionId;
    this.#system = (settings.fileSystems ?? new FileSystems()).of(output.uri);
    this.#directory = joinUri(stagingDirectory(output.uri), actionId);
  }

  /**
   * Checks that the output may be written and makes room for the attempts. Removes what killed runs left behind.
   * @throws {MillraceError} MR_OUTPUT_EXISTS in mode error when the output exists and is not empty
   */
  begin(): OutputStaging {
    checkOutputOptions(this.#output);
    const { uri } = this.#output;
    const stagingUri = joinUri(this.#directory, stagingNames.attempts);
    this.#refuseExisting();
    withOutputLock(uri, this.#system, () => {
      finishInterruptedCommit(uri, this.#system);
      removeOrphans(uri, this.#system);
      this.#refuseExisting();
      writeOwner(this.#directory, this.#system);
      this.#system.makeDirectory(stagingUri);
    });
    return { output: this.#output, actionId: this.#actionId, stagingUri };
  }

  /** Publishes these parts and `_SUCCESS`. On an error nothing of them is visible, and what was there before still is. */
  commit(parts: readonly StagedPart[]): CommittedOutput {
    try {
      checkParts(parts);
      const complete = joinUri(this.#directory, stagingNames.complete);
      this.#system.makeDirectory(complete);
      for (const part of parts)
        for (const file of part.files) this.#system.rename(file.stagedUri, joinUri(complete, file.path));
      this.#system.openWrite(joinUri(complete, '_SUCCESS')).finish();
      withOutputLock(this.#output.uri, this.#system, () => this.#publish(complete));
    } finally {
      this.abort();
    }
    return {
      uri: this.#output.uri,
      files: parts.reduce((sum, part) => sum + part.files.length, 0),
      rows: parts.reduce((sum, part) => sum + part.rows, 0),
      sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    };
  }

  /** Removes everything that was staged. Safe at any time, also twice. */
  abort(): void {
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
    if (mode === 'append') this.#linkInto(uri, complete);
    const replaced = joinUri(this.#directory, stagingNames.replaced);
    this.#system.rename(uri, replaced);
    try {
      this.#system.rename(complete, uri);
    } catch (error) {
      this.#system.rename(replaced, uri);
      throw error;
    }
  }

  /** Gives every file of the old output a second name in the new one. */
  #linkInto(from: string, to: string): void {
    for (const entry of this.#system.list(from)) {
      const target = joinUri(to, entry.name);
      if (entry.kind === 'directory') {
        this.#system.makeDirectory(target);
        this.#linkInto(entry.uri, target);
      } else if (this.#system.stat(target) === undefined) this.#system.link(entry.status.uri, target);
    }
  }

  #refuseExisting(): void {
    const { uri, mode } = this.#output;
    const existing = this.#system.stat(uri);
    if (existing === undefined) return;
    const shown = describeUri(uri);
    if (existing.kind === 'file')
      throw new MillraceError(
        'MR_OUTPUT_EXISTS',
        `${shown} is a file; an output is a directory of part files. Remove it or write elsewhere.`,
      );
    if (mode === 'error' && this.#system.list(uri).length > 0)
      throw new MillraceError(
        'MR_OUTPUT_EXISTS',
        `${shown} exists and is not empty. Pass mode: 'overwrite' or 'append', or write elsewhere.`,
      );
  }
}

/** What can be refused before any worker starts. */
function checkOutputOptions(output: OutputSpec): void {
  checkOutputCompression(output.options.compression ?? 'none');
  if (!['error', 'overwrite', 'append'].includes(output.mode))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `mode must be one of error, overwrite, append, got ${JSON.stringify(output.mode)}.`,
    );
  if (output.format === 'csv') new CsvEncoder(output.options);
}

function checkParts(parts: readonly StagedPart[]): void {
  const partitions = new Set<number>();
  const first = parts.find(({ columns }) => columns !== undefined);
  for (const { partitionIndex, columns } of parts) {
    if (partitions.has(partitionIndex))
      throw new MillraceError('MR_BUG', `two attempts of partition ${partitionIndex} were to be committed.`);
    partitions.add(partitionIndex);
    if (columns !== undefined && columns.join('\n') !== first?.columns?.join('\n'))
      throw new MillraceError(
        'MR_SCHEMA',
        `csv: partition ${partitionIndex} has the columns ${columns.join(', ')}, but partition ${first?.partitionIndex} has ${first?.columns?.join(', ')}. Name them, in order, with columns: [...].`,
      );
  }
}
