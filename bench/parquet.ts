/**
 * Reading and writing Parquet beside DuckDB, parquet-wasm, hyparquet and parquetjs-lite: the same file, all in this process, taking
 * turns. Times are medians; CPU is that of all threads, which tells more where others use the machine. Writes the section "Parquet"
 * of bench/RESULTS.md.
 *
 * Run: npm run build && npx tsc -p bench && node --expose-gc dist-bench/parquet.js [--rows 500000] [--runs 5]
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { MillraceContext, type RDD } from 'millrace';
import { Compression, readParquet, Table as WasmTable, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm';
import { environment, list, type Verdict, verdict, writeSection } from './harness/report.ts';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '500000' }, runs: { type: 'string', default: '5' } },
});
const [rows, runs] = [Number(values.rows), Number(values.runs)];

interface Order {
  readonly id: number;
  readonly quantity: number;
  readonly price: number;
}

interface Contender {
  readonly name: string;
  /** Gives a number that all contenders of a scenario must agree on. */
  readonly run: () => Promise<number> | number;
  readonly runs?: number;
}

interface Result {
  readonly name: string;
  readonly wallMs: number;
  readonly cpuMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-parquet-'));
const path = join(folder, 'orders.parquet');
const select = `SELECT i AS id, (i * 7919 % 1000003)::INT AS customer, (i % 50 + 1)::INT AS quantity, ((i * 31) % 10000) / 100.0::DOUBLE AS price,
  ['books', 'music', 'games', 'garden', 'kitchen', 'sport', 'toys', 'travel'][(i * 7 % 8) + 1] AS category,
  'order comment number ' || (i * 2654435761 % 1000000007) AS comment, TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND AS at,
  (i % 3 = 0) AS paid, CASE WHEN i % 10 = 0 THEN NULL ELSE (i % 100)::INT END AS rating FROM range(${rows}) t(i)`;
const schema = {
  id: 'int64',
  customer: 'int32',
  quantity: 'int32',
  price: 'float64',
  category: 'string',
  comment: 'string',
  at: 'timestamp(us, local)',
  paid: 'boolean',
  rating: 'int32',
};

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

/** One run of each to warm up, then the others in turns. */
async function measure(contenders: readonly Contender[]): Promise<readonly Result[]> {
  const taken = contenders.map(() => ({ wall: [] as number[], cpu: [] as number[] }));
  let expected: number | undefined;
  for (let round = 0; round <= runs; round++)
    for (const [index, contender] of contenders.entries()) {
      if (round > (contender.runs ?? runs)) continue;
      globalThis.gc?.();
      const [begun, cpu] = [performance.now(), cpuMs()];
      const answer = await contender.run();
      const [wallMs, usedMs] = [performance.now() - begun, cpuMs() - cpu];
      expected ??= answer;
      if (Math.abs(answer - expected) > Math.abs(expected) * 1e-9)
        throw new Error(`${contender.name} gives ${answer} where another gave ${expected}`);
      if (round === 0) continue;
      taken[index]?.wall.push(wallMs);
      taken[index]?.cpu.push(usedMs);
    }
  return contenders.map(({ name }, index) => ({
    name,
    wallMs: median(taken[index]?.wall ?? []),
    cpuMs: median(taken[index]?.cpu ?? []),
  }));
}

function tableOf(title: string, results: readonly Result[]): string {
  const [first] = results;
  const lines = results.map(
    ({ name, wallMs, cpuMs: cpu }) =>
      `| ${[name, `${wallMs.toFixed(0)} ms`, `${cpu.toFixed(0)} ms`, (wallMs / (first?.wallMs ?? 1)).toFixed(2), (cpu / (first?.cpuMs ?? 1)).toFixed(2)].join(' | ')} |`,
  );
  console.log(`${title}\n${lines.join('\n')}`);
  return [`### ${title}\n`, '| | Time | CPU | Time, ratio | CPU, ratio |', '|---|---|---|---|---|', ...lines, ''].join(
    '\n',
  );
}

function ratioOf(results: readonly Result[], of: string, to: string): number {
  const find = (name: string): number => results.find((result) => result.name === name)?.cpuMs ?? Number.NaN;
  return find(of) / find(to);
}

interface ParquetjsCursor {
  next(): Promise<Readonly<Record<string, unknown>> | null>;
}
const parquetjs = createRequire(import.meta.url)('parquetjs-lite') as {
  readonly ParquetReader: { openFile(path: string): Promise<{ getCursor(): ParquetjsCursor; close(): Promise<void> }> };
};

async function readWithParquetjs(): Promise<number> {
  const reader = await parquetjs.ParquetReader.openFile(path);
  const cursor = reader.getCursor();
  let count = 0;
  for (let row = await cursor.next(); row !== null; row = await cursor.next()) count++;
  await reader.close();
  return count;
}

async function duckdb(threads: number): Promise<DuckDBConnection> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`SET threads = ${threads}`);
  return connection;
}

