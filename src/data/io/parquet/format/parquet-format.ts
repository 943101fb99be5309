/**
 * The structures of parquet.thrift that a file holds, by their names there in camel case.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import {
  binary,
  bool,
  i8,
  i16,
  i32,
  i64,
  list,
  optional,
  required,
  string,
  struct,
  type ThriftCodec,
} from './thrift-compact.ts';

export const physicalTypes = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
] as const;
export type PhysicalType = (typeof physicalTypes)[number];

export const codecs = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'] as const;
export type Codec = (typeof codecs)[number];

export const encoding = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  bitPacked: 4,
  deltaBinaryPacked: 5,
  deltaLengthByteArray: 6,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const;

export const repetition = { required: 0, optional: 1, repeated: 2 } as const;
export const pageType = { data: 0, index: 1, dictionary: 2, dataV2: 3 } as const;
export const boundaryOrder = { unordered: 0, ascending: 1, descending: 2 } as const;

export const convertedType = {
  utf8: 0,
  map: 1,
  mapKeyValue: 2,
  list: 3,
  enum: 4,
  decimal: 5,
  date: 6,
  timeMillis: 7,
  timeMicros: 8,
  timestampMillis: 9,
  timestampMicros: 10,
  uint8: 11,
  uint16: 12,
  uint32: 13,
  uint64: 14,
  int8: 15,
  int16: 16,
  int32: 17,
  int64: 18,
  json: 19,
  bson: 20,
  interval: 21,
} as const;

type Empty = Record<string, never>;
const empty: ThriftCodec<Empty> = struct<Empty>('Empty', {});

interface FormatTimeUnit {
  readonly millis?: Empty;
  readonly micros?: Empty;
  readonly nanos?: Empty;
}

const timeUnit: ThriftCodec<FormatTimeUnit> = struct('TimeUnit', {
  millis: optional(1, empty),
  micros: optional(2, empty),
  nanos: optional(3, empty),
});

interface FormatTime {
  readonly isAdjustedToUtc: boolean;
  readonly unit: FormatTimeUnit;
}

const time: ThriftCodec<FormatTime> = struct('TimestampType', {
  isAdjustedToUtc: required(1, bool),
  unit: required(2, timeUnit),
});

/** A union; a member this table does not know leaves every field unset. */
export interface FormatLogicalType {
  readonly string?: Empty;
  readonly map?: Empty;
  readonly list?: Empty;
  readonly enum?: Empty;
  readonly decimal?: { readonly scale: number; readonly precision: number };
  readonly date?: Empty;
  readonly time?: FormatTime;
  readonly timestamp?: FormatTime;
  readonly integer?: { readonly bitWidth: number; readonly isSigned: boolean };
  readonly unknown?: Empty;
  readonly json?: Empty;
  readonly bson?: Empty;
  readonly uuid?: Empty;
  readonly float16?: Empty;
  readonly variant?: Empty;
  readonly geometry?: Empty;
  readonly geography?: Empty;
}

const logicalType: ThriftCodec<FormatLogicalType> = struct('LogicalType', {
  string: optional(1, empty),
  map: optional(2, empty),
  list: optional(3, empty),
  enum: optional(4, empty),
  decimal: optional(5, struct('DecimalType', { scale: required(1, i32), precision: required(2, i32) })),
  date: optional(6, empty),
  time: optional(7, time),
  timestamp: optional(8, time),
  integer: optional(10, struct('IntType', { bitWidth: required(1, i8), isSigned: required(2, bool) })),
  unknown: optional(11, empty),
  json: optional(12, empty),
  bson: optional(13, empty),
  uuid: optional(14, empty),
  float16: optional(15, empty),
  variant: optional(16, empty),
  geometry: optional(17, empty),
  geography: optional(18, empty),
});

export interface FormatSchemaElement {
  readonly type?: number;
  readonly typeLength?: number;
  readonly repetitionType?: number;
  readonly name: string;
  readonly numChildren?: number;
  readonly convertedType?: number;
  readonly scale?: number;
  readonly precision?: number;
  readonly fieldId?: number;
  readonly logicalType?: FormatLogicalType;
}

const schemaElement: ThriftCodec<FormatSchemaElement> = struct('SchemaElement', {
  type: optional(1, i32),
  typeLength: optional(2, i32),
  repetitionType: optional(3, i32),
  name: required(4, string),
  numChildren: optional(5, i32),
  convertedType: optional(6, i32),
  scale: optional(7, i32),
  precision: optional(8, i32),
  fieldId: optional(9, i32),
  logicalType: optional(10, logicalType),
});

