import { MillraceError } from '../../base/errors.ts';
import { type CommitProtocol, RenameCommit } from './commit-by-rename.ts';
import { UploadCommit } from './commit-by-upload.ts';
import { CsvEncoder } from './csv/csv-encoder.ts';
import { FileSystems } from './file-systems.ts';
import { checkOneOf } from './known-options.ts';
import { checkOutputCompression } from './output-compression.ts';
import {
  type OutputSettings,
  type OutputSpec,
  type OutputStaging,
  outputModes,
  type StagedPart,
} from './output-spec.ts';
import { resolveWriteOptions } from './parquet/write-options.ts';
import { describeUri } from './uri.ts';

/** What a commit published. */
export interface CommittedOutput {
  readonly uri: string;
  readonly files: number;
  readonly rows: number;
  readonly sizeBytes: number;
}

/**
 * Publishes the parts of one action, all or none. Driver side: `begin`, then the workers write parts, then `commit` with
 * one attempt of each partition, or `abort`. Readers see the old output or the new one, never a mix, also when the process
 * is killed at any point; the next one that writes to the output clears up after it.
 */
export class OutputCommitter {
  readonly #output: OutputSpec;
  readonly #protocol: CommitProtocol;

  /** @param actionId a name that no other action has, also in other processes: letters, digits and dashes */
  constructor(output: OutputSpec, actionId: string, settings: OutputSettings = {}) {
    if (!/^[A-Za-z0-9-]+$/.test(actionId))
      throw new MillraceError(
        'MR_BUG',
        `the action id "${actionId}" has other characters than letters, digits and dashes.`,
      );
    const system = (settings.fileSystems ?? new FileSystems()).of(output.uri);
    this.#output = output;
    this.#protocol =
      system.uploads === undefined
        ? new RenameCommit(output, actionId, system)
        : new UploadCommit(output, actionId, system, system.uploads);
  }

  /**
   * Checks that the output may be written and makes room for the attempts. Removes what killed runs left behind.
   * @throws {MillraceError} MR_OUTPUT_EXISTS in mode error when the output exists and is not empty
   */
  begin(): OutputStaging {
    checkOutputOptions(this.#output);
    try {
      return this.#protocol.begin();
    } catch (cause) {
      if (!(cause instanceof MillraceError) || (cause.code !== 'MR_NOT_FOUND' && cause.code !== 'MR_IO')) throw cause;
      const { details } = cause;
      throw new MillraceError(
        'MR_IO',
        `nothing can be written to ${describeUri(this.#output.uri)}: ${cause.message} Write elsewhere, or mend it.`,
        { cause, ...(details === undefined ? {} : { details }) },
      );
    }
  }

  /** Publishes these parts and `_SUCCESS`. On an error nothing of them is visible, and what was there before still is. */
  commit(parts: readonly StagedPart[]): CommittedOutput {
    try {
      checkParts(parts);
      this.#protocol.commit(parts);
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
    this.#protocol.abort();
  }
}

/** What can be refused before any worker starts. */
function checkOutputOptions(output: OutputSpec): void {
  const { format, mode, options } = output;
  checkOneOf(`saving ${format}`, 'mode', mode, outputModes);
  if (format === 'parquet') resolveWriteOptions(options);
  if (format === 'text' || format === 'csv' || format === 'jsonLines')
    checkOutputCompression(options.compression ?? 'none');
  if (format === 'csv') new CsvEncoder(options);
  if (format === 'jsonLines') checkOneOf('saving jsonLines', 'nonFinite', options.nonFinite, ['fail', 'null']);
  if (format === 'arrow') checkOneOf('saving arrow', 'ipc', options.ipc, ['file', 'stream']);
  const partitionBy = ('partitionBy' in options ? options.partitionBy : undefined) ?? [];
  if (!Array.isArray(partitionBy) || !partitionBy.every((name) => typeof name === 'string' && name !== ''))
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `saving ${format}: partitionBy must be an array of column names, got ${JSON.stringify(partitionBy)}.`,
    );
  const twice = partitionBy.find((name, index) => partitionBy.indexOf(name) !== index);
  if (twice !== undefined)
    throw new MillraceError('MR_OPTION_INVALID', `saving ${format}: partitionBy names "${twice}" twice.`);
  if (mode === 'overwritePartitions' && partitionBy.length === 0)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      "mode 'overwritePartitions' needs partitionBy: [...]. To replace everything pass mode: 'overwrite'.",
    );
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
