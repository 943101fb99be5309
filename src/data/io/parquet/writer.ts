import { defined } from '../../../base/defined.ts';
import { MillraceError } from '../../../base/errors.ts';
import type { Vector } from '../../columnar/batch-reader.ts';
import type { ColumnBatch } from '../../columnar/column-batch.ts';
import type { WritableFile } from '../file-system.ts';
import { type ColumnShape, fieldOf, leavesOf, type ParquetLeaf } from './column-shape.ts';
import { bloomFilterOf } from './encodings/bloom-filter.ts';
import type { EncodedColumn } from './encodings/encoded-column.ts';
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
import { GroupColumns } from './group-columns.ts';
import { SchemaInference } from './infer-schema.ts';
import { bigintKey } from './integer-width.ts';
import type { LeafEntries } from './leaf-column.ts';
import type { ByteRange } from './metadata.ts';
import { RowBuffer } from './row-buffer.ts';
import type { ParquetField, ParquetSchema } from './schema.ts';
import { widenSchema } from './widen-schema.ts';
import { type ChunkSummary, writeChunk } from './write-chunk.ts';
import { type ParquetWriteOptions, type ResolvedWriteOptions, resolveWriteOptions } from './write-options.ts';

const magic = Uint8Array.of(0x50, 0x41, 0x52, 0x31);
const maxPageBytes = 1 << 20;
/** So many rows at once are taken apart into columns: their values are used while they are young. */
const slabRows = 4096;
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
  /** Takes rows[from..to) of a batch, without making objects of them where the forms of its columns allow. */
  writeColumns(batch: ColumnBatch, from: number, to: number): void;
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
  /** Rows on their way into the columns. */
  readonly #rows: RowBuffer;
  readonly #inference = new SchemaInference();
  /** The columns of the group that is being gathered, and what its rows are thought to take. */
  #group: GroupColumns;
  #groupBytes = 0;
  /** The columns of all rows so far, that of the rows in `#rows` excepted. */
  #fields: readonly ParquetField[];
  #numRows = 0;
  #position = 0;
  /** What the rows in the file were thought to take: beside `#position` it tells how well they compress. */
  #estimatedBytes = 0;
  readonly #groups: WrittenGroup[] = [];

  constructor(target: WritableFile, options: ResolvedWriteOptions) {
    this.#target = target;
    this.#options = options;
    const { schema, rowGroupSize, dictionary } = options;
    this.#rows = new RowBuffer(
      schema?.fields.map(({ name }) => name),
      Math.min(rowGroupSize, slabRows),
    );
    this.#group = new GroupColumns(0, dictionary);
    this.#fields = schema?.fields ?? [];
    if (schema !== undefined) this.#useSchema(schema);
    this.#put(magic);
  }

  write(rows: readonly unknown[]): void {
    for (let start = 0; start < rows.length; ) {
      const end = Math.min(start + this.#room(), start + slabRows - this.#rows.numRows, rows.length);
      this.#rows.append(rows, start, end, this.#numRows + this.#group.numRows);
      start = end;
      if (this.#rows.numRows === slabRows) this.#takeRows();
      if (this.#isGroupFull) this.#writeRowGroup();
    }
  }

  writeColumns(batch: ColumnBatch, from: number, to: number): void {
    const { schema } = this.#options;
    if (schema !== undefined && batch.names.some((name) => !schema.fields.some((field) => field.name === name)))
      this.write(batch.rows().slice(from, to));
    else this.#writeVectors(batch, from, to);
  }

  #writeVectors(batch: ColumnBatch, from: number, to: number): void {
    this.#takeRows();
    for (let start = from; start < to; ) {
      const end = Math.min(start + this.#room(), to);
      this.#takeColumns(batch, start, end);
      start = end;
      if (this.#isGroupFull) this.#writeRowGroup();
    }
  }

  get sizeBytes(): number {
    const ratio = this.#estimatedBytes === 0 ? 1 : this.#position / this.#estimatedBytes;
    return this.#position + this.bufferedBytes * ratio;
  }

  get bufferedBytes(): number {
    return this.#groupBytes + this.#rows.sizeBytes;
  }

  flush(): void {
    if (this.#room() < this.#options.rowGroupSize) this.#writeRowGroup();
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

  /** How many rows the group still takes. */
  #room(): number {
    return this.#options.rowGroupSize - this.#group.numRows - this.#rows.numRows;
  }

  get #isGroupFull(): boolean {
    return this.#room() === 0 || this.bufferedBytes >= maxRowGroupBytes;
  }

  #takeRows(): void {
    const rows = this.#rows;
    if (rows.numRows === 0) return;
    const columns = new Map(rows.names.map((name) => [name, rows.column(name)]));
    if (this.#options.schema === undefined) {
      for (const [name, values] of columns) this.#inference.see(name, values, this.#numRows + this.#group.numRows);
      this.#inferFields();
    }
    const nothing = new Array<undefined>(rows.numRows).fill(undefined);
    this.#group.append(this.#fields, rows.numRows, (name) => columns.get(name) ?? nothing);
    this.#groupBytes += rows.sizeBytes;
    rows.clear();
  }

  #takeColumns({ names, columns, numRows, byteLength }: ColumnBatch, start: number, end: number): void {
    const vectors = new Map(names.map((name, index) => [name, defined(columns[index], `column ${name}`)]));
    if (this.#options.schema === undefined) {
      for (const [name, vector] of vectors)
        this.#inference.seeVector(name, vector, start, end, this.#numRows + this.#group.numRows);
      this.#inferFields();
    }
    const nothing: Vector = { kind: 'null', layout: { kind: 'null', length: numRows } };
    this.#group.appendVectors(this.#fields, start, end, (name) => vectors.get(name) ?? nothing);
    this.#groupBytes += (byteLength * (end - start)) / numRows;
  }

  /** The columns of the rows seen so far; those of row groups that are written stay as they are. */
  #inferFields(): void {
    const { schema, bigintPaths } = this.#inference.inferred();
    this.#bigintPaths = bigintPaths;
    const { fields } =
      this.#groups.length === 0 || this.#schema === undefined ? schema : widenSchema(this.#schema, schema);
    if (JSON.stringify(fields) !== JSON.stringify(this.#fields)) this.#fields = fields;
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
    this.#takeRows();
    if (this.#options.schema === undefined) this.#adaptSchema();
    const { numRows } = this.#group;
    const chunks = Array.from(this.#group.finish(this.#shapes), (leaf) => this.#writeChunk(leaf));
    this.#groups.push({ numRows, chunks });
    this.#numRows += numRows;
    this.#estimatedBytes += this.#groupBytes;
    this.#group = new GroupColumns(this.#numRows, this.#options.dictionary);
    this.#groupBytes = 0;
  }

  /** Takes up what new rows need; the chunks of row groups that are written follow. */
  #adaptSchema(): void {
    if (this.#schema?.fields === this.#fields) return;
    this.#useSchema({ fields: this.#fields });
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
      const nulls = new GroupColumns(0, false);
      const field = fieldOf(shape);
      nulls.append([field], numRows, () => new Array<null>(numRows).fill(null));
      return Array.from(nulls.finish([shape]), (leaf) => this.#writeChunk(leaf));
    });
    return { numRows, chunks: adapted };
  }

  #writeChunk(leaf: LeafEntries): WrittenChunk {
    const { codec, pageRows } = this.#options;
    const offset = this.#position;
    const summary = writeChunk(leaf, { codec, maxPageBytes, maxPageRows: pageRows }, (bytes) => this.#put(bytes));
    return { ...summary, offset, bloomFilter: this.#putBloomFilter(leaf.leaf, leaf.column) };
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