const file = (): ArrayBuffer => {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
};
const wasmColumns = (): number => tableFromIPC(readParquet(readFileSync(path)).intoIPCStream()).numRows;
const single = await MillraceContext.create({ workers: 1, progress: false, memory: '2gb' });
const double = await MillraceContext.create({ workers: 2, progress: false, memory: '2gb' });
const [duck1, duck2] = [await duckdb(1), await duckdb(2)];
await duck1.run(`COPY (${select}) TO '${path}' (FORMAT parquet, COMPRESSION snappy)`);
const keep = async (connection: DuckDBConnection, columns: string): Promise<number> => {
  await connection.run(`CREATE OR REPLACE TEMP TABLE kept AS SELECT ${columns} FROM '${path}'`);
  return rows;
};
const scalar = async (connection: DuckDBConnection, sql: string): Promise<number> =>
  Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);

const sections: string[] = [];
const verdicts: Verdict[] = [];
async function scenario(title: string, contenders: readonly Contender[]): Promise<readonly Result[]> {
  const results = await measure(contenders);
  sections.push(tableOf(title, results));
  return results;
}

const orders = (sc: MillraceContext): RDD<Order> => sc.parquet<Order>(path);
const all = await scenario('Nine columns into Arrow columns', [
  {
    name: 'millrace, `sc.parquet(path).toArrow()`, 1 worker',
    run: async () => (await orders(single).toArrow()).numRows,
  },
  { name: 'the same, 2 workers', run: async () => (await orders(double).toArrow()).numRows },
  { name: 'parquet-wasm, `tableFromIPC(readParquet(...))`', run: () => wasmColumns() },
  { name: 'DuckDB, a table of its own, 1 thread', run: () => keep(duck1, '*') },
  { name: 'DuckDB, a table of its own, 2 threads', run: () => keep(duck2, '*') },
]);
const [ours, , wasm] = all;
const share = (ours?.cpuMs ?? Number.NaN) / (wasm?.cpuMs ?? Number.NaN);
verdicts.push(verdict(share <= 1.5, `all columns take ${share.toFixed(2)} times the CPU of parquet-wasm (bar: 1.5)`));
await scenario('Two columns into Arrow columns', [
  {
    name: 'millrace, 1 worker',
    run: async () => (await single.parquet(path, { columns: ['quantity', 'price'] }).toArrow()).numRows,
  },
  { name: 'parquet-wasm, which reads all of them whatever its option `columns` says', run: () => wasmColumns() },
  { name: 'DuckDB, 1 thread', run: () => keep(duck1, 'quantity, price') },
]);
await scenario('All rows as objects in the program', [
  { name: 'millrace, `collect()`, 2 workers', run: async () => (await orders(double).collect()).length },
  { name: 'hyparquet', run: async () => (await parquetReadObjects({ file: file(), compressors })).length },
  {
    name: 'DuckDB, `getRowObjectsJS()`',
    run: async () => (await duck2.runAndReadAll(`FROM '${path}'`)).getRowObjectsJS().length,
  },
  { name: 'parquetjs-lite', run: readWithParquetjs, runs: 1 },
]);
await scenario('The sum of a column', [
  {
    name: 'millrace, `map((row) => row.price).sum()`, 1 worker',
    run: () =>
      orders(single)
        .map(({ price }) => price)
        .sum(),
  },
  {
    name: 'the same, 2 workers',
    run: () =>
      orders(double)
        .map(({ price }) => price)
        .sum(),
  },
  { name: 'DuckDB, 1 thread', run: () => scalar(duck1, `SELECT sum(price) FROM '${path}'`) },
  {
    name: 'hyparquet',
    run: async () =>
      (await parquetReadObjects({ file: file(), compressors, columns: ['price'] })).reduce(
        (sum, row) => sum + Number(row['price']),
        0,
      ),
  },
]);
await scenario('One row group of all, by a filter on `id`', [
  {
    name: 'millrace, `filter((row) => row.id >= 100 && row.id < 200)`, all columns, 1 worker',
    run: async () =>
      (
        await orders(single)
          .filter(({ id }) => id >= 100 && id < 200)
          .collect()
      ).length,
  },
  {
    name: 'DuckDB, 1 thread',
    run: async () =>
      (await duck1.runAndReadAll(`FROM '${path}' WHERE id >= 100 AND id < 200`)).getRowObjectsJS().length,
  },
  {
    name: 'parquet-wasm, the row group, then the rows',
    run: () => {
      const table = tableFromIPC(readParquet(readFileSync(path), { rowGroups: [0] }).intoIPCStream());
      let count = 0;
      for (const id of table.getChild('id') ?? []) if (id >= 100n && id < 200n) count++;
      return count;
    },
  },
]);

