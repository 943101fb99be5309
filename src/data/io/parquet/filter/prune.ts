import type { RandomAccessFile } from '../../file-system.ts';
import { blockBytes, blockHas, blockOf } from '../encodings/bloom-filter.ts';
import { storedBytes } from '../encodings/value-domain.ts';
import { xxHash64 } from '../encodings/xxhash64.ts';
import { bloomFilterHeader, columnIndex, type FormatPageLocation, offsetIndex } from '../format/parquet-format.ts';
import { ParquetFormatError } from '../format/parquet-format-error.ts';
import { CompactReader } from '../format/thrift-compact.ts';
import { type ParquetChunk, type ParquetRowGroup, readRange } from '../metadata.ts';
import { readRanges } from '../read-ranges.ts';
import type { Predicate } from './predicate.ts';
import { intersectRanges, joinRanges, type RowRange } from './row-ranges.ts';
import { chunkSummary, mayMatch, pageSummary } from './statistics.ts';

/** Where pruning reads from. */
export interface PruneSource {
  readonly file: RandomAccessFile;
  readonly createdBy: string | undefined;
}

/**
 * The rows of a row group that may fulfil one predicate of each clause, by statistics, then bloom filters, then page indexes. Reads
 * indexes and filters only of columns with a predicate, and only while rows are left.
 */
export function rowsToRead(
  group: ParquetRowGroup,
  clauses: readonly (readonly Predicate[])[],
  source: PruneSource,
): readonly RowRange[] {
  const known = clauses.flatMap((clause): readonly (readonly Candidate[])[] => {
    const candidates = clause.map((predicate) => ({ predicate, chunk: group.chunks[predicate.leaf.index] }));
    const readable = candidates.filter((one): one is Candidate => one.chunk !== undefined && !one.chunk.isEncrypted);
    return readable.length < clause.length ? [] : [readable];
  });
  const byStatistics = known.map((clause) =>
    clause.filter(({ predicate, chunk }) => mayMatch(chunkSummary(chunk, predicate, source.createdBy), predicate)),
  );
  if (byStatistics.some((clause) => clause.length === 0)) return [];
  const byFilters: (readonly Candidate[])[] = [];
  for (const clause of byStatistics) {
    const left = clause.filter(({ predicate, chunk }) => bloomMayMatch(chunk, predicate, source));
    if (left.length === 0) return [];
    byFilters.push(left);
  }
  let ranges: readonly RowRange[] = [{ start: 0, end: group.numRows }];
  for (const clause of byFilters) {
    if (ranges.length === 0) return [];
    const pages = clause.flatMap(({ chunk, predicate }) => matchingPages(chunk, predicate, group.numRows, source.file));
    ranges = intersectRanges(ranges, joinRanges(pages.toSorted((a, b) => a.start - b.start)));
  }
  return ranges;
}

interface Candidate {
  readonly predicate: Predicate;
  readonly chunk: ParquetChunk;
}

/** The first row of each page, and where the pages lie. */
export function readPageLocations(
  file: RandomAccessFile,
  chunks: readonly ParquetChunk[],
): readonly (readonly FormatPageLocation[] | undefined)[] {
  const withIndex = chunks.flatMap(({ offsetIndex: range }) => (range === undefined ? [] : [range]));
  const bytes = readRanges(file, withIndex);
  let next = 0;
  return chunks.map(({ offsetIndex: range }) => {
    const encoded = range === undefined ? undefined : bytes[next++];
    return encoded && offsetIndex.read(new CompactReader(encoded)).pageLocations;
  });
}

function matchingPages(
  chunk: ParquetChunk,
  predicate: Predicate,
  numRows: number,
  file: RandomAccessFile,
): readonly RowRange[] {
  const all = [{ start: 0, end: numRows }];
  if (chunk.columnIndex === undefined || chunk.offsetIndex === undefined) return all;
  const [indexBytes, offsetBytes] = readRanges(file, [chunk.columnIndex, chunk.offsetIndex]);
  if (indexBytes === undefined || offsetBytes === undefined) return all;
  const index = columnIndex.read(new CompactReader(indexBytes));
  const pages = offsetIndex.read(new CompactReader(offsetBytes)).pageLocations;
  if (index.nullPages.length !== pages.length || pages[0]?.firstRowIndex !== 0)
    throw new ParquetFormatError('its page indexes do not fit each other', chunk.columnIndex.offset);
  const ranges = pages.flatMap((page, position): readonly RowRange[] => {
    const range = { start: page.firstRowIndex, end: pages[position + 1]?.firstRowIndex ?? numRows };
    return mayMatch(pageSummary(index, position, range.end - range.start, predicate), predicate) ? [range] : [];
  });
  return joinRanges(ranges);
}

/** Reads the header of the filter and the one block a value could be in. */
function bloomMayMatch(
  { bloomFilter }: ParquetChunk,
  { op, leaf, literals }: Predicate,
  { file }: PruneSource,
): boolean {
  if (bloomFilter === undefined || (op !== '=' && op !== 'in')) return true;
  const head = readRange(file, bloomFilter.offset, Math.min(64, file.sizeBytes - bloomFilter.offset));
  const reader = new CompactReader(head);
  const header = bloomFilterHeader.read(reader);
  if (!header.algorithm.block || !header.hash.xxHash || !header.compression.uncompressed) return true;
  const start = bloomFilter.offset + reader.position;
  const blocks = Math.floor(header.numBytes / blockBytes);
  if (blocks < 1) return true;
  return literals.some((literal) => {
    const bytes = storedBytes(leaf, literal);
    if (bytes === undefined) return true;
    const hash = xxHash64(bytes);
    return blockHas(readRange(file, start + blockOf(hash, blocks) * blockBytes, blockBytes), hash);
  });
}
