import { MillraceError } from '../../base/errors.ts';
import { type ArrowSplit, planArrow, readArrowSplit } from './arrow/arrow-source.ts';
import { compressionOf } from './compression.ts';
import { planCsvColumns, planCsvSplits } from './csv/csv-plan.ts';
import { readCsvSplit } from './csv/csv-reader.ts';
import type { FileStatus, RandomAccessFile } from './file-system.ts';
import { FileSystems } from './file-systems.ts';
import { addPartitionValues } from './hive-partitions.ts';
import { listInputFiles } from './input-files.ts';
import { readJsonLinesSplit } from './json/json-lines-reader.ts';
import { readObjectFile } from './object/object-file.ts';
import { openPlanned } from './open-split.ts';
import { applyRowUse } from './parquet/filter/apply-row-use.ts';
import { type ParquetSplit, planParquet } from './parquet/plan.ts';
import { readParquetSplit } from './parquet/read-split.ts';
import { dropsAllRows, prunePartitions } from './partition-pruning.ts';
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
  return { ...planFiles(source, files, settings, fileSystems), files: files.map(({ uri }) => uri) };
}

function planFiles(
  source: SourceSpec,
  files: readonly FileStatus[],
  settings: PlanSettings,
  fileSystems: FileSystems,
): Omit<SourcePlan, 'files'> {
  const open = (file: FileStatus): RandomAccessFile => fileSystems.of(file.uri).openRead(file.uri, file);
  switch (source.format) {
    case 'text':
      return { source, splits: splitLines(files, settings) };
    case 'wholeText':
    case 'binaryFiles':
    case 'object':
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
    case 'csv': {
      const { options } = source;
      const { schema, columns } = options;
      const types = { ...schema, ...settings.partitionTypes };
      const pruned = prunePartitions(files, { ...settings, partitionTypes: types });
      const own = {
        ...options,
        ...(schema === undefined ? {} : { schema: without(schema, pruned.names) }),
        ...(columns === undefined ? {} : { columns: columns.filter((name) => !pruned.names.includes(name)) }),
      };
      const planned = planCsvColumns(pruned.files, own, fileSystems);
      const splits = planCsvSplits(pruned.files, own, settings, fileSystems);
      return { source: { ...source, options: { ...own, planned } }, splits: pruned.label(splits, columns) };
    }
    case 'parquet': {
      const { columns, filter = [] } = source.options;
      const pruned = prunePartitions(files, settings, filter);
      const { minPartitions, maxSplitBytes } = settings;
      if (pruned.files.length === 0) return { source, splits: [] };
      const own = {
        ...source.options,
        filter: filter.filter(({ column }) => !pruned.names.includes(column)),
        ...(columns === undefined ? {} : { columns: columns.filter((name) => !pruned.names.includes(name)) }),
      };
      const { options, splits } = planParquet(pruned.files, own, { open, minPartitions, maxSplitBytes });
      return { source: { ...source, options }, splits: pruned.label(splits, columns) };
    }
    case 'arrow': {
      const pruned = prunePartitions(files, settings);
      return { source, splits: pruned.label(planArrow(pruned.files, settings, open)) };
    }
    case 'jsonLines': {
      const pruned = prunePartitions(files, settings);
      return { source, splits: pruned.label(splitLines(pruned.files, settings)) };
    }
  }
}

function without<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

/**
 * The rows of one split in batches of up to a few thousand, in file order and bounded memory. Files are closed when the
 * iteration ends, also when it is left early.
 */
export function readSplit(source: SourceSpec, split: Split, settings: ReadSettings = {}): Iterable<readonly unknown[]> {
  if (settings.use !== undefined && dropsAllRows(split, settings.use)) return [];
  switch (source.format) {
    case 'text':
      return readTextSplit(split, source.options, settings);
    case 'wholeText':
      return readWholeTextSplit(split, source.options, settings);
    case 'binaryFiles':
      return readBinaryFileSplit(split, settings);
    case 'csv':
      return readCsvSplit(split, source.options, settings);
    case 'jsonLines':
      return readJsonLinesSplit(split, source.options, settings);
    case 'parquet': {
      const { options } = source;
      if (!('layouts' in options))
        throw new MillraceError('MR_BUG', 'a parquet source was read before it was planned.');
      return readColumnar(split, settings, (file) => {
        const use = settings.use ?? {};
        const reading = applyRowUse(file, split as ParquetSplit, options, use);
        return readParquetSplit(file, reading.split, reading.options, reading.clauses);
      });
    }
    case 'object':
      return readColumnar(split, settings, readObjectFile);
    case 'arrow':
      return readColumnar(split, settings, (file) => readArrowSplit(file, split as ArrowSplit));
    case 'binaryRecords':
      return readBinaryRecordsSplit(split, source.options, settings);
  }
}

/** Byte ranges for line by line formats; a compressed file is one split. */
function splitLines(files: readonly FileStatus[], settings: PlanSettings): readonly Split[] {
  return splitFiles(files, settings, (file) => compressionOf(file.uri) === 'none');
}

/** The rows of formats that make their own splits, with the values of the Hive directories above the file. */
function* readColumnar(
  split: Split,
  settings: ReadSettings,
  read: (file: RandomAccessFile) => Iterable<readonly unknown[]>,
): Generator<readonly unknown[]> {
  const { partitionValues } = split;
  const file = openPlanned(split, settings);
  try {
    for (const rows of read(file)) {
      if (partitionValues !== undefined) addPartitionValues(rows, partitionValues);
      yield rows;
    }
    file.checkUnchanged();
  } finally {
    file.close();
  }
}
