import { MillraceError } from '../../../base/errors.ts';
import type { FileStatus, RandomAccessFile } from '../file-system.ts';
import type { Split } from '../split.ts';
import { predicateOf } from './filter/predicate.ts';
import { rowsToRead } from './filter/prune.ts';
import { type ParquetMetadata, readParquetMetadata } from './metadata.ts';
import { inParquetFile } from './parquet-errors.ts';
import type { ParquetLayout, ParquetReadOptions, PlannedParquetOptions } from './parquet-options.ts';
import { planColumns } from './plan-columns.ts';
import { narrowedGroup, type PlannedRowGroup, rangesOf, sizeOf, wantedBytes, wholeGroup } from './planned-group.ts';

/** Some row groups of one file, with all that a task needs to read them without the footer. Plain data. */
export interface ParquetSplit extends Split {
  /** Position among the layouts of the planned options. */
  readonly layout: number;
  readonly groups: readonly PlannedRowGroup[];
}

export interface ParquetPlanSettings {
  /** Opens a file to read its footer and indexes; it is closed again. */
  readonly open: (file: FileStatus) => RandomAccessFile;
  /** At least this many splits, if there are as many row groups. Default 1. */
  readonly minPartitions?: number | undefined;
  /** Row groups of one file are read by one task up to this many bytes. Default 32 MiB. */
  readonly maxSplitBytes?: number | undefined;
}

export interface ParquetPlan {
  readonly options: PlannedParquetOptions;
  readonly splits: readonly ParquetSplit[];
}

const defaultMaxSplitBytes = 32 * 1024 * 1024;

/**
 * Reads the footers of files, decides on their common schema and cuts them into splits of whole row groups. With a filter,
 * row groups and pages that cannot have a matching row are left out, by statistics, bloom filters and page indexes.
 *
 * @throws {MillraceError} MR_PARSE or MR_UNSUPPORTED naming the file; MR_SCHEMA naming both files whose columns disagree;
 *   MR_OPTION_INVALID for a column that is not there or cannot be compared
 */
export function planParquet(
  files: readonly FileStatus[],
  options: ParquetReadOptions,
  settings: ParquetPlanSettings,
): ParquetPlan {
  const footers = files.map((status) => ({ status, metadata: withFile(settings, status, readParquetMetadata) }));
  const { schema, layouts, layoutIndexes } = planColumns(
    footers.map(({ metadata }) => metadata),
    options,
  );
  const total = { rowGroups: 0, bytes: 0 };
  const candidates = footers.map(({ status, metadata }, index) => {
    const layoutIndex = layoutIndexes[index] ?? 0;
    const layout = layouts[layoutIndex];
    if (layout === undefined) throw new MillraceError('MR_BUG', `${status.uri} has no layout.`);
    total.rowGroups += metadata.rowGroups.length;
    total.bytes += metadata.rowGroups.reduce((sum, group) => sum + wantedBytes(group, layout), 0);
    return { status, layoutIndex, groups: plannedGroups(status, metadata, layout, options, settings) };
  });
  const sizes = candidates.flatMap(({ groups }) => groups.map(sizeOf));
  const size = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const target = Math.min(
    settings.maxSplitBytes ?? defaultMaxSplitBytes,
    Math.ceil(size / (settings.minPartitions ?? 1)),
  );
  const splits = candidates.flatMap(({ status, layoutIndex, groups }) =>
    packed(groups, target).map(
      (part): ParquetSplit => ({ ...status, ...extentOf(part), layout: layoutIndex, groups: part }),
    ),
  );
  return { options: { ...options, schema, layouts, total }, splits };
}

function withFile<T>({ open }: ParquetPlanSettings, status: FileStatus, work: (file: RandomAccessFile) => T): T {
  const file = open(status);
  try {
    return work(file);
  } finally {
    file.close();
  }
}

function plannedGroups(
  status: FileStatus,
  metadata: ParquetMetadata,
  layout: ParquetLayout,
  { filter = [] }: ParquetReadOptions,
  settings: ParquetPlanSettings,
): readonly PlannedRowGroup[] {
  const { uri, createdBy } = metadata;
  const groups = metadata.rowGroups.filter((group) => group.numRows > 0);
  if (filter.length === 0) return groups.map((group) => wholeGroup(group, layout, metadata));
  const clauses = filter.flatMap((condition, index) => {
    const leaf = layout.conditionLeaves[index];
    return leaf === null || leaf === undefined ? [] : [[predicateOf(condition, leaf)]];
  });
  // A column that the file lacks is null in every row.
  if (filter.some(({ op }, index) => layout.conditionLeaves[index] === null && op !== 'isNull')) return [];
  return withFile(settings, status, (file) =>
    groups.flatMap((group) =>
      inParquetFile({ uri, rowGroup: group.index }, () => {
        const ranges = rowsToRead(group, clauses, { file, createdBy });
        return narrowedGroup(group, ranges, { layout, metadata, file });
      }),
    ),
  );
}

/** Neighbours together until they reach `target` bytes. */
function packed(groups: readonly PlannedRowGroup[], target: number): readonly (readonly PlannedRowGroup[])[] {
  const parts: PlannedRowGroup[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const group of groups) {
    if (size + sizeOf(group) > target) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(group);
    size += sizeOf(group);
  }
  return parts;
}

/** The bytes from the first to the last page, for who shows or balances splits. */
function extentOf(groups: readonly PlannedRowGroup[]): Pick<ParquetSplit, 'start' | 'end' | 'rowGroups'> {
  const ranges = groups.flatMap((group) => group.chunks.flatMap(rangesOf));
  const start = ranges.reduce((least, range) => Math.min(least, range.offset), Number.POSITIVE_INFINITY);
  const end = ranges.reduce((most, range) => Math.max(most, range.offset + range.length), 0);
  return { start: Math.min(start, end), end, rowGroups: groups.map((group) => group.index) };
}
