import { MillraceError } from '../../../base/errors.ts';
import type { RandomAccessFile } from '../file-system.ts';
import { describeUri } from '../uri.ts';
import { leavesOf } from './column-shape.ts';
import { readPageLocations } from './filter/prune.ts';
import { countRows, overlaps, type RowRange } from './filter/row-ranges.ts';
import type { Codec, FormatPageLocation } from './format/parquet-format.ts';
import type { ByteRange, ParquetChunk, ParquetMetadata, ParquetRowGroup } from './metadata.ts';
import type { ParquetLayout } from './parquet-options.ts';

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

/** The whole of a row group, of the columns that are wanted. */
export function wholeGroup(group: ParquetRowGroup, layout: ParquetLayout, metadata: ParquetMetadata): PlannedRowGroup {
  const { index, numRows } = group;
  const chunks = wantedChunks(group, layout, metadata).map(plannedChunk);
  return { index, numRows, ranges: [{ start: 0, end: numRows }], chunks };
}

export interface GroupSource {
  readonly layout: ParquetLayout;
  readonly metadata: ParquetMetadata;
  readonly file: RandomAccessFile;
}

/** The pages of a row group that hold rows of the ranges; none at all where there are no ranges. */
export function narrowedGroup(
  group: ParquetRowGroup,
  ranges: readonly RowRange[],
  { layout, metadata, file }: GroupSource,
): readonly PlannedRowGroup[] {
  if (ranges.length === 0) return [];
  const { index, numRows } = group;
  if (countRows(ranges) === numRows) return [wholeGroup(group, layout, metadata)];
  const wanted = wantedChunks(group, layout, metadata);
  const together = leavesReadTogether(layout);
  const locations = readPageLocations(
    file,
    wanted.map(({ chunk }) => chunk),
  );
  const chunks = wanted.map((one, position) =>
    together.has(one.chunk.leafIndex) ? plannedChunk(one) : withPages(one, locations[position], ranges, numRows),
  );
  return [{ index, numRows, ranges, chunks }];
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
  return [...wantedLeaves(layout)].flatMap((leafIndex): readonly WantedChunk[] => {
    const chunk = group.chunks[leafIndex];
    if (chunk === undefined) return [];
    const name = leaves[leafIndex]?.path.join('.') ?? '';
    if (chunk.isEncrypted) throw unsupported(uri, `column ${name} is encrypted. Leave it out with the option columns`);
    if (chunk.codec === undefined)
      throw unsupported(uri, `column ${name} is compressed with a codec that the format does not name`);
    return [{ chunk, codec: chunk.codec }];
  });
}

/** The leaves that make up rows, and those that a filter looks at. */
function wantedLeaves({ columns, conditionLeaves }: ParquetLayout): ReadonlySet<number> {
  return new Set(
    [...columns, ...conditionLeaves].flatMap((part) => {
      if (part === null) return [];
      return 'kind' in part ? leavesOf(part).map(({ index }) => index) : [part.index];
    }),
  );
}

/** The bytes of all pages that rows and filter could need of a row group. */
export function wantedBytes(group: ParquetRowGroup, layout: ParquetLayout): number {
  return [...wantedLeaves(layout)].reduce((sum, leaf) => sum + (group.chunks[leaf]?.bytes.length ?? 0), 0);
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

/** The byte ranges that reading a chunk takes. */
export function rangesOf({ bytes, pages }: PlannedChunk): readonly ByteRange[] {
  if (pages === undefined) return [bytes];
  const runs = pages.runs.map((run) => run.bytes);
  return pages.dictionary === undefined ? runs : [pages.dictionary, ...runs];
}

/** The bytes that reading a row group takes. */
export function sizeOf(group: PlannedRowGroup): number {
  return group.chunks.flatMap(rangesOf).reduce((sum, { length }) => sum + length, 0);
}

function unsupported(uri: string, reason: string): MillraceError {
  return new MillraceError('MR_UNSUPPORTED', `${describeUri(uri)}: ${reason}.`, {
    details: { path: describeUri(uri) },
  });
}
