import type { RandomAccessFile } from '../file-system.ts';
import type { ColumnShape, ParquetLeaf } from './column-shape.ts';
import { fieldOf, leavesOf } from './column-shape.ts';
import {
  type Codec,
  codecs,
  type FormatColumnChunk,
  type FormatFileMetaData,
  type FormatRowGroup,
  type FormatStatistics,
  fileMetaData,
} from './format/parquet-format.ts';
import { ParquetFormatError, ParquetUnsupportedError } from './format/parquet-format-error.ts';
import { shapesOf } from './format/shapes.ts';
import { CompactReader } from './format/thrift-compact.ts';
import { inParquetFile } from './parquet-errors.ts';
import type { ParquetSchema } from './schema.ts';

/** A byte range of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** The values of one leaf in one row group: where they are and what is known of them. Plain data. */
export interface ParquetChunk {
  readonly leafIndex: number;
  /** Undefined for a codec that the format does not know, which matters only if the column is read. */
  readonly codec: Codec | undefined;
  /** Values, nulls and empty lists together. */
  readonly numLevels: number;
  /** Its pages, dictionary included. */
  readonly bytes: ByteRange;
  readonly isEncrypted: boolean;
  readonly statistics: FormatStatistics | undefined;
  readonly columnIndex: ByteRange | undefined;
  readonly offsetIndex: ByteRange | undefined;
  readonly bloomFilter: { readonly offset: number; readonly length: number | undefined } | undefined;
}

export interface ParquetRowGroup {
  readonly index: number;
  readonly numRows: number;
  /** One a leaf, in the order of the leaves. */
  readonly chunks: readonly ParquetChunk[];
}

/** The footer of a Parquet file. */
export interface ParquetMetadata {
  readonly uri: string;
  readonly schema: ParquetSchema;
  readonly numRows: number;
  readonly rowGroups: readonly ParquetRowGroup[];
  readonly createdBy: string | undefined;
  readonly keyValues: Readonly<Record<string, string>>;
  /** How the leaves make up the columns of `schema`, in its order. */
  readonly shapes: readonly ColumnShape[];
  readonly leaves: readonly ParquetLeaf[];
}

/** Until 1.2.9 parquet-mr left the dictionary's page header out of the size of a chunk (PARQUET-816). */
const sizesLackAHeader = /^parquet-mr(?! version (1\.2\.(9|\d\d)|1\.[3-9]|1\.\d\d|[2-9]|\d\d))/;

const magic = 0x31524150; // PAR1
const encryptedMagic = 0x45524150; // PARE
const trailerBytes = 8;
const maxFooterGuess = 64 * 1024;

/**
 * Reads the footer of a file: one or two ranged reads.
 *
 * @throws {MillraceError} MR_PARSE when the file is cut off or is no Parquet file, naming file and byte offset;
 *   MR_UNSUPPORTED when its footer is encrypted
 */
export function readParquetMetadata(file: RandomAccessFile): ParquetMetadata {
  return inParquetFile({ uri: file.uri }, () => {
    const footer = readFooter(file);
    return metadataOf(footer, file);
  });
}

function readFooter(file: RandomAccessFile): FormatFileMetaData {
  const { sizeBytes } = file;
  if (sizeBytes < 4 + trailerBytes)
    throw new ParquetFormatError(`a Parquet file has at least 12 bytes, this one has ${sizeBytes}`, 0);
  // The guess saves a round trip to a far store, and is small beside the file.
  const guess = Math.min(Math.max(trailerBytes, Math.ceil(sizeBytes / 1024)), maxFooterGuess, sizeBytes);
  const tail = readRange(file, sizeBytes - guess, guess);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const end = view.getUint32(guess - 4, true);
  if (end === encryptedMagic) throw new ParquetUnsupportedError('its footer is encrypted', sizeBytes - 4);
  if (end !== magic)
    throw new ParquetFormatError(
      'it does not end with "PAR1": it was cut off while it was written or copied, or it is no Parquet file',
      sizeBytes - 4,
    );
  const length = view.getUint32(guess - trailerBytes, true);
  const start = sizeBytes - trailerBytes - length;
  if (start < 4)
    throw new ParquetFormatError(
      `its footer says that it has ${length} bytes, more than the file holds`,
      sizeBytes - trailerBytes,
    );
  const bytes =
    length + trailerBytes <= guess
      ? tail.subarray(guess - trailerBytes - length, guess - trailerBytes)
      : readRange(file, start, length);
  try {
    return fileMetaData.read(new CompactReader(bytes));
  } catch (error) {
    if (error instanceof ParquetFormatError)
      throw new ParquetFormatError(`its footer is broken: ${error.message}`, start + (error.offset ?? 0));
    throw error;
  }
}

