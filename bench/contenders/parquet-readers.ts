// The Parquet queries as other libraries answer them: parquet-readers.js <library> <query> <input> <output>.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { Compression, readParquet, Table as WasmTable, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm';
import { serve, type Table } from '../harness/serve.ts';

const [library = '', query = '', input = '', output = ''] = process.argv.slice(2);
type Queries = Readonly<Record<string, () => Table | Promise<Table>>>;
const rows = (count: number): Table => [['rows', count]];
const cents = (sum: number): Table => [['cents', Math.round(sum * 100)]];

async function duckdb(threads: number): Promise<Queries> {
  const connection: DuckDBConnection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`SET threads = ${threads}`);
  if (query === 'write') await connection.run(`CREATE TABLE orders AS FROM '${input}'`);
  const number = async (sql: string): Promise<number> =>
    Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
  const keep = async (columns: string): Promise<Table> => {
    await connection.run(`CREATE OR REPLACE TEMP TABLE kept AS SELECT ${columns} FROM '${input}'`);
    return rows(await number('SELECT count(*) FROM kept'));
  };
  const objects = async (where: string): Promise<Table> =>
    rows((await connection.runAndReadAll(`FROM '${input}' ${where}`)).getRowObjectsJS().length);
  return {
    all: () => keep('*'),
    two: () => keep('quantity, price'),
    objects: () => objects(''),
    sum: async () => cents(await number(`SELECT sum(price) FROM '${input}'`)),
    filter: () => objects('WHERE id >= 100 AND id < 200'),
    write: async () => {
      await connection.run(`COPY orders TO '${output}' (FORMAT parquet, COMPRESSION snappy)`);
      return rows(await number('SELECT count(*) FROM orders'));
    },
  };
}

function parquetWasm(): Queries {
  const table = (options = {}) => tableFromIPC(readParquet(readFileSync(input), options).intoIPCStream());
  const stream = query === 'write' ? readParquet(readFileSync(input)).intoIPCStream() : new Uint8Array();
  const properties = () => new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).build();
  const all = (): Table => rows(table().numRows);
  return {
    all,
    two: all,
    filter: () => {
      let count = 0;
      for (const id of table({ rowGroups: [0] }).getChild('id') ?? []) if (id >= 100n && id < 200n) count++;
      return rows(count);
    },
    write: () => {
      const written = WasmTable.fromIPCStream(stream);
      const count = written.recordBatches().reduce((sum, batch) => sum + batch.numRows, 0);
      writeParquet(written, properties());
      return rows(count);
    },
  };
}

function hyparquet(): Queries {
  const read = (columns?: string[]) => {
    const { buffer, byteOffset, length } = readFileSync(input);
    const file = buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
    return parquetReadObjects({ file, compressors, ...(columns === undefined ? {} : { columns }) });
  };
  return {
    objects: async () => rows((await read()).length),
    sum: async () => cents((await read(['price'])).reduce((sum, { price }) => sum + Number(price), 0)),
  };
}

function parquetjsLite(): Queries {
  const { ParquetReader } = createRequire(import.meta.url)('parquetjs-lite') as {
    readonly ParquetReader: {
      openFile(path: string): Promise<{ getCursor(): { next(): Promise<unknown> }; close(): Promise<void> }>;
    };
  };
  return {
    objects: async () => {
      const reader = await ParquetReader.openFile(input);
      const cursor = reader.getCursor();
      let count = 0;
      while ((await cursor.next()) !== null) count++;
      await reader.close();
      return rows(count);
    },
  };
}

const libraries: Readonly<Record<string, () => Queries | Promise<Queries>>> = {
  'duckdb-1': () => duckdb(1),
  'duckdb-2': () => duckdb(2),
  'parquet-wasm': parquetWasm,
  hyparquet,
  'parquetjs-lite': parquetjsLite,
};
const chosen = (await libraries[library]?.())?.[query];
if (chosen === undefined) throw new Error(`no query "${query}" of "${library}"`);
await serve(chosen);
