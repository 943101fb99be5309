import { crc32 } from 'node:zlib';
import type { ParquetLeaf } from './column-shape.ts';
import { BinaryValues } from './encodings/binary-values.ts';
import { type Bound, lowerBound, upperBound } from './encodings/bounds.ts';
import { encodeCodes, encodeLevels, encodePlain, encodeSameLevels } from './encodings/encode-pages.ts';
import type { EncodedColumn } from './encodings/encoded-column.ts';
import { countHighest } from './encodings/levels.ts';
import { PageBytes } from './encodings/page-bytes.ts';
import { type Extremes, type ValueOrder, valueOrder } from './encodings/value-order.ts';
import {
  boundaryOrder,
  type Codec,
  encoding,
  type FormatColumnIndex,
  type FormatPageHeader,
  type FormatPageLocation,
  type FormatStatistics,
  pageHeader,
  pageType,
} from './format/parquet-format.ts';
import { CompactWriter } from './format/thrift-compact.ts';
import type { LeafEntries } from './leaf-column.ts';
import { compressPage } from './page-compression.ts';

/** What the footer says of the pages of one leaf in one row group; offsets count from the first of them. */
export interface ChunkSummary {
  readonly leaf: ParquetLeaf;
  readonly encodings: readonly number[];
  readonly numValues: number;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  /** Where the first data page begins; above 0 when a dictionary is before it. */
  readonly dataPageOffset: number;
  readonly statistics: FormatStatistics;
  readonly pages: readonly FormatPageLocation[];
  /** Undefined where a page has values but no bounds: all are NaN, or their type has no order. */
  readonly columnIndex: FormatColumnIndex | undefined;
}

export interface ChunkWriteOptions {
  readonly codec: Codec;
  readonly maxPageBytes: number;
  readonly maxPageRows: number;
}

/** A run of entries that becomes a page: whole rows. */
interface PageRange {
  readonly firstRow: number;
  readonly from: number;
  readonly to: number;
  readonly firstValue: number;
  readonly lastValue: number;
}

/** Writes a leaf as v1 pages, and gives its statistics and page indexes. What `put` gets is written over by what comes next. */
export function writeChunk(
  entries: LeafEntries,
  options: ChunkWriteOptions,
  put: (bytes: Uint8Array) => void,
): ChunkSummary {
  const { leaf, numLevels, column } = entries;
  const { values, codes, count } = column;
  const writer = new PageWriter(options.codec, put);
  const hasDictionary = codes !== undefined && values instanceof BinaryValues;
  if (hasDictionary) writer.dictionary(values);
  const dataPageOffset = writer.compressedBytes;
  const ranges = pageRanges(entries, options);
  const pages = ranges.map((range): FormatPageLocation => {
    const offset = writer.compressedBytes;
    writer.data(entries, range, hasDictionary);
    return { offset, compressedPageSize: writer.compressedBytes - offset, firstRowIndex: range.firstRow };
  });
  const order = valueOrder(leaf, column);
  const extremes = ranges.map(({ firstValue, lastValue }) => order?.extremes(firstValue, lastValue));
  return {
    leaf,
    encodings: [encoding.rle, encoding.plain, ...(hasDictionary ? [encoding.plainDictionary] : [])],
    numValues: numLevels,
    compressedBytes: writer.compressedBytes,
    uncompressedBytes: writer.uncompressedBytes,
    dataPageOffset,
    statistics: statisticsOf(leaf, values, order && outermost(extremes, order), numLevels - count),
    pages,
    columnIndex: order && columnIndexOf(leaf, values, order, { ranges, extremes }),
  };
}

const page = new PageBytes();

class PageWriter {
  compressedBytes = 0;
  uncompressedBytes = 0;
  readonly #codec: Codec;
  readonly #put: (bytes: Uint8Array) => void;

  constructor(codec: Codec, put: (bytes: Uint8Array) => void) {
    this.#codec = codec;
    this.#put = put;
  }

  dictionary(entries: BinaryValues): void {
    page.clear();
    encodePlain(entries, 0, entries.count, page);
    this.#write({
      type: pageType.dictionary,
      dictionaryPageHeader: { numValues: entries.count, encoding: encoding.plainDictionary },
    });
  }

  data(entries: LeafEntries, range: PageRange, hasDictionary: boolean): void {
    page.clear();
    encodeBody(entries, range);
    this.#write({
      type: pageType.data,
      dataPageHeader: {
        numValues: range.to - range.from,
        encoding: hasDictionary ? encoding.plainDictionary : encoding.plain,
        definitionLevelEncoding: encoding.rle,
        repetitionLevelEncoding: encoding.rle,
      },
    });
  }

  #write(header: Pick<FormatPageHeader, 'type' | 'dataPageHeader' | 'dictionaryPageHeader'>): void {
    const body = page.view;
    const stored = compressPage(this.#codec, body);
    const output = new CompactWriter();
    pageHeader.write(output, {
      ...header,
      uncompressedPageSize: body.length,
      compressedPageSize: stored.length,
      crc: crc32(stored) | 0,
    });
    const headerBytes = output.finish();
    this.#put(headerBytes);
    this.#put(stored);
    this.compressedBytes += headerBytes.length + stored.length;
    this.uncompressedBytes += headerBytes.length + body.length;
  }
}

