import { MillraceError } from '../../base/errors.ts';
import { compressionOf } from './compression.ts';
import type { FileStatus } from './file-system.ts';
import { FileSystems } from './file-systems.ts';
import { listInputFiles } from './input-files.ts';
import type { PlanSettings, ReadSettings, SourcePlan, SourceSpec } from './source-spec.ts';
import { type Split, splitFiles, wholeFile } from './split.ts';
import { readTextSplit } from './text-reader.ts';
import {
  alignToRecords,
  readBinaryFileSplit,
  readBinaryRecordsSplit,
  readWholeTextSplit,
} from './whole-file-reader.ts';

/**
 * Lists the files of a source, infers what is not given and cuts the files into splits. Synchronous; reads file names,
 * and for some formats the beginning of files.
 *
 * @throws {MillraceError} MR_NOT_FOUND, MR_IO, MR_PARSE or MR_OPTION_INVALID, naming the path
 */
export function planSource(source: SourceSpec, settings: PlanSettings): SourcePlan {
  if (!Number.isInteger(settings.minPartitions) || settings.minPartitions < 1)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${source.format}("${source.paths.join('", "')}"): partitions must be an integer of at least 1, got ${settings.minPartitions}. Leave it out to use the default.`,
    );
  const fileSystems = settings.fileSystems ?? new FileSystems();
  const files = listInputFiles(source.paths, fileSystems);
  switch (source.format) {
    case 'text':
      return { source, splits: splitLines(files, settings) };
    case 'wholeText':
    case 'binaryFiles':
      return { source, splits: files.map(wholeFile) };
    case 'binaryRecords': {
      const { recordLength } = source.options;
      if (!Number.isInteger(recordLength) || recordLength < 1)
        throw new MillraceError(
          'MR_OPTION_INVALID',
          `binaryRecords: recordLength must be an integer of at least 1, got ${recordLength}.`,
        );
      return { source, splits: alignToRecords(splitFiles(files, settings), recordLength) };
    }
  }
}

/**
 * The rows of one split in batches of up to a few thousand, in file order and bounded memory. Files are closed when the
 * iteration ends, also when it is left early.
 */
export function readSplit(source: SourceSpec, split: Split, settings: ReadSettings = {}): Iterable<readonly unknown[]> {
  switch (source.format) {
    case 'text':
      return readTextSplit(split, source.options, settings);
    case 'wholeText':
      return readWholeTextSplit(split, source.options, settings);
    case 'binaryFiles':
      return readBinaryFileSplit(split, settings);
    case 'binaryRecords':
      return readBinaryRecordsSplit(split, source.options, settings);
  }
}

/** Byte ranges for line by line formats; a compressed file is one split. */
function splitLines(files: readonly FileStatus[], settings: PlanSettings): readonly Split[] {
  return splitFiles(files, settings, (file) => compressionOf(file.uri) === 'none');
}
