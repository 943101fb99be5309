import { crc32 } from 'node:zlib';
import type { ParquetLeaf } from './column-shape.ts';
import { BinaryValues, hugeColumn, maxHeapBytes } from './encodings/binary-values.ts';
import { checkCodes, decodeCodes, FixedValues } from './encodings/fixed-values.ts';
import { allLevelsAre, bitWidthOf, countHighest, decodeBitPackedLevels, decodeLevels } from './encodings/levels.ts';
import {
  type Codec,
  encoding,
  type FormatDataPageHeader,
  type FormatDataPageHeaderV2,
  type FormatPageHeader,
  pageHeader,
  pageType,
} from './format/parquet-format.ts';
import { ParquetFormatError } from './format/parquet-format-error.ts';
import { CompactReader } from './format/thrift-compact.ts';
import { decompressPage } from './page-compression.ts';

/** The values of a leaf in one row group, packed: nulls and empty lists show in the levels only. */
export interface DecodedChunk {
  readonly leaf: ParquetLeaf;
  /** Entries: values, nulls and empty lists. */
  readonly numLevels: number;
  /** Undefined where every entry is a value. */
  readonly definitions: Uint8Array | undefined;
  /** Undefined where nothing above the leaf repeats. */
  readonly repetitions: Uint8Array | undefined;
  readonly values: FixedValues | BinaryValues | DictionaryValues;
}

/** Strings or bytes that are kept as codes into a dictionary; `codes` has one a value. */
export interface DictionaryValues {
  codes: Int32Array;
  readonly dictionary: BinaryValues;
}

/** The bytes of some pages of a chunk, one behind the other, and where in the file they begin. */
export interface ChunkBytes {
  readonly bytes: Uint8Array;
  readonly position: number;
}

export interface ChunkOptions {
  readonly codec: Codec;
  /** Entries to read; pages behind them are left alone. Undefined reads all pages there are. */
  readonly numLevels: number | undefined;
  readonly verifyChecksums: boolean;
}

interface Page {
  readonly header: FormatPageHeader;
  /** As stored. */
  readonly body: Uint8Array;
  readonly filePosition: number;
}

/** Decodes the pages of one leaf. Every failure is a ParquetFormatError with the page's position in the file. */
export function decodeChunk(leaf: ParquetLeaf, segments: readonly ChunkBytes[], options: ChunkOptions): DecodedChunk {
  const pages = segments.flatMap((segment) => pagesOf(segment, options));
  const capacity = pages.reduce((sum, page) => sum + levelsIn(page.header), 0);
  if (options.numLevels !== undefined && capacity < options.numLevels)
    throw new ParquetFormatError(
      `its pages hold ${capacity} values where the footer says ${options.numLevels}`,
      segments[0]?.position,
    );
  refuseHuge(leaf, pages);
  const decoder = new ChunkDecoder(leaf, options.codec, capacity);
  for (const page of pages) {
    try {
      decoder.add(page.header, page.body);
    } catch (error) {
      if (error instanceof ParquetFormatError) error.offset = page.filePosition;
      throw error;
    }
  }
  return decoder.finish();
}

/** Said before gigabytes are decompressed in vain. */
function refuseHuge(leaf: ParquetLeaf, pages: readonly Page[]): void {
  const size = pages.reduce((sum, { header }) => sum + header.uncompressedPageSize, 0);
  if (isBinary(leaf) && size > maxHeapBytes) throw hugeColumn();
}

function pagesOf(segment: ChunkBytes, options: ChunkOptions): readonly Page[] {
  const pages: Page[] = [];
  const reader = new CompactReader(segment.bytes);
  let levels = 0;
  while (reader.position < segment.bytes.length && (options.numLevels === undefined || levels < options.numLevels)) {
    const filePosition = segment.position + reader.position;
    const header = readPageHeader(reader, filePosition);
    const end = reader.position + header.compressedPageSize;
    if (header.compressedPageSize < 0 || header.uncompressedPageSize < 0 || end > segment.bytes.length)
      throw new ParquetFormatError(
        `a page of ${header.compressedPageSize} bytes runs past the end of its column chunk`,
        filePosition,
      );
    const body = segment.bytes.subarray(reader.position, end);
    if (options.verifyChecksums && header.crc !== undefined && crc32(body) >>> 0 !== header.crc >>> 0)
      throw new ParquetFormatError(
        `the checksum of a page is wrong, so its bytes were damaged. Pass verifyChecksums: false to read it as it is`,
        filePosition,
      );
    reader.position = end;
    levels += levelsIn(header);
    pages.push({ header, body, filePosition });
  }
  return pages;
}

function readPageHeader(reader: CompactReader, filePosition: number): FormatPageHeader {
  try {
    return pageHeader.read(reader);
  } catch (error) {
    if (error instanceof ParquetFormatError)
      throw new ParquetFormatError(`a page header is broken: ${error.message}`, filePosition);
    throw error;
  }
}