/** Levels and values of a page. */
function encodeBody(
  { leaf, definitions, repetitions, column: { values, codes } }: LeafEntries,
  { from, to, firstValue, lastValue }: PageRange,
): void {
  if (repetitions !== undefined) encodeLevels(repetitions, from, to, leaf.maxRepetition, page);
  if (leaf.maxDefinition > 0) {
    if (lastValue - firstValue === to - from) encodeSameLevels(leaf.maxDefinition, to - from, page);
    else encodeLevels(definitions, from, to, leaf.maxDefinition, page);
  }
  if (codes === undefined) encodePlain(values, firstValue, lastValue, page);
  else encodeCodes(codes, values.count, firstValue, lastValue, page);
}

const flatStep = 256;

/** Cuts the entries into pages of at most so many rows and about so many bytes, between rows. */
function pageRanges(
  { leaf, definitions, repetitions, numLevels, column: { values, codes, count } }: LeafEntries,
  { maxPageBytes, maxPageRows }: ChunkWriteOptions,
): readonly PageRange[] {
  const ranges: PageRange[] = [];
  const bytesAt = (value: number): number => {
    if (codes !== undefined) return value * 2;
    return values instanceof BinaryValues ? (values.offsets[value] ?? 0) + value * 4 : value * values.width;
  };
  let from = 0;
  let firstRow = 0;
  let firstValue = 0;
  let row = 0;
  let value = 0;
  const close = (to: number): void => {
    ranges.push({ firstRow, from, to, firstValue, lastValue: value });
    from = to;
    firstRow = row;
    firstValue = value;
  };
  for (let index = 0; index < numLevels; ) {
    // Rows of flat columns are taken some at a time: pages need not end at an exact number of bytes.
    const end =
      repetitions === undefined
        ? Math.min(index + flatStep, from + maxPageRows, numLevels)
        : endOfRow(repetitions, index, numLevels);
    if (index > from && (row - firstRow >= maxPageRows || bytesAt(value) - bytesAt(firstValue) >= maxPageBytes))
      close(index);
    value += count === numLevels ? end - index : countHighest(definitions, index, end - index, leaf.maxDefinition);
    row += repetitions === undefined ? end - index : 1;
    index = end;
  }
  if (from < numLevels) close(numLevels);
  return ranges;
}

function endOfRow(repetitions: Uint8Array, start: number, numLevels: number): number {
  let end = start + 1;
  while (end < numLevels && repetitions[end] !== 0) end++;
  return end;
}

/** The extremes of all pages together. */
function outermost(pages: readonly (Extremes | undefined)[], order: ValueOrder): Extremes | undefined {
  return pages.reduce((all, page) => {
    if (all === undefined || page === undefined) return all ?? page;
    return {
      least: order.compare(page.least, all.least) < 0 ? page.least : all.least,
      most: order.compare(page.most, all.most) > 0 ? page.most : all.most,
    };
  }, undefined);
}

function statisticsOf(
  leaf: ParquetLeaf,
  values: EncodedColumn['values'],
  extremes: Extremes | undefined,
  nullCount: number,
): FormatStatistics {
  if (extremes === undefined) return { nullCount };
  const least = lowerBound(leaf, values, extremes.least);
  const most = upperBound(leaf, values, extremes.most);
  return {
    nullCount,
    ...(most === undefined ? {} : { maxValue: most.bytes }),
    minValue: least.bytes,
    ...(most === undefined ? {} : { isMaxValueExact: most.isExact }),
    isMinValueExact: least.isExact,
  };
}

function columnIndexOf(
  leaf: ParquetLeaf,
  values: EncodedColumn['values'],
  order: ValueOrder,
  { ranges, extremes }: { readonly ranges: readonly PageRange[]; readonly extremes: readonly (Extremes | undefined)[] },
): FormatColumnIndex | undefined {
  const bounds = extremes.map(
    (ends) =>
      ends && { ...ends, lower: lowerBound(leaf, values, ends.least), upper: upperBound(leaf, values, ends.most) },
  );
  const isNull = ranges.map((range) => range.firstValue === range.lastValue);
  if (bounds.some((bound, page) => !isNull[page] && bound?.upper === undefined)) return undefined;
  const nothing = new Uint8Array(0);
  return {
    nullPages: isNull,
    minValues: bounds.map((bound) => bound?.lower.bytes ?? nothing),
    maxValues: bounds.map((bound) => bound?.upper?.bytes ?? nothing),
    boundaryOrder: orderOfPages(
      bounds.filter((bound) => bound !== undefined),
      values,
      order,
    ),
    nullCounts: ranges.map((range) => range.to - range.from - (range.lastValue - range.firstValue)),
  };
}

interface PageBounds extends Extremes {
  readonly lower: Bound;
  readonly upper: Bound | undefined;
}

/** Whether the bounds of the pages ascend or descend, which lets readers search in halves. */
function orderOfPages(pages: readonly PageBounds[], values: EncodedColumn['values'], order: ValueOrder): number {
  // Bytes may have been shortened, so the bounds themselves are compared; all others are exact.
  const compare = (a: PageBounds, b: PageBounds): readonly number[] =>
    values instanceof BinaryValues
      ? [
          Buffer.compare(a.lower.bytes, b.lower.bytes),
          Buffer.compare(a.upper?.bytes ?? a.lower.bytes, b.upper?.bytes ?? b.lower.bytes),
        ]
      : [order.compare(a.least, b.least), order.compare(a.most, b.most)];
  const steps = pages.slice(1).flatMap((page, index) => compare(pages[index] ?? page, page));
  if (steps.every((step) => step <= 0)) return boundaryOrder.ascending;
  return steps.every((step) => step >= 0) ? boundaryOrder.descending : boundaryOrder.unordered;
}
