import { MillraceError } from '../../../base/errors.ts';
import type { RandomAccessFile } from '../file-system.ts';
import { type ColumnShape, leavesOf, type ParquetLeaf } from './column-shape.ts';
import { assemble, type ParquetVector } from './encodings/assemble.ts';
import { ParquetFormatError } from './format/parquet-format-error.ts';
import type { ByteRange } from './metadata.ts';
import { inParquetFile, type ParquetPlace } from './parquet-errors.ts';
import { type PageRun, type PlannedChunk, type PlannedRowGroup, rangesOf } from './planned-group.ts';
import { type ChunkBytes, type DecodedChunk, decodeChunk } from './read-chunk.ts';
import { readRanges } from './read-ranges.ts';

/** A column of a row group, or the part of it that a filter left. */
export interface LoadedColumn {
  readonly vector: ParquetVector;
  /** Which rows the slots of the vector are, in order; undefined when they are all rows of the group. */
  readonly runs: readonly PageRun[] | undefined;
}

/** The bytes of a row group that a split needs, and the decoding of its columns, one at a time. */
export class RowGroupReader {
  readonly #file: RandomAccessFile;
  readonly #group: PlannedRowGroup;
  readonly #verifyChecksums: boolean;
  readonly #chunks: ReadonlyMap<number, { readonly chunk: PlannedChunk; readonly segments: readonly ChunkBytes[] }>;

  constructor(file: RandomAccessFile, group: PlannedRowGroup, verifyChecksums: boolean) {
    this.#file = file;
    this.#group = group;
    this.#verifyChecksums = verifyChecksums;
    const { chunks } = group;
    const ranges = chunks.map(rangesOf);
    const bytes = inParquetFile({ uri: file.uri, rowGroup: group.index }, () => readRanges(file, ranges.flat()));
    let next = 0;
    this.#chunks = new Map(
      chunks.map((chunk, index) => {
        const segments = (ranges[index] ?? []).map((range: ByteRange) => ({
          bytes: bytes[next++] ?? new Uint8Array(0),
          position: range.offset,
        }));
        return [chunk.leafIndex, { chunk, segments }];
      }),
    );
  }

  column(shape: ColumnShape): LoadedColumn {
    const place: ParquetPlace = { uri: this.#file.uri, rowGroup: this.#group.index, column: shape.name };
    return inParquetFile(place, () => {
      const leaves = leavesOf(shape);
      const vector = assemble(shape, new Map(leaves.map((leaf) => [leaf.index, this.#decode(leaf)])));
      const runs = this.#runsOf(leaves[0]);
      const expected = runs === undefined ? this.#group.numRows : runs.reduce((sum, run) => sum + run.numRows, 0);
      if (vector.length !== expected)
        throw new ParquetFormatError(`it has ${vector.length} rows where the footer says ${expected}`);
      return { vector, runs };
    });
  }

  #decode(leaf: ParquetLeaf): DecodedChunk {
    const found = this.#chunks.get(leaf.index);
    if (found === undefined) throw new ParquetFormatError(`the row group has no column ${leaf.path.join('.')}`);
    const { chunk, segments } = found;
    const numLevels = chunk.pages === undefined ? chunk.numLevels : undefined;
    return decodeChunk(leaf, segments, { codec: chunk.codec, numLevels, verifyChecksums: this.#verifyChecksums });
  }

  /** Only columns of one leaf are read by pages. */
  #runsOf(leaf: ParquetLeaf | undefined): readonly PageRun[] | undefined {
    return leaf && this.#chunks.get(leaf.index)?.chunk.pages?.runs;
  }
}

/** What makes a row of the group the slot of a vector that holds these runs of pages. */
export function slotShift(runs: readonly PageRun[], row: number): number {
  let slots = 0;
  for (const { firstRow, numRows } of runs) {
    if (row < firstRow + numRows) return slots - firstRow;
    slots += numRows;
  }
  throw new MillraceError('MR_BUG', `row ${row} is in no page that was planned to be read.`);
}
