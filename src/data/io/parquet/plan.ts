import { MillraceError } from '../../../base/errors.ts';
import type { FileStatus, RandomAccessFile } from '../file-system.ts';
import type { Split } from '../split.ts';
import { describeUri } from '../uri.ts';
import { leavesOf } from './column-shape.ts';
import { predicateOf } from './filter/predicate.ts';
import { readPageLocations, rowsToRead } from './filter/prune.ts';
import { countRows, overlaps, type RowRange } from './filter/row-ranges.ts';
import type { Codec, FormatPageLocation } from './format/parquet-format.ts';
import {
  type ByteRange,
  type ParquetChunk,
  type ParquetMetadata,
  type ParquetRowGroup,
  readParquetMetadata,
} from './metadata.ts';
import { inParquetFile } from './parquet-errors.ts';
import type { ParquetLayout, ParquetReadOptions, PlannedParquetOptions } from './parquet-options.ts';
import { planColumns } from './plan-columns.ts';

/** Pages that lie behind each other and hold the rows from `firstRow` on. */
export interface PageRun {
  readonly bytes: ByteRange;
  readonly firstRow: number;
  readonly numRows: number;
}

/** The pages of one leaf in one row group that a split reads. */
export interface PlannedChunk {
  readonly leafIndex: number;
  readonly codec: Codec;
  readonly numLevels: number;
  /** All of its pages. */
  readonly bytes: ByteRange;
  /** Where a filter leaves only some of the pages to read: these, and the dictionary before them. */
  readonly pages?: { readonly dictionary: ByteRange | undefined; readonly runs: readonly PageRun[] };
}

export interface PlannedRowGroup {
  readonly index: number;
  readonly numRows: number;
  /** The rows that may fulfil the filter. */
  readonly ranges: readonly RowRange[];
  readonly chunks: readonly PlannedChunk[];
}

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
  const candidates = footers.map(({ status, metadata }, index) => {
    const layoutIndex = layoutIndexes[index] ?? 0;
    const layout = layouts[layoutIndex];
    if (layout === undefined) throw new MillraceError('MR_BUG', `${status.uri} has no layout.`);
    return { status, layoutIndex, groups: plannedGroups(status, metadata, layout, options, settings) };
  });
  const sizes = candidates.flatMap(({ groups }) => groups.map(sizeOf));
  const total = sizes.reduce((sum, size) => sum + size, 0);
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
  if (filter.length === 0) {
    return groups.map((group) => ({
      index: group.index,
      numRows: group.numRows,
      ranges: [{ start: 0, end: group.numRows }],
      chunks: wantedChunks(group, layout, metadata).map(plannedChunk),
    }));
  }
  const predicates = filter.flatMap((condition, index) => {
    const leaf = layout.conditionLeaves[index];
    return leaf === null || leaf === undefined ? [] : [predicateOf(condition, leaf)];
  });
  // A column that the file lacks is null in every row.
  if (filter.some(({ op }, index) => layout.conditionLeaves[index] === null && op !== 'isNull')) return [];
  return withFile(settings, status, (file) =>
    groups.flatMap((group): readonly PlannedRowGroup[] =>
      inParquetFile({ uri, rowGroup: group.index }, () => {
        const ranges = rowsToRead(group, predicates, { file, createdBy });
        if (ranges.length === 0) return [];
        const { index, numRows } = group;
        const chunks = wantedChunks(group, layout, metadata);
        const together = leavesReadTogether(layout);
        if (countRows(ranges) === numRows) return [{ index, numRows, ranges, chunks: chunks.map(plannedChunk) }];
        const locations = readPageLocations(
          file,
          chunks.map(({ chunk }) => chunk),
        );
        return [
          {
            index,
            numRows,
            ranges,
            chunks: chunks.map((wanted, position) =>
              together.has(wanted.chunk.leafIndex)
                ? plannedChunk(wanted)
                : withPages(wanted, locations[position], ranges, numRows),
            ),
          },
        ];
      }),
    ),
  );
}

interface WantedChunk {
  readonly chunk: ParquetChunk;
  readonly codec: Codec;
}

