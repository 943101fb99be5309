import { MillraceError } from '../../../base/errors.ts';
import type { WritableFile } from '../file-system.ts';
import { type ColumnShape, leavesOf, type ParquetLeaf } from './column-shape.ts';
import { bloomFilterOf } from './encodings/bloom-filter.ts';
import { EncodeError } from './encodings/encode-error.ts';
import { type EncodedColumn, encodeColumn } from './encodings/encoded-column.ts';
import {
  bloomFilterHeader,
  codecs,
  columnIndex,
  type FormatColumnChunk,
  type FormatFileMetaData,
  type FormatRowGroup,
  fileMetaData,
  offsetIndex,
  physicalTypes,
} from './format/parquet-format.ts';
import { elementsOf } from './format/schema-elements.ts';
import { shapesOf } from './format/shapes.ts';
import { CompactWriter, type ThriftCodec } from './format/thrift-compact.ts';
import { type InferredSchema, SchemaInference } from './infer-schema.ts';
import { bigintKey } from './integer-width.ts';
import type { ByteRange } from './metadata.ts';
import { RowBuffer } from './row-buffer.ts';
import type { ParquetSchema } from './schema.ts';
import { misfit, rowOf, type ShreddedLeaf, shred } from './shred.ts';
import { widenSchema } from './widen-schema.ts';
import { type ChunkSummary, encodeChunk } from './write-chunk.ts';
import { type ParquetWriteOptions, type ResolvedWriteOptions, resolveWriteOptions } from './write-options.ts';

const magic = Uint8Array.of(0x50, 0x41, 0x52, 0x31);
const maxPageBytes = 1 << 20;
/** A row group is written when its rows are about as large as this, however few they are. */
const maxRowGroupBytes = 128 * 1024 * 1024;

/** What a finished file holds. */
export interface ParquetFileSummary {
  readonly sizeBytes: number;
  readonly numRows: number;
  readonly numRowGroups: number;
  readonly schema: ParquetSchema;
}

export interface ParquetWriter {
  /** About how large the file would be, finished now. */
  readonly sizeBytes: number;
  /** About how many bytes of rows wait for their row group to be full. */
  readonly bufferedBytes: number;
  /** Writes the rows that wait, as a row group. */
  flush(): void;
  /** Takes rows; they are written when a row group is full. */
  write(rows: readonly unknown[]): void;
  /** Writes what is left and the footer, and finishes the file. */
  finish(): ParquetFileSummary;
  /** Gives the file up. */
  abort(): void;
}

/** A chunk that lies in the file, and where. */
interface WrittenChunk extends ChunkSummary {
  readonly offset: number;
  readonly bloomFilter: ByteRange | undefined;
}

interface WrittenGroup {
  readonly numRows: number;
  readonly chunks: readonly WrittenChunk[];
}

/**
 * Writes rows as Parquet: objects, one property a column. Holds the rows of one row group and its encoded columns.
 *
 * @throws {MillraceError} MR_SCHEMA naming row and field for a value that does not fit; rows count from 0 in this file
 */
export function openParquetWriter(target: WritableFile, options: ParquetWriteOptions = {}): ParquetWriter {
  return new RowGroupWriter(target, resolveWriteOptions(options));
}

class RowGroupWriter implements ParquetWriter {
  readonly #target: WritableFile;
  readonly #options: ResolvedWriteOptions;
  #schema: ParquetSchema | undefined;
  #shapes: readonly ColumnShape[] = [];
  #bigintPaths: readonly string[] = [];
  readonly #rows: RowBuffer;
  readonly #inference = new SchemaInference();
  #numRows = 0;
  #position = 0;
  /** What the rows in the file were thought to take: beside `#position` it tells how well they compress. */
  #estimatedBytes = 0;
  readonly #groups: WrittenGroup[] = [];