function levelsIn(header: FormatPageHeader): number {
  const count =
    (header.type === pageType.data ? header.dataPageHeader?.numValues : undefined) ??
    (header.type === pageType.dataV2 ? header.dataPageHeaderV2?.numValues : undefined) ??
    0;
  if (count < 0) throw new ParquetFormatError(`a page says that it holds ${count} values`);
  return count;
}

class ChunkDecoder {
  readonly #leaf: ParquetLeaf;
  readonly #codec: Codec;
  readonly #capacity: number;
  readonly #repetitions: Uint8Array | undefined;
  #definitions: Uint8Array | undefined;
  #levels = 0;
  #dictionary: FixedValues | BinaryValues | undefined;
  /** Codes of the pages so far, while every page of bytes refers to the dictionary. */
  #codes: Int32Array[] = [];
  #values: FixedValues | BinaryValues | undefined;

  constructor(leaf: ParquetLeaf, codec: Codec, capacity: number) {
    this.#leaf = leaf;
    this.#codec = codec;
    this.#capacity = capacity;
    this.#repetitions = leaf.maxRepetition > 0 ? new Uint8Array(capacity) : undefined;
  }

  add(header: FormatPageHeader, body: Uint8Array): void {
    if (header.dictionaryPageHeader && header.type === pageType.dictionary) {
      if (this.#dictionary !== undefined) throw new ParquetFormatError('a column chunk has two dictionaries');
      const bytes = decompressPage(this.#codec, body, header.uncompressedPageSize);
      const count = header.dictionaryPageHeader.numValues;
      if (count < 0) throw new ParquetFormatError(`a dictionary says that it holds ${count} values`);
      this.#dictionary = this.#emptyValues(count);
      this.#dictionary.decode(encoding.plain, bytes, 0, bytes.length, count);
    } else if (header.dataPageHeader && header.type === pageType.data) {
      this.#addV1(header.dataPageHeader, decompressPage(this.#codec, body, header.uncompressedPageSize));
    } else if (header.dataPageHeaderV2 && header.type === pageType.dataV2) {
      this.#addV2(header.dataPageHeaderV2, body, header.uncompressedPageSize);
    } else if (
      header.type === pageType.data ||
      header.type === pageType.dataV2 ||
      header.type === pageType.dictionary
    ) {
      throw new ParquetFormatError('a page header lacks the part that its type asks for');
    }
  }

  finish(): DecodedChunk {
    return {
      leaf: this.#leaf,
      numLevels: this.#levels,
      definitions: this.#definitions,
      repetitions: this.#repetitions,
      values: this.#finishValues(),
    };
  }

  #finishValues(): FixedValues | BinaryValues | DictionaryValues {
    if (this.#codes.length > 0 && this.#dictionary instanceof BinaryValues)
      return { codes: concatenate(this.#codes, this.#capacity), dictionary: this.#dictionary };
    return this.#values ?? this.#emptyValues(this.#capacity);
  }

  #addV1(header: FormatDataPageHeader, bytes: Uint8Array): void {
    let position = 0;
    if (this.#repetitions !== undefined)
      position = this.#levelsV1(
        header.repetitionLevelEncoding,
        bytes,
        position,
        header.numValues,
        this.#leaf.maxRepetition,
        this.#repetitions,
      );
    this.#checkRepetitions(header.numValues);
    let present = header.numValues;
    if (this.#leaf.maxDefinition > 0) {
      const start = position;
      const maximum = this.#leaf.maxDefinition;
      if (header.definitionLevelEncoding === encoding.rle) {
        position = endOfRuns(bytes, start);
        present = this.#define(bytes, start + 4, position, header.numValues);
      } else {
        const definitions = this.#materializeDefinitions();
        position = this.#levelsV1(header.definitionLevelEncoding, bytes, start, header.numValues, maximum, definitions);
        present = countHighest(definitions, this.#levels, header.numValues, maximum);
      }
    }
    this.#addValues(header.encoding, bytes, position, bytes.length, present);
    this.#levels += header.numValues;
  }

  #addV2(header: FormatDataPageHeaderV2, body: Uint8Array, uncompressedSize: number): void {
    const { repetitionLevelsByteLength: repetitionBytes, definitionLevelsByteLength: definitionBytes } = header;
    const valuesStart = repetitionBytes + definitionBytes;
    if (repetitionBytes < 0 || definitionBytes < 0 || valuesStart > body.length || valuesStart > uncompressedSize)
      throw new ParquetFormatError('the levels of a page run past its end');
    if (this.#repetitions !== undefined)
      decodeLevels(
        body,
        0,
        repetitionBytes,
        bitWidthOf(this.#leaf.maxRepetition),
        this.#repetitions,
        this.#levels,
        header.numValues,
      );
    this.#checkRepetitions(header.numValues);
    const present =
      this.#leaf.maxDefinition === 0
        ? header.numValues
        : this.#define(body, repetitionBytes, valuesStart, header.numValues);
    const stored = body.subarray(valuesStart);
    const size = uncompressedSize - valuesStart;
    const bytes =
      header.isCompressed === false || stored.length === 0 ? stored : decompressPage(this.#codec, stored, size);
    this.#addValues(header.encoding, bytes, 0, bytes.length, present);
    this.#levels += header.numValues;
  }

  /** Levels of a v1 page. @returns the position behind them */
  #levelsV1(
    levelEncoding: number,
    bytes: Uint8Array,
    start: number,
    count: number,
    maximum: number,
    levels: Uint8Array,
  ): number {
    if (levelEncoding === encoding.bitPacked)
      return start + decodeBitPackedLevels(bytes, start, bitWidthOf(maximum), levels, this.#levels, count);
    if (levelEncoding !== encoding.rle) throw new ParquetFormatError(`a page has levels in encoding ${levelEncoding}`);
    const stop = endOfRuns(bytes, start);
    decodeLevels(bytes, start + 4, stop, bitWidthOf(maximum), levels, this.#levels, count);
    return stop;
  }

  /** Reads definition levels. @returns how many of them stand for a value */
  #define(bytes: Uint8Array, start: number, stop: number, count: number): number {
    const maximum = this.#leaf.maxDefinition;
    const width = bitWidthOf(maximum);
    if (this.#definitions === undefined && allLevelsAre(maximum, bytes, start, stop, width, count)) return count;
    const definitions = this.#materializeDefinitions();
    decodeLevels(bytes, start, stop, width, definitions, this.#levels, count);
    return countHighest(definitions, this.#levels, count, maximum);
  }

  #checkRepetitions(count: number): void {
    if (this.#repetitions !== undefined) countHighest(this.#repetitions, this.#levels, count, this.#leaf.maxRepetition);
  }

  /** The pages before this one may have had no need of levels: all of theirs were the highest. */
  #materializeDefinitions(): Uint8Array {
    this.#definitions ??= new Uint8Array(this.#capacity).fill(this.#leaf.maxDefinition, 0, this.#levels);
    return this.#definitions;
  }

  #addValues(pageEncoding: number, bytes: Uint8Array, start: number, stop: number, count: number): void {
    const usesDictionary = pageEncoding === encoding.plainDictionary || pageEncoding === encoding.rleDictionary;
    if (count === 0) return;
    if (isBinary(this.#leaf)) {
      if (usesDictionary) this.#addCodes(decodeCodes(bytes, start, stop, count));
      else this.#plainBinary().decode(pageEncoding, bytes, start, stop, count);
      return;
    }
    this.#values ??= this.#emptyValues(this.#capacity);
    if (this.#values instanceof FixedValues)
      this.#values.decode(
        pageEncoding,
        bytes,
        start,
        stop,
        count,
        this.#dictionary instanceof FixedValues ? this.#dictionary : undefined,
      );
  }

  #addCodes(codes: Int32Array): void {
    if (!(this.#dictionary instanceof BinaryValues))
      throw new ParquetFormatError('a page refers to a dictionary that is not there');
    checkCodes(codes, this.#dictionary.count);
    if (this.#values instanceof BinaryValues) this.#values.gather(codes, this.#dictionary);
    else this.#codes.push(codes);
  }

  /** Writers give up a dictionary that grows too large: from there on the values stand by themselves, those before as well. */
  #plainBinary(): BinaryValues {
    if (this.#values instanceof BinaryValues) return this.#values;
    const values = new BinaryValues(this.#capacity);
    if (this.#dictionary instanceof BinaryValues)
      for (const codes of this.#codes) values.gather(codes, this.#dictionary);
    this.#codes = [];
    this.#values = values;
    return values;
  }

  #emptyValues(capacity: number): FixedValues | BinaryValues {
    const { physical, typeLength } = this.#leaf;
    switch (physical) {
      case 'BOOLEAN':
        return new FixedValues(1, capacity, true);
      case 'INT32':
      case 'FLOAT':
        return new FixedValues(4, capacity);
      case 'INT64':
      case 'DOUBLE':
        return new FixedValues(8, capacity);
      case 'INT96':
        return new FixedValues(12, capacity);
      case 'FIXED_LEN_BYTE_ARRAY':
        return new FixedValues(typeLength, capacity);
      case 'BYTE_ARRAY':
        return new BinaryValues(capacity);
    }
  }
}

function isBinary(leaf: ParquetLeaf): boolean {
  return leaf.physical === 'BYTE_ARRAY';
}

/** The end of runs behind their four-byte length. */
function endOfRuns(bytes: Uint8Array, start: number): number {
  if (start + 4 > bytes.length) throw new ParquetFormatError('the levels of a page are cut off');
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(start, true);
  if (start + 4 + length > bytes.length) throw new ParquetFormatError('the levels of a page run past its end');
  return start + 4 + length;
}

function concatenate(parts: readonly Int32Array[], capacity: number): Int32Array {
  const all = new Int32Array(capacity);
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
