import { MillraceError } from '../../../base/errors.ts';
import type { RandomAccessFile } from '../file-system.ts';
import { CellError, type CellReader } from './encodings/cell.ts';
import { cellsOf, type LeafOptions, objectBuilder } from './encodings/cells.ts';
import type { Predicate } from './filter/predicate.ts';
import { rowFilter } from './filter/row-filter.ts';
import { describePlace, type ParquetPlace } from './parquet-errors.ts';
import type { ParquetLayout, PlannedParquetOptions } from './parquet-options.ts';
import type { ParquetSplit } from './plan.ts';
import type { PlannedRowGroup } from './planned-group.ts';
import { type LoadedColumn, RowGroupReader, slotShift } from './read-row-group.ts';

const maxBatchRows = 4096;

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
  clauses: readonly (readonly Predicate[])[] = [],
): Iterable<readonly unknown[]> {
  const layout = layoutOf(split, options);
  const names = options.schema.fields.map((field) => field.name);
  const build = objectBuilder(names);
  for (const group of split.groups) yield* readGroupRows({ file, group, layout, options, clauses }, names, build);
}

interface GroupReading {
  readonly file: RandomAccessFile;
  readonly group: PlannedRowGroup;
  readonly layout: ParquetLayout;
  readonly options: PlannedParquetOptions;
  readonly clauses: readonly (readonly Predicate[])[];
}

function* readGroupRows(
  reading: GroupReading,
  names: readonly string[],
  build: (columns: readonly (readonly unknown[])[], count: number) => unknown[],
): Iterable<readonly unknown[]> {
  const { file, group, layout, options, clauses } = reading;
  const reader = new RowGroupReader(file, group, options.verifyChecksums !== false);
  const keptRows = rowFilter(options.filter ?? [], clauses, layout, reader);
  // Decoded when the first row is kept: of many row groups a filter keeps none.
  let loaded: readonly CellReader[] | undefined;
  const cellsAt = (start: number, end: number): readonly unknown[][] => {
    loaded ??= cellReaders(reading, names, reader);
    return loaded.map((read) => read(start, end));
  };
  for (const range of group.ranges) {
    for (let start = range.start; start < range.end; start += maxBatchRows) {
      const end = Math.min(start + maxBatchRows, range.end);
      const kept = keptRows?.(start, end);
      if (kept === undefined || kept.length === end - start) {
        yield build(cellsAt(start, end), end - start);
      } else if (kept.length > 0) {
        const cells = cellsAt(start, end).map((column) => pick(column, kept));
        yield build(cells, kept.length);
      }
    }
  }
}

function cellReaders(
  { file, group, layout, options }: GroupReading,
  names: readonly string[],
  reader: RowGroupReader,
): readonly CellReader[] {
  const leafOptions = leafOptionsOf(layout, options);
  return layout.columns.map((shape, index): CellReader => {
    if (shape === null) return nullCells;
    const place = { uri: file.uri, rowGroup: group.index, column: names[index] ?? shape.name };
    const column = reader.column(shape);
    return atRows(
      column,
      explained(place, () => cellsOf(column.vector, leafOptions)),
    );
  });
}

function pick(cells: readonly unknown[], positions: readonly number[]): readonly unknown[] {
  return positions.map((position) => cells[position]);
}

/** Reads by rows of the group what is stored by slots of the pages that were read. */
function atRows({ runs }: LoadedColumn, read: CellReader): CellReader {
  if (runs === undefined) return read;
  return (start, end) => {
    const shift = slotShift(runs, start);
    return read(start + shift, end + shift);
  };
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