  constructor(target: WritableFile, options: ResolvedWriteOptions) {
    this.#target = target;
    this.#options = options;
    this.#rows = new RowBuffer(
      options.schema?.fields.map(({ name }) => name),
      Math.min(options.rowGroupSize, 16_384),
    );
    if (options.schema !== undefined) this.#useSchema(options.schema);
    this.#put(magic);
  }

  write(rows: readonly unknown[]): void {
    const { rowGroupSize } = this.#options;
    for (let start = 0; start < rows.length; ) {
      const end = Math.min(start + rowGroupSize - this.#rows.numRows, start + 4096, rows.length);
      this.#rows.append(rows, start, end, this.#numRows);
      start = end;
      if (this.#rows.numRows >= rowGroupSize || this.#rows.sizeBytes >= maxRowGroupBytes) this.#writeRowGroup();
    }
  }

  get sizeBytes(): number {
    const ratio = this.#estimatedBytes === 0 ? 1 : this.#position / this.#estimatedBytes;
    return this.#position + this.#rows.sizeBytes * ratio;
  }

  get bufferedBytes(): number {
    return this.#rows.sizeBytes;
  }

  flush(): void {
    if (this.#rows.numRows > 0) this.#writeRowGroup();
  }

  finish(): ParquetFileSummary {
    this.flush();
    const schema = this.#schema ?? this.#useSchema({ fields: [] });
    const groups = this.#groups.map((group, ordinal) => this.#formatGroup(group, ordinal));
    const footer = this.#putEncoded(fileMetaData, this.#footer(schema, groups));
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, footer.length, true);
    this.#put(length);
    this.#put(magic);
    const sizeBytes = this.#target.finish();
    return { sizeBytes, numRows: this.#numRows, numRowGroups: this.#groups.length, schema };
  }

  abort(): void {
    this.#target.abort();
  }

  #useSchema(schema: ParquetSchema): ParquetSchema {
    this.#schema = schema;
    this.#shapes = shapesOf(elementsOf(schema));
    const paths = this.#shapes.flatMap(leavesOf).map(({ path }) => path.join('.'));
    const missing = this.#options.bloomFilters.find((column) => !paths.includes(column));
    if (missing !== undefined)
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `bloomFilters: "${missing}" is no column of single values. Columns are: ${paths.join(', ')}.`,
      );
    return schema;
  }

  #writeRowGroup(): void {
    const rows = this.#rows;
    const firstRow = this.#numRows;
    if (this.#options.schema === undefined) {
      for (const name of rows.names) this.#inference.see(name, rows.column(name), firstRow);
      this.#adaptSchema(this.#inference.inferred());
    }
    const chunks: WrittenChunk[] = [];
    for (const shape of this.#shapes)
      for (const leaf of shred(shape, rows.column(shape.name), firstRow)) chunks.push(this.#writeChunk(leaf, firstRow));
    this.#groups.push({ numRows: rows.numRows, chunks });
    this.#numRows += rows.numRows;
    this.#estimatedBytes += rows.sizeBytes;
    rows.clear();
  }

  /** Takes up what new rows need; the chunks of row groups that are written follow. */
  #adaptSchema({ schema, bigintPaths }: InferredSchema): void {
    this.#bigintPaths = bigintPaths;
    this.#useSchema(this.#schema === undefined ? schema : widenSchema(this.#schema, schema));
    for (const [index, group] of this.#groups.entries()) this.#groups[index] = this.#adaptGroup(group);
  }

  #adaptGroup({ numRows, chunks }: WrittenGroup): WrittenGroup {
    const pathOf = ({ path }: ParquetLeaf): string => path.join('\u0000');
    const byPath = new Map(chunks.map((chunk) => [pathOf(chunk.leaf), chunk]));
    const adapted = this.#shapes.flatMap((shape): readonly WrittenChunk[] => {
      const written = leavesOf(shape).map((leaf) => {
        const chunk = byPath.get(pathOf(leaf));
        return chunk && { ...chunk, leaf };
      });
      if (written.every((chunk) => chunk !== undefined)) return written;
      const nulls = new Array<null>(numRows).fill(null);
      return shred(shape, nulls, 0).map((leaf) => this.#writeChunk(leaf, 0));
    });
    return { numRows, chunks: adapted };
  }

  #writeChunk(leaf: ShreddedLeaf, firstRow: number): WrittenChunk {
    const { codec, dictionary, pageRows } = this.#options;
    const column = encodeExactly(leaf, dictionary, firstRow);
    const { parts, summary } = encodeChunk(leaf, column, { codec, maxPageBytes, maxPageRows: pageRows });
    const offset = this.#position;
    for (const part of parts) this.#put(part);
    return { ...summary, offset, bloomFilter: this.#putBloomFilter(leaf.leaf, column) };
  }

  #putBloomFilter(leaf: ParquetLeaf, { values }: EncodedColumn): ByteRange | undefined {
    if (!this.#options.bloomFilters.includes(leaf.path.join('.'))) return undefined;
    const filter = bloomFilterOf(values);
    const algorithm = { algorithm: { block: {} }, hash: { xxHash: {} }, compression: { uncompressed: {} } };
    const header = this.#putEncoded(bloomFilterHeader, { numBytes: filter.length, ...algorithm });
    this.#put(filter);
    return { offset: header.offset, length: header.length + filter.length };
  }

  #formatGroup({ numRows, chunks }: WrittenGroup, ordinal: number): FormatRowGroup {
    return {
      columns: chunks.map((chunk) => this.#formatChunk(chunk)),
      totalByteSize: chunks.reduce((sum, { uncompressedBytes }) => sum + uncompressedBytes, 0),
      numRows,
      fileOffset: chunks[0]?.offset ?? magic.length,
      totalCompressedSize: chunks.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0),
      // A 16-bit number in the format, and of use only to encryption.
      ...(ordinal < 2 ** 15 ? { ordinal } : {}),
    };
  }

  /** Writes the page indexes of a chunk and gives its entry in the footer. */
  #formatChunk(chunk: WrittenChunk): FormatColumnChunk {
    const { leaf, offset, dataPageOffset, bloomFilter } = chunk;
    const columns = chunk.columnIndex && this.#putEncoded(columnIndex, chunk.columnIndex);
    const pageLocations = chunk.pages.map((page) => ({ ...page, offset: offset + page.offset }));
    const offsets = this.#putEncoded(offsetIndex, { pageLocations });
    return {
      fileOffset: 0,
      metaData: {
        type: physicalTypes.indexOf(leaf.physical),
        encodings: chunk.encodings,
        pathInSchema: leaf.path,
        codec: codecs.indexOf(this.#options.codec),
        numValues: chunk.numValues,
        totalUncompressedSize: chunk.uncompressedBytes,
        totalCompressedSize: chunk.compressedBytes,
        dataPageOffset: offset + dataPageOffset,
        ...(dataPageOffset > 0 ? { dictionaryPageOffset: offset } : {}),
        statistics: chunk.statistics,
        ...(bloomFilter === undefined
          ? {}
          : { bloomFilterOffset: bloomFilter.offset, bloomFilterLength: bloomFilter.length }),
      },
      offsetIndexOffset: offsets.offset,
      offsetIndexLength: offsets.length,
      ...(columns === undefined ? {} : { columnIndexOffset: columns.offset, columnIndexLength: columns.length }),
    };
  }

  #footer(schema: ParquetSchema, rowGroups: readonly FormatRowGroup[]): FormatFileMetaData {
    const keyValues = { ...this.#options.keyValues };
    if (this.#bigintPaths.length > 0) keyValues[bigintKey] = JSON.stringify(this.#bigintPaths);
    const keyValueMetadata = Object.entries(keyValues).map(([key, value]) => ({ key, value }));
    const leaves = this.#shapes.flatMap(leavesOf);
    return {
      version: 1,
      schema: elementsOf(schema),
      numRows: this.#numRows,
      rowGroups,
      ...(keyValueMetadata.length > 0 ? { keyValueMetadata } : {}),
      createdBy: 'millrace version 0.1.0',
      columnOrders: leaves.map(() => ({ typeDefined: {} })),
    };
  }

  #putEncoded<T>(codec: ThriftCodec<T>, value: T): ByteRange {
    const output = new CompactWriter();
    codec.write(output, value);
    const bytes = output.finish();
    const offset = this.#position;
    this.#put(bytes);
    return { offset, length: bytes.length };
  }

  #put(bytes: Uint8Array): void {
    this.#target.write(bytes);
    this.#position += bytes.length;
  }
}

function encodeExactly(leaf: ShreddedLeaf, useDictionary: boolean, firstRow: number): EncodedColumn {
  try {
    return encodeColumn(leaf.leaf, leaf.values, useDictionary);
  } catch (error) {
    if (error instanceof EncodeError)
      throw misfit(rowOf(leaf.repetitions, entryOf(leaf, error.index), firstRow), leaf.field, error.message);
    throw error;
  }
}

/** The entry of the value at a position among those that are there. */
function entryOf({ leaf, definitions }: ShreddedLeaf, position: number): number {
  let seen = -1;
  return definitions.findIndex((definition) => {
    if (definition === leaf.maxDefinition) seen++;
    return seen === position;
  });
}
