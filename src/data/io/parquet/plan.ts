import { MillraceError } from '../../../base/errors.ts';
import type { FileStatus, RandomAccessFile } from '../file-system.ts';
import type { Split } from '../split.ts';
import { describeUri } from '../uri.ts';
import { leavesOf } from './column-shape.ts';
import type { Codec } from './format/parquet-format.ts';
import { type ByteRange, type ParquetMetadata, type ParquetRowGroup, readParquetMetadata } from './metadata.ts';
import type { ParquetLayout, ParquetReadOptions, PlannedParquetOptions } from './parquet-options.ts';
import { planColumns } from './plan-columns.ts';

/** The pages of one leaf in one row group that a split reads. */
export interface PlannedChunk {
  readonly leafIndex: number;
  readonly codec: Codec;
  readonly numLevels: number;
  readonly bytes: ByteRange;
}

export interface PlannedRowGroup {
  readonly index: number;
  readonly numRows: number;
  readonly chunks: readonly PlannedChunk[];
}

/** Some row groups of one file, with all that a task needs to read them without the footer. Plain data. */
export interface ParquetSplit extends Split {
  /** Position among the layouts of the planned options. */
  readonly layout: number;
  readonly groups: readonly PlannedRowGroup[];
}

export interface ParquetPlanSettings {
  /** Opens a file to read its footer; it is closed again. */
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
 * Reads the footers of files, decides on their common schema and cuts them into splits of whole row groups.
 *
 * @throws {MillraceError} MR_PARSE or MR_UNSUPPORTED naming the file; MR_SCHEMA naming both files whose columns disagree;
 *   MR_OPTION_INVALID for a column that is not there
 */
export function planParquet(
  files: readonly FileStatus[],
  options: ParquetReadOptions,
  settings: ParquetPlanSettings,
): ParquetPlan {
  const footers = files.map((status) => {
    const file = settings.open(status);
    try {
      return { status, metadata: readParquetMetadata(file) };
    } finally {
      file.close();
    }
  });
  const { schema, layouts, layoutIndexes } = planColumns(
    footers.map(({ metadata }) => metadata),
    options,
  );
  const candidates = footers.map(({ status, metadata }, index) => {
    const layoutIndex = layoutIndexes[index] ?? 0;
    const layout = layouts[layoutIndex];
    const groups = metadata.rowGroups
      .filter((group) => group.numRows > 0)
      .map((group) => plannedGroup(group, layout, metadata));
    return { status, layoutIndex, groups };
  });
  const total = candidates.reduce(
    (sum, { groups }) => sum + groups.reduce((size, group) => size + sizeOf(group), 0),
    0,
  );
  const target = Math.min(
    settings.maxSplitBytes ?? defaultMaxSplitBytes,
    Math.ceil(total / (settings.minPartitions ?? 1)),
  );
  const splits = candidates.flatMap(({ status, layoutIndex, groups }) =>
    packed(groups, target).map(
      (part): ParquetSplit => ({ ...status, ...extentOf(part), layout: layoutIndex, groups: part }),
    ),
  );
  return { options: { ...options, schema, layouts }, splits };
}

function plannedGroup(
  group: ParquetRowGroup,
  layout: ParquetLayout | undefined,
  { uri, leaves }: ParquetMetadata,
): PlannedRowGroup {
  const wanted = (layout?.columns ?? []).flatMap((shape) => (shape === null ? [] : leavesOf(shape)));
  const chunks = wanted.flatMap((leaf): readonly PlannedChunk[] => {
    const chunk = group.chunks[leaf.index];
    if (chunk === undefined) return [];
    const name = leaves[leaf.index]?.path.join('.') ?? '';
    if (chunk.isEncrypted) throw unsupported(uri, `column ${name} is encrypted. Leave it out with the option columns`);
    if (chunk.codec === undefined)
      throw unsupported(uri, `column ${name} is compressed with a codec that the format does not name`);
    return [{ leafIndex: leaf.index, codec: chunk.codec, numLevels: chunk.numLevels, bytes: chunk.bytes }];
  });
  return { index: group.index, numRows: group.numRows, chunks };
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

function sizeOf(group: PlannedRowGroup): number {
  return group.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
}

/** The bytes from the first to the last page, for who shows or balances splits. */
function extentOf(groups: readonly PlannedRowGroup[]): {
  readonly start: number;
  readonly end: number;
  readonly rowGroups: readonly number[];
} {
  const ranges = groups.flatMap((group) => group.chunks.map((chunk) => chunk.bytes));
  const start = ranges.reduce((least, range) => Math.min(least, range.offset), Number.MAX_SAFE_INTEGER);
  const end = ranges.reduce((most, range) => Math.max(most, range.offset + range.length), 0);
  return { start: ranges.length === 0 ? 0 : start, end, rowGroups: groups.map((group) => group.index) };
}

function unsupported(uri: string, reason: string): MillraceError {
  return new MillraceError('MR_UNSUPPORTED', `${describeUri(uri)}: ${reason}.`, {
    details: { path: describeUri(uri) },
  });
}