export interface FormatStatistics {
  /** Deprecated: compared as signed bytes by old writers, so of use for signed numbers only. */
  readonly max?: Uint8Array;
  readonly min?: Uint8Array;
  readonly nullCount?: number;
  readonly distinctCount?: number;
  readonly maxValue?: Uint8Array;
  readonly minValue?: Uint8Array;
  readonly isMaxValueExact?: boolean;
  readonly isMinValueExact?: boolean;
}

const statistics: ThriftCodec<FormatStatistics> = struct('Statistics', {
  max: optional(1, binary),
  min: optional(2, binary),
  nullCount: optional(3, i64),
  distinctCount: optional(4, i64),
  maxValue: optional(5, binary),
  minValue: optional(6, binary),
  isMaxValueExact: optional(7, bool),
  isMinValueExact: optional(8, bool),
});

export interface FormatKeyValue {
  readonly key: string;
  readonly value?: string;
}

export interface FormatColumnMetaData {
  readonly type: number;
  readonly encodings: readonly number[];
  readonly pathInSchema: readonly string[];
  readonly codec: number;
  readonly numValues: number;
  readonly totalUncompressedSize: number;
  readonly totalCompressedSize: number;
  readonly dataPageOffset: number;
  readonly indexPageOffset?: number;
  readonly dictionaryPageOffset?: number;
  readonly statistics?: FormatStatistics;
  readonly bloomFilterOffset?: number;
  readonly bloomFilterLength?: number;
}

const columnMetaData: ThriftCodec<FormatColumnMetaData> = struct('ColumnMetaData', {
  type: required(1, i32),
  encodings: required(2, list(i32)),
  pathInSchema: required(3, list(string)),
  codec: required(4, i32),
  numValues: required(5, i64),
  totalUncompressedSize: required(6, i64),
  totalCompressedSize: required(7, i64),
  dataPageOffset: required(9, i64),
  indexPageOffset: optional(10, i64),
  dictionaryPageOffset: optional(11, i64),
  statistics: optional(12, statistics),
  bloomFilterOffset: optional(14, i64),
  bloomFilterLength: optional(15, i32),
});

export interface FormatColumnChunk {
  readonly filePath?: string;
  readonly fileOffset?: number;
  readonly metaData?: FormatColumnMetaData;
  readonly offsetIndexOffset?: number;
  readonly offsetIndexLength?: number;
  readonly columnIndexOffset?: number;
  readonly columnIndexLength?: number;
  readonly cryptoMetadata?: Empty;
}

const columnChunk: ThriftCodec<FormatColumnChunk> = struct('ColumnChunk', {
  filePath: optional(1, string),
  fileOffset: optional(2, i64),
  metaData: optional(3, columnMetaData),
  offsetIndexOffset: optional(4, i64),
  offsetIndexLength: optional(5, i32),
  columnIndexOffset: optional(6, i64),
  columnIndexLength: optional(7, i32),
  cryptoMetadata: optional(8, empty),
});

interface FormatSortingColumn {
  readonly columnIndex: number;
  readonly isDescending: boolean;
  readonly areNullsFirst: boolean;
}

export interface FormatRowGroup {
  readonly columns: readonly FormatColumnChunk[];
  readonly totalByteSize: number;
  readonly numRows: number;
  readonly sortingColumns?: readonly FormatSortingColumn[];
  readonly fileOffset?: number;
  readonly totalCompressedSize?: number;
  readonly ordinal?: number;
}

const rowGroup: ThriftCodec<FormatRowGroup> = struct('RowGroup', {
  columns: required(1, list(columnChunk)),
  totalByteSize: required(2, i64),
  numRows: required(3, i64),
  sortingColumns: optional(
    4,
    list(
      struct<FormatSortingColumn>('SortingColumn', {
        columnIndex: required(1, i32),
        isDescending: required(2, bool),
        areNullsFirst: required(3, bool),
      }),
    ),
  ),
  fileOffset: optional(5, i64),
  totalCompressedSize: optional(6, i64),
  ordinal: optional(7, i16),
});

/** A union; only the order that statistics written today have. */
interface FormatColumnOrder {
  readonly typeDefined?: Empty;
}

export interface FormatFileMetaData {
  readonly version: number;
  readonly schema: readonly FormatSchemaElement[];
  readonly numRows: number;
  readonly rowGroups: readonly FormatRowGroup[];
  readonly keyValueMetadata?: readonly FormatKeyValue[];
  readonly createdBy?: string;
  readonly columnOrders?: readonly FormatColumnOrder[];
  readonly encryptionAlgorithm?: Empty;
}