/** All of a range, which lies in the file. */
export function readRange(file: RandomAccessFile, offset: number, length: number): Uint8Array {
  if (offset < 0 || offset + length > file.sizeBytes)
    throw new ParquetFormatError(`${length} bytes are needed there, beyond the end of the file`, offset);
  const target = new Uint8Array(length);
  const count = file.readInto(target, offset);
  if (count < length) throw new ParquetFormatError(`the file ends here, ${length} bytes were expected`, offset + count);
  return target;
}

function metadataOf(footer: FormatFileMetaData, file: RandomAccessFile): ParquetMetadata {
  const shapes = shapesOf(footer.schema);
  const leaves = shapes.flatMap(leavesOf);
  const rowGroups = footer.rowGroups.map((group, index) => rowGroupOf(group, index, leaves, footer, file));
  const total = rowGroups.reduce((sum, group) => sum + group.numRows, 0);
  return {
    uri: file.uri,
    schema: { fields: shapes.map(fieldOf) },
    numRows: total,
    rowGroups,
    createdBy: footer.createdBy,
    keyValues: Object.fromEntries((footer.keyValueMetadata ?? []).map(({ key, value }) => [key, value ?? ''])),
    shapes,
    leaves,
  };
}

function rowGroupOf(
  group: FormatRowGroup,
  index: number,
  leaves: readonly ParquetLeaf[],
  footer: FormatFileMetaData,
  file: RandomAccessFile,
): ParquetRowGroup {
  if (group.numRows < 0) throw new ParquetFormatError(`row group ${index} says that it has ${group.numRows} rows`);
  if (group.columns.length !== leaves.length)
    throw new ParquetFormatError(
      `row group ${index} has ${group.columns.length} columns where the schema has ${leaves.length}`,
    );
  const chunks = group.columns.map((column, position) => {
    const leaf = leaves[position];
    if (leaf === undefined) throw new ParquetFormatError(`row group ${index} has a column too many`);
    return chunkOf(column, leaf, index, footer, file);
  });
  return { index, numRows: group.numRows, chunks };
}

function chunkOf(
  column: FormatColumnChunk,
  leaf: ParquetLeaf,
  rowGroup: number,
  footer: FormatFileMetaData,
  file: RandomAccessFile,
): ParquetChunk {
  const isEncrypted = column.cryptoMetadata !== undefined;
  const base = { leafIndex: leaf.index, isEncrypted };
  const meta = column.metaData;
  if (meta === undefined) {
    if (!isEncrypted)
      throw new ParquetFormatError(`row group ${rowGroup} has no metadata for column ${leaf.path.join('.')}`);
    const nothing = { statistics: undefined, columnIndex: undefined, offsetIndex: undefined, bloomFilter: undefined };
    return { ...base, ...nothing, codec: undefined, numLevels: 0, bytes: { offset: 0, length: 0 } };
  }
  if (column.filePath !== undefined && column.filePath !== '')
    throw new ParquetUnsupportedError(`column ${leaf.path.join('.')} is in another file, "${column.filePath}"`);
  if (meta.numValues < 0)
    throw new ParquetFormatError(`column ${leaf.path.join('.')} says that it has ${meta.numValues} values`);
  const dictionary = meta.dictionaryPageOffset ?? 0;
  const offset = dictionary > 0 && dictionary < meta.dataPageOffset ? dictionary : meta.dataPageOffset;
  const isOldWriter = footer.createdBy === undefined || sizesLackAHeader.test(footer.createdBy);
  const padding = isOldWriter ? Math.min(100, Math.max(0, file.sizeBytes - offset - meta.totalCompressedSize)) : 0;
  return {
    ...base,
    codec: codecs[meta.codec],
    numLevels: meta.numValues,
    bytes: { offset, length: meta.totalCompressedSize + padding },
    statistics: meta.statistics,
    columnIndex: rangeOf(column.columnIndexOffset, column.columnIndexLength),
    offsetIndex: rangeOf(column.offsetIndexOffset, column.offsetIndexLength),
    bloomFilter:
      meta.bloomFilterOffset === undefined
        ? undefined
        : { offset: meta.bloomFilterOffset, length: meta.bloomFilterLength },
  };
}

function rangeOf(offset: number | undefined, length: number | undefined): ByteRange | undefined {
  return offset === undefined || length === undefined || length <= 0 ? undefined : { offset, length };
}
