// npm run build && tsc -p bench && node dist-bench/text-formats.js [--rows n] [--runs n]
//
// CSV and JSON lines, read into objects and summed over one column, and written: millrace with two workers, plain scripts, DuckDB. Each
// contender runs in a process of its own, in turns, twice: the second run counts, when code is compiled and threads are there. CPU is
// the time of all threads, which other programs on the machine disturb least.
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'csv-parse';
import { MillraceContext } from 'millrace';

interface Sale {
  readonly id: number;
  readonly day: string;
  readonly product: string;
  readonly price: number;
  readonly paid: boolean;
  readonly note: string;
}

const saleOf = (id: number): Sale => ({
  id,
  day: `2026-01-${10 + (id % 18)}`,
  product: `product ${(id * 7919) % 5000}`,
  price: ((id * 104729) % 100000) / 100,
  paid: id % 2 === 0,
  note: id % 10 === 0 ? 'said "hi", left' : `note number ${id}`,
});

const saleInSql = `select range as id, '2026-01-' || (10 + range % 18) as day, 'product ' || (range * 7919) % 5000 as product,
  ((range * 104729) % 100000) / 100 as price, range % 2 = 0 as paid,
  case when range % 10 = 0 then 'said "hi", left' else 'note number ' || range end as note`;

type Format = 'csv' | 'jsonl';
type Task = (folder: string, rows: number) => Promise<unknown>;

/** `columns: true` gives texts; making numbers of them is left out, which favours csv-parse. */
async function readCsvPlainly(path: string): Promise<number> {
  let sum = 0;
  for await (const row of createReadStream(path).pipe(parse({ columns: true }))) sum += Number(row.price);
  return sum;
}

async function readJsonPlainly(path: string): Promise<number> {
  let sum = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) sum += (JSON.parse(line) as Sale).price;
  return sum;
}

function writePlainly(format: Format, path: string, rows: number): void {
  const quoted = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (sale: Sale): string =>
    format === 'jsonl'
      ? JSON.stringify(sale)
      : Object.values(sale)
          .map((value) => (typeof value === 'string' ? quoted(value) : String(value)))
          .join(',');
  let text = '';
  writeFileSync(path, '');
  for (let id = 0; id < rows; id++) {
    text += `${line(saleOf(id))}\n`;
    if (text.length < 1_000_000) continue;
    writeFileSync(path, text, { flag: 'a' });
    text = '';
  }
  writeFileSync(path, text, { flag: 'a' });
}

let context: MillraceContext | undefined;

async function withMillrace<T>(use: (sc: MillraceContext) => Promise<T>): Promise<T> {
  context ??= await MillraceContext.create({ workers: 2, logLevel: 'off' });
  return use(context);
}

async function inDuckDb(sql: string): Promise<unknown> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
  return connection.run(sql);
}

const price = ({ price }: Sale): number => price;

const contenders: Readonly<Record<string, Task>> = {
  'read csv, millrace': (folder) => withMillrace((sc) => sc.csv<Sale>(join(folder, 'in.csv')).map(price).sum()),
  'read csv, millrace, whole rows': (folder) =>
    withMillrace((sc) =>
      sc
        .csv<Sale>(join(folder, 'in.csv'))
        .map((sale) => Object.keys(sale).length)
        .sum(),
    ),
  'read csv, csv-parse': (folder) => readCsvPlainly(join(folder, 'in.csv')),
  'read csv, DuckDB': (folder) => inDuckDb(`select sum(price) from read_csv('${folder}/in.csv')`),
  'read jsonl, millrace': (folder) =>
    withMillrace((sc) => sc.jsonLines<Sale>(join(folder, 'in.jsonl')).map(price).sum()),
  'read jsonl, JSON.parse a line': (folder) => readJsonPlainly(join(folder, 'in.jsonl')),
  'read jsonl, DuckDB': (folder) => inDuckDb(`select sum(price) from read_json('${folder}/in.jsonl')`),
  'write csv, millrace': (folder, rows) =>
    withMillrace((sc) => sc.range(rows).map(saleOf).saveAsCsv(join(folder, 'out-csv'), { mode: 'overwrite' })),
  'write csv, plain': async (folder, rows) => writePlainly('csv', join(folder, 'plain.csv'), rows),
  'write csv, DuckDB': (folder, rows) => inDuckDb(`copy (${saleInSql} from range(${rows})) to '${folder}/duck.csv'`),
  'write jsonl, millrace': (folder, rows) =>
    withMillrace((sc) => sc.range(rows).map(saleOf).saveAsJsonLines(join(folder, 'out-jsonl'), { mode: 'overwrite' })),
  'write jsonl, plain': async (folder, rows) => writePlainly('jsonl', join(folder, 'plain.jsonl'), rows),
  'write jsonl, DuckDB': (folder, rows) =>
    inDuckDb(`copy (${saleInSql} from range(${rows})) to '${folder}/duck.jsonl' (format json)`),
};

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '5' },
    contender: { type: 'string' },
    folder: { type: 'string' },
  },
});
const rows = Number(values.rows);

if (values.contender !== undefined) {
  await contenders[values.contender]?.(values.folder ?? '', rows);
  const before = process.cpuUsage();
  const start = performance.now();
  await contenders[values.contender]?.(values.folder ?? '', rows);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${performance.now() - start} ${(user + system) / 1000}`);
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
try {
  for (const format of ['csv', 'jsonl'] as const) writePlainly(format, join(folder, `in.${format}`), rows);
  const header = `${Object.keys(saleOf(0)).join(',')}\n`;
  writeFileSync(join(folder, 'in.csv'), header + readFileSync(join(folder, 'in.csv'), 'utf8'));
  const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[][]]));
  for (let run = 0; run < Number(values.runs); run++)
    for (const [name, measured] of times) {
      const args = [process.argv[1] ?? '', '--contender', name, '--folder', folder, '--rows', String(rows)];
      measured.push(execFileSync(process.execPath, args, { encoding: 'utf8' }).split(' ').map(Number));
    }
  console.log(`| ${rows} rows | Time, ms | CPU, ms |\n|---|---|---|`);
  for (const [name, measured] of times)
    console.log(`| ${name} | ${medianOf(measured, 0)} | ${medianOf(measured, 1)} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function medianOf(measured: readonly (readonly number[])[], index: number): number {
  const sorted = measured.map((one) => one[index] ?? 0).toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}