const cached = double.parquet(path).persist();
await cached.count();
await duck2.run(`CREATE TABLE orders AS FROM '${path}'`);
const stream = readParquet(readFileSync(path)).intoIPCStream();
const properties = (): ReturnType<WriterPropertiesBuilder['build']> =>
  new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).build();
const writing = await scenario('Writing rows that are in memory, snappy, 2 threads', [
  {
    name: 'millrace, `saveAsParquet(path, { schema })`',
    run: async () => (await cached.saveAsParquet(join(folder, 'out-schema'), { mode: 'overwrite', schema })).rows,
  },
  {
    name: 'millrace, schema inferred',
    run: async () => (await cached.saveAsParquet(join(folder, 'out'), { mode: 'overwrite' })).rows,
  },
  {
    name: 'DuckDB, `COPY`',
    run: async () => {
      await duck2.run(`COPY orders TO '${join(folder, 'out.parquet')}' (FORMAT parquet, COMPRESSION snappy)`);
      return rows;
    },
  },
  {
    name: 'parquet-wasm, an Arrow table, 1 thread',
    run: () => {
      writeParquet(WasmTable.fromIPCStream(stream), properties());
      return rows;
    },
  },
]);
const speed = ratioOf(writing, 'DuckDB, `COPY`', 'millrace, `saveAsParquet(path, { schema })`');
verdicts.push(verdict(speed >= 0.5, `saveAsParquet has ${speed.toFixed(2)} of DuckDB's speed by CPU (bar: 0.5)`));

await Promise.all([single.stop(), double.stop()]);
const description =
  `\`node --expose-gc dist-bench/parquet.js --rows ${rows} --runs ${runs}\`. One snappy file that DuckDB wrote: ${rows.toLocaleString('en-US')} ` +
  `rows of nine columns, ${(statSync(path).size / 1e6).toFixed(1)} MB. Medians; ratios are to the first line. CPU is that of all threads.`;
rmSync(folder, { recursive: true, force: true });
writeSection(
  'parquet',
  `## Parquet\n\n${environment()}\n\n${description}\n\n${sections.join('\n')}\n${list(verdicts)}`,
);
