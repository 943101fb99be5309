import { MillraceError } from '../../../base/errors.ts';
import type { RandomAccessFile } from '../file-system.ts';
import { leavesOf } from './column-shape.ts';
import { assemble, type ParquetVector } from './encodings/assemble.ts';
import { CellError, type CellReader } from './encodings/cell.ts';
import { cellsOf, type LeafOptions, objectBuilder } from './encodings/cells.ts';
import { ParquetFormatError } from './format/parquet-format-error.ts';
import { describePlace, inParquetFile, type ParquetPlace } from './parquet-errors.ts';
import type { ParquetLayout, PlannedParquetOptions } from './parquet-options.ts';
import type { ParquetSplit, PlannedRowGroup } from './plan.ts';
import { type DecodedChunk, decodeChunk } from './read-chunk.ts';
import { readRanges } from './read-ranges.ts';
import type { ParquetSchema } from './schema.ts';

const maxBatchRows = 4096;

/** The columns of one row group. */
export interface ParquetColumns {
  readonly schema: ParquetSchema;
  readonly numRows: number;
  /** One a field of the schema; undefined where the file lacks it, so that all its values are null. */
  readonly columns: readonly (ParquetVector | undefined)[];
}

/**
 * The rows of a split as objects, in batches of up to 4096, in file order. Synchronous; holds one row group in memory, and
 * of it only the columns that were asked for.
 *
 * @throws {MillraceError} MR_PARSE or MR_UNSUPPORTED naming file, row group, column and byte offset; MR_SCHEMA when a value
 *   cannot be given exactly as the options ask
 */
export function* readParquetSplit(
  file: RandomAccessFile,
  split: ParquetSplit,
  options: PlannedParquetOptions,
): Iterable<readonly unknown[]> {
  const layout = layoutOf(split, options);
  const names = options.schema.fields.map((field) => field.name);
  const build = objectBuilder(names);
  const leafOptions = leafOptionsOf(layout, options);
  for (const group of split.groups) {
    const { columns, numRows } = readRowGroup(file, group, layout, options);
    const readers = columns.map((column, index) => {
      const place = { uri: file.uri, rowGroup: group.index, column: names[index] ?? '' };
      return column === undefined ? nullCells : explained(place, () => cellsOf(column, leafOptions));
    });
    for (let start = 0; start < numRows; start += maxBatchRows) {
      const end = Math.min(start + maxBatchRows, numRows);
      yield build(
        readers.map((read) => read(start, end)),
        end - start,
      );
    }
  }
}

/**
 * The columns of a split, a row group at a time, in Arrow's layout: for whoever works on columns and makes no row objects.
 *
 * @throws {MillraceError} as {@link readParquetSplit}
 */
export function* readParquetColumns(
  file: RandomAccessFile,
  split: ParquetSplit,
  options: PlannedParquetOptions,
): Iterable<ParquetColumns> {
  const layout = layoutOf(split, options);
  for (const group of split.groups) yield readRowGroup(file, group, layout, options);
}

function readRowGroup(
  file: RandomAccessFile,
  group: PlannedRowGroup,
  layout: ParquetLayout,
  options: PlannedParquetOptions,
): ParquetColumns {
  const place: ParquetPlace = { uri: file.uri, rowGroup: group.index };
  const bytes = inParquetFile(place, () =>
    readRanges(
      file,
      group.chunks.map((chunk) => chunk.bytes),
    ),
  );
  const columns = layout.columns.map((shape) => {
    if (shape === null) return undefined;
    return inParquetFile({ ...place, column: shape.name }, () => {
      const chunks = new Map<number, DecodedChunk>();
      for (const leaf of leavesOf(shape)) {
        const position = group.chunks.findIndex((chunk) => chunk.leafIndex === leaf.index);
        const chunk = group.chunks[position];
        const pages = bytes[position];
        if (chunk === undefined || pages === undefined) continue;
        const chunkOptions = { ...chunk, verifyChecksums: options.verifyChecksums !== false };
        chunks.set(leaf.index, decodeChunk(leaf, [{ bytes: pages, position: chunk.bytes.offset }], chunkOptions));
      }
      const vector = assemble(shape, chunks);
      if (vector.length !== group.numRows)
        throw new ParquetFormatError(`it has ${vector.length} rows where the footer says ${group.numRows}`);
      return vector;
    });
  });
  return { schema: options.schema, numRows: group.numRows, columns };
}

function layoutOf(split: ParquetSplit, options: PlannedParquetOptions): ParquetLayout {
  const layout = options.layouts[split.layout];
  if (layout === undefined)
    throw new MillraceError('MR_BUG', `${split.uri}: the split refers to layout ${split.layout} of another plan.`);
  return layout;
}

function leafOptionsOf(layout: ParquetLayout, options: PlannedParquetOptions): LeafOptions {
  const bigints = new Set(layout.bigintLeaves);
  const timestamps = options.timestamps ?? 'auto';
  return (leafIndex) => ({ int64: bigints.has(leafIndex) ? 'bigint' : 'number', timestamps });
}

const nullCells: CellReader = (start, end) => new Array<null>(end - start).fill(null);

/** What cannot be given as the options ask becomes an error that names the place, now and when rows are read. */
function explained(place: ParquetPlace, prepare: () => CellReader): CellReader {
  const explain = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CellError)) throw error;
      throw new MillraceError('MR_SCHEMA', `${describePlace(place)}, value ${error.slot}: ${error.message}`, {
        cause: error,
      });
    }
  };
  const read = explain(prepare);
  return (start, end) => explain(() => read(start, end));
}