export const fileMetaData: ThriftCodec<FormatFileMetaData> = struct('FileMetaData', {
  version: required(1, i32),
  schema: required(2, list(schemaElement)),
  numRows: required(3, i64),
  rowGroups: required(4, list(rowGroup)),
  keyValueMetadata: optional(
    5,
    list(struct<FormatKeyValue>('KeyValue', { key: required(1, string), value: optional(2, string) })),
  ),
  createdBy: optional(6, string),
  columnOrders: optional(7, list(struct<FormatColumnOrder>('ColumnOrder', { typeDefined: optional(1, empty) }))),
  encryptionAlgorithm: optional(8, empty),
});

export interface FormatDataPageHeader {
  readonly numValues: number;
  readonly encoding: number;
  readonly definitionLevelEncoding: number;
  readonly repetitionLevelEncoding: number;
}

export interface FormatDataPageHeaderV2 {
  readonly numValues: number;
  readonly numNulls: number;
  readonly numRows: number;
  readonly encoding: number;
  readonly definitionLevelsByteLength: number;
  readonly repetitionLevelsByteLength: number;
  readonly isCompressed?: boolean;
}

export interface FormatPageHeader {
  readonly type: number;
  readonly uncompressedPageSize: number;
  readonly compressedPageSize: number;
  /** CRC-32 of the page's bytes as stored, as a signed number. */
  readonly crc?: number;
  readonly dataPageHeader?: FormatDataPageHeader;
  readonly dictionaryPageHeader?: { readonly numValues: number; readonly encoding: number };
  readonly dataPageHeaderV2?: FormatDataPageHeaderV2;
}

export const pageHeader: ThriftCodec<FormatPageHeader> = struct('PageHeader', {
  type: required(1, i32),
  uncompressedPageSize: required(2, i32),
  compressedPageSize: required(3, i32),
  crc: optional(4, i32),
  dataPageHeader: optional(
    5,
    struct<FormatDataPageHeader>('DataPageHeader', {
      numValues: required(1, i32),
      encoding: required(2, i32),
      definitionLevelEncoding: required(3, i32),
      repetitionLevelEncoding: required(4, i32),
    }),
  ),
  dictionaryPageHeader: optional(
    7,
    struct('DictionaryPageHeader', { numValues: required(1, i32), encoding: required(2, i32) }),
  ),
  dataPageHeaderV2: optional(
    8,
    struct<FormatDataPageHeaderV2>('DataPageHeaderV2', {
      numValues: required(1, i32),
      numNulls: required(2, i32),
      numRows: required(3, i32),
      encoding: required(4, i32),
      definitionLevelsByteLength: required(5, i32),
      repetitionLevelsByteLength: required(6, i32),
      isCompressed: optional(7, bool),
    }),
  ),
});

export interface FormatPageLocation {
  readonly offset: number;
  readonly compressedPageSize: number;
  readonly firstRowIndex: number;
}

export interface FormatOffsetIndex {
  readonly pageLocations: readonly FormatPageLocation[];
}

export const offsetIndex: ThriftCodec<FormatOffsetIndex> = struct('OffsetIndex', {
  pageLocations: required(
    1,
    list(
      struct<FormatPageLocation>('PageLocation', {
        offset: required(1, i64),
        compressedPageSize: required(2, i32),
        firstRowIndex: required(3, i64),
      }),
    ),
  ),
});

export interface FormatColumnIndex {
  readonly nullPages: readonly boolean[];
  readonly minValues: readonly Uint8Array[];
  readonly maxValues: readonly Uint8Array[];
  readonly boundaryOrder: number;
  readonly nullCounts?: readonly number[];
}

export const columnIndex: ThriftCodec<FormatColumnIndex> = struct('ColumnIndex', {
  nullPages: required(1, list(bool)),
  minValues: required(2, list(binary)),
  maxValues: required(3, list(binary)),
  boundaryOrder: required(4, i32),
  nullCounts: optional(5, list(i64)),
});

export interface FormatBloomFilterHeader {
  readonly numBytes: number;
  readonly algorithm: { readonly block?: Empty };
  readonly hash: { readonly xxHash?: Empty };
  readonly compression: { readonly uncompressed?: Empty };
}

export const bloomFilterHeader: ThriftCodec<FormatBloomFilterHeader> = struct('BloomFilterHeader', {
  numBytes: required(1, i32),
  algorithm: required(2, struct<{ readonly block?: Empty }>('BloomFilterAlgorithm', { block: optional(1, empty) })),
  hash: required(3, struct<{ readonly xxHash?: Empty }>('BloomFilterHash', { xxHash: optional(1, empty) })),
  compression: required(
    4,
    struct<{ readonly uncompressed?: Empty }>('BloomFilterCompression', { uncompressed: optional(1, empty) }),
  ),
});