/** The chunks that rows and filter need; refuses what cannot be read. */
function wantedChunks(
  group: ParquetRowGroup,
  layout: ParquetLayout,
  { uri, leaves }: ParquetMetadata,
): readonly WantedChunk[] {
  const wanted = new Set(
    [...layout.columns, ...layout.conditionLeaves].flatMap((part) => {
      if (part === null) return [];
      return 'kind' in part ? leavesOf(part).map(({ index }) => index) : [part.index];
    }),
  );
  return [...wanted].flatMap((leafIndex): readonly WantedChunk[] => {
    const chunk = group.chunks[leafIndex];
    if (chunk === undefined) return [];
    const name = leaves[leafIndex]?.path.join('.') ?? '';
    if (chunk.isEncrypted) throw unsupported(uri, `column ${name} is encrypted. Leave it out with the option columns`);
    if (chunk.codec === undefined)
      throw unsupported(uri, `column ${name} is compressed with a codec that the format does not name`);
    return [{ chunk, codec: chunk.codec }];
  });
}

/** Leaves of one nested column have pages of their own each; they are read whole, so that their rows agree. */
function leavesReadTogether({ columns }: ParquetLayout): ReadonlySet<number> {
  const leaves = columns.map((shape) => (shape === null ? [] : leavesOf(shape)));
  return new Set(leaves.filter(({ length }) => length > 1).flatMap((together) => together.map(({ index }) => index)));
}

function plannedChunk({ chunk: { leafIndex, numLevels, bytes }, codec }: WantedChunk): PlannedChunk {
  return { leafIndex, codec, numLevels, bytes };
}

/** The chunk with only the pages that hold rows of the ranges, where an offset index says which. */
function withPages(
  wanted: WantedChunk,
  locations: readonly FormatPageLocation[] | undefined,
  ranges: readonly RowRange[],
  numRows: number,
): PlannedChunk {
  const planned = plannedChunk(wanted);
  const first = locations?.[0];
  if (locations === undefined || first === undefined || first.firstRowIndex !== 0) return planned;
  const { bytes } = planned;
  const dictionary =
    first.offset > bytes.offset ? { offset: bytes.offset, length: first.offset - bytes.offset } : undefined;
  const runs: PageRun[] = [];
  for (const [index, page] of locations.entries()) {
    const end = locations[index + 1]?.firstRowIndex ?? numRows;
    if (!overlaps(ranges, page.firstRowIndex, end)) continue;
    const { offset, compressedPageSize: length } = page;
    const run = runs.at(-1);
    // Pages behind each other in the file and in rows are one run, so that every range lies in one.
    if (
      run !== undefined &&
      run.bytes.offset + run.bytes.length === offset &&
      run.firstRow + run.numRows === page.firstRowIndex
    )
      runs[runs.length - 1] = {
        bytes: { offset: run.bytes.offset, length: run.bytes.length + length },
        firstRow: run.firstRow,
        numRows: end - run.firstRow,
      };
    else runs.push({ bytes: { offset, length }, firstRow: page.firstRowIndex, numRows: end - page.firstRowIndex });
  }
  const isWhole = ranges.every(({ start, end }) =>
    runs.some((run) => run.firstRow <= start && run.firstRow + run.numRows >= end),
  );
  return isWhole ? { ...planned, pages: { dictionary, runs } } : planned;
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

/** The byte ranges that reading a chunk takes. */
export function rangesOf({ bytes, pages }: PlannedChunk): readonly ByteRange[] {
  if (pages === undefined) return [bytes];
  const runs = pages.runs.map((run) => run.bytes);
  return pages.dictionary === undefined ? runs : [pages.dictionary, ...runs];
}

function sizeOf(group: PlannedRowGroup): number {
  return group.chunks.flatMap(rangesOf).reduce((sum, { length }) => sum + length, 0);
}

/** The bytes from the first to the last page, for who shows or balances splits. */
function extentOf(groups: readonly PlannedRowGroup[]): Pick<ParquetSplit, 'start' | 'end' | 'rowGroups'> {
  const ranges = groups.flatMap((group) => group.chunks.flatMap(rangesOf));
  const start = ranges.reduce((least, range) => Math.min(least, range.offset), Number.POSITIVE_INFINITY);
  const end = ranges.reduce((most, range) => Math.max(most, range.offset + range.length), 0);
  return { start: Math.min(start, end), end, rowGroups: groups.map((group) => group.index) };
}

function unsupported(uri: string, reason: string): MillraceError {
  return new MillraceError('MR_UNSUPPORTED', `${describeUri(uri)}: ${reason}.`, {
    details: { path: describeUri(uri) },
  });
}
