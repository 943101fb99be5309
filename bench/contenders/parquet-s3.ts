// Parquet on S3 without millrace, the object being one that anyone may read: parquet-s3.js <library> <query> <bucket> <key> <local copy>.
import { readFileSync, rmSync } from 'node:fs';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { asyncBufferFromUrl, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import {
  Compression,
  ParquetFile,
  readParquet,
  Table as WasmTable,
  WriterPropertiesBuilder,
  writeParquet,
} from 'parquet-wasm';
import { serve, type Table } from '../harness/serve.ts';
import { neededRanges } from '../parquet/needed-ranges.ts';

const [library = '', query = '', bucket = '', key = '', local = '', count = ''] = process.argv.slice(2);
const endpoint = process.env['S3_ENDPOINT'] ?? '';
const url = `${endpoint}/${bucket}/${key}`;
const columns = query === 'two' ? { columns: ['quantity', 'price'] } : {};
const rows = (count: number): Table => [['rows', count]];

async function put(bytes: Uint8Array, name: string): Promise<void> {
  const client = new S3Client({ endpoint, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: bytes }));
  client.destroy();
}

async function hyparquet(): Promise<Table> {
  const file = await asyncBufferFromUrl({ url });
  const filter = query === 'filter' ? { filter: { id: { $gte: 100n, $lt: 200n } } } : {};
  return rows((await parquetReadObjects({ file, compressors, ...columns, ...filter })).length);
}

async function parquetWasm(): Promise<Table> {
  const file = await ParquetFile.fromUrl(url);
  const read = await file.read({ ...columns, ...(query === 'filter' ? { rowGroups: [0] } : {}) });
  const table = tableFromIPC(read.intoIPCStream());
  if (query !== 'filter') return rows(table.numRows);
  let found = 0;
  for (const id of table.getChild('id') ?? []) if (id >= 100n && id < 200n) found++;
  return rows(found);
}

/** The bytes and nothing else: what the server and the client of HTTP take. */
async function bytesOnly(): Promise<Table> {
  const ranges = neededRanges(local, columns.columns, query === 'filter' ? 1 : undefined);
  await Promise.all(
    ranges.map(async ({ from, to }) => {
      const answer = await fetch(url, { headers: { range: `bytes=${from}-${to - 1}` } });
      if ((await answer.arrayBuffer()).byteLength !== to - from) throw new Error(`${url}: ${answer.status}`);
    }),
  );
  return rows(Number(count));
}

async function writingWithWasm(): Promise<() => Promise<Table>> {
  const stream = readParquet(readFileSync(local)).intoIPCStream();
  return async () => {
    const properties = new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).build();
    await put(writeParquet(WasmTable.fromIPCStream(stream), properties), 'wasm.parquet');
    return rows(Number(count));
  };
}

async function writingWithDuckdb(): Promise<() => Promise<Table>> {
  const connection: DuckDBConnection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`CREATE TABLE orders AS FROM '${local}'`);
  const path = `${local}.copy-${process.pid}`;
  return async () => {
    await connection.run(`COPY orders TO '${path}' (FORMAT parquet, COMPRESSION snappy)`);
    const bytes = readFileSync(path);
    rmSync(path);
    await put(bytes, 'duckdb.parquet');
    return rows(Number(count));
  };
}

const readers: Readonly<Record<string, () => Promise<Table>>> = {
  hyparquet,
  'parquet-wasm': parquetWasm,
  'bytes-only': bytesOnly,
};
const writers: Readonly<Record<string, () => Promise<() => Promise<Table>>>> = {
  'parquet-wasm': writingWithWasm,
  duckdb: writingWithDuckdb,
};
const chosen = query === 'write' ? await writers[library]?.() : readers[library];
if (chosen === undefined) throw new Error(`no query "${query}" of "${library}"`);
await serve(chosen);
