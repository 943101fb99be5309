import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { decompress as decompressInJs } from 'fzstd';
import {
  codecs,
  encoding,
  fileMetaData,
  pageHeader,
  pageType,
  physicalTypes,
  repetition,
} from './format/parquet-format.ts';
import { ParquetFormatError } from './format/parquet-format-error.ts';
import { CompactReader, CompactWriter } from './format/thrift-compact.ts';

/**
 * Zstandard. zlib has it from Node 22.15 on. Before that parquet-wasm does it, which has no function for mere bytes: a
 * page is handed over as a Parquet file of one value, which is stored as its plain bytes. That takes a quarter of fzstd's
 * time for a page of a megabyte, and fzstd does not compress.
 */
interface NativeZstd {
  readonly zstdDecompressSync?: (input: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;
  readonly zstdCompressSync?: (input: Uint8Array) => Uint8Array;
}

interface Libraries {
  readonly parquet: typeof import('parquet-wasm');
  readonly arrow: typeof import('apache-arrow');
}

const native: NativeZstd = zlib as NativeZstd;
/** Below this the way through wasm costs more than it saves. */
const minWasmBytes = 64 * 1024;
const magic = Uint8Array.of(0x50, 0x41, 0x52, 0x31);
const fixedBytes = physicalTypes.indexOf('FIXED_LEN_BYTE_ARRAY');

export function decompressZstd(input: Uint8Array, outputLength: number): Uint8Array {
  if (native.zstdDecompressSync !== undefined)
    return native.zstdDecompressSync(input, { maxOutputLength: outputLength + 1 });
  if (outputLength < minWasmBytes) return decompressInJs(input);
  return decompressWith(load(), input, outputLength);
}

export function compressZstd(input: Uint8Array): Uint8Array {
  if (native.zstdCompressSync !== undefined) return native.zstdCompressSync(input);
  return compressWith(load(), input);
}

/** Loaded when they are first needed: that takes tens of milliseconds and megabytes in each thread. */
const require = createRequire(import.meta.url);

function load(): Libraries {
  return {
    parquet: require('parquet-wasm') as Libraries['parquet'],
    arrow: require('apache-arrow') as Libraries['arrow'],
  };
}

/** A trap leaves the instance of wasm in no defined state, so the next call gets a new one. */
function inWasm<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.name === 'RuntimeError') delete require.cache[require.resolve('parquet-wasm')];
    throw error;
  }
}

function decompressWith({ parquet, arrow }: Libraries, input: Uint8Array, outputLength: number): Uint8Array {
  const table = inWasm(() => arrow.tableFromIPC(parquet.readParquet(fileOfPage(input, outputLength)).intoIPCStream()));
  const value: unknown = table.getChildAt(0)?.data[0]?.values;
  if (!(value instanceof Uint8Array) || value.length < outputLength)
    throw new ParquetFormatError('zstd: a page is cut off');
  return value.subarray(0, outputLength);
}

/** A Parquet file whose one value is a page that is compressed already. */
function fileOfPage(page: Uint8Array, uncompressedPageSize: number): Uint8Array {
  const { plain, rle } = encoding;
  const header = new CompactWriter();
  pageHeader.write(header, {
    type: pageType.data,
    uncompressedPageSize,
    compressedPageSize: page.length,
    dataPageHeader: { numValues: 1, encoding: plain, definitionLevelEncoding: rle, repetitionLevelEncoding: rle },
  });
  const headerBytes = header.finish();
  const size = headerBytes.length + page.length;
  const footer = new CompactWriter();
  const metaData = {
    type: fixedBytes,
    encodings: [plain],
    pathInSchema: ['page'],
    codec: codecs.indexOf('ZSTD'),
    numValues: 1,
    totalUncompressedSize: size,
    totalCompressedSize: size,
    dataPageOffset: magic.length,
  };
  fileMetaData.write(footer, {
    version: 1,
    numRows: 1,
    schema: [
      { name: 'schema', numChildren: 1 },
      { name: 'page', type: fixedBytes, typeLength: uncompressedPageSize, repetitionType: repetition.required },
    ],
    rowGroups: [{ numRows: 1, totalByteSize: size, columns: [{ fileOffset: 0, metaData }] }],
  });
  const footerBytes = footer.finish();
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, footerBytes.length, true);
  return Buffer.concat([magic, headerBytes, page, footerBytes, length, magic]);
}

function compressWith({ parquet, arrow }: Libraries, input: Uint8Array): Uint8Array {
  const type = new arrow.FixedSizeBinary(input.length);
  const schema = new arrow.Schema([new arrow.Field('page', type, false)]);
  const page = arrow.makeData({ type, length: 1, nullCount: 0, data: input });
  const rows = arrow.makeData({ type: new arrow.Struct(schema.fields), length: 1, nullCount: 0, children: [page] });
  const stream = arrow.tableToIPC(new arrow.Table(schema, [new arrow.RecordBatch(schema, rows)]), 'stream');
  const file = inWasm(() => {
    const properties = new parquet.WriterPropertiesBuilder()
      .setCompression(parquet.Compression.ZSTD)
      .setDictionaryEnabled(false)
      .setStatisticsEnabled(parquet.EnabledStatistics.None)
      .build();
    return parquet.writeParquet(parquet.Table.fromIPCStream(stream), properties);
  });
  const reader = new CompactReader(file, magic.length);
  const header = pageHeader.read(reader);
  return file.slice(reader.position, reader.position + header.compressedPageSize);
}
