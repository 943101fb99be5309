// One side of a comparison: node dist-bench/jobs/program.js <name> <input> <folder>. Answers as bench/harness/serve.ts says.
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { csvReader, type ItemWriter, JobOperator, job, jsonLinesWriter, tableWriter } from 'millrace/jobs';
import { serve, type Table } from '../harness/serve.ts';

const [name = '', input = '', folder = ''] = process.argv.slice(2);
const database = join(folder, `${name}.db`);
const count = Number(input);

/** What this and the plain loop use of libsql. */
interface PlainDatabase {
  exec(sql: string): void;
  prepare(sql: string): { run(...parameters: unknown[]): void };
  close(): void;
}

interface Row {
  readonly id: number;
  readonly name: string;
  readonly amount: number;
}

/** Row after row, made when it is asked for; a restart makes the same. */
function rows(to: number): Iterable<Row> {
  return {
    *[Symbol.iterator]() {
      for (let id = 0; id < to; id++) yield { id, name: `name ${id}`, amount: id * 1.5 };
    },
  };
}

function numbers(to: number): Iterable<number> {
  return {
    *[Symbol.iterator]() {
      for (let n = 0; n < to; n++) yield n;
    },
  };
}

const noWriter: ItemWriter<unknown> = { guarantee: 'atLeastOnce', open: () => ({ write: () => undefined }) };
const table = 'create table sale (id integer primary key, name text, amount real)';

function fresh(): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true });
}

async function withOperator(use: (operator: JobOperator) => Promise<Table>): Promise<Table> {
  fresh();
  await using operator = await JobOperator.create({ repository: `sqlite:${database}` });
  return await use(operator);
}

/** A chunk of 100 rows, its counts and checkpoint in each commit. */
function tableOfRepository(): Promise<Table> {
  return withOperator(async (operator) => {
    await operator.dataSource.execute(table);
    const load = job('load').step('load', (s) => s.read(rows(count)).chunk(100).write(tableWriter('sale')));
    const { steps } = await operator.run(load);
    return [['rows', steps[0]?.counts.write ?? 0]];
  });
}

/** The same without a job: chunks of 100 in a transaction each, one prepared statement, nothing else stored. */
function plainLoop(): Table {
  fresh();
  const Database = createRequire(import.meta.url)('libsql') as new (path: string) => PlainDatabase;
  const db = new Database(database);
  db.exec('pragma journal_mode = wal');
  db.exec('pragma synchronous = normal');
  db.exec(table);
  const many = name === 'plain-many';
  const values = many ? Array.from({ length: 100 }, () => '(?, ?, ?)').join(', ') : '(?, ?, ?)';
  const insert = db.prepare(`insert into sale (id, name, amount) values ${values}`);
  const [begin, commit] = [db.prepare('begin immediate'), db.prepare('commit')];
  let chunk: Row[] = [];
  let written = 0;
  for (const row of rows(count)) {
    chunk.push(row);
    if (chunk.length < 100) continue;
    begin.run();
    if (many) insert.run(chunk.flatMap((one) => [one.id, one.name, one.amount]));
    else for (const one of chunk) insert.run([one.id, one.name, one.amount]);
    commit.run();
    written += chunk.length;
    chunk = [];
  }
  db.close();
  return [['rows', written]];
}

function noOp(size: number): Promise<Table> {
  return withOperator(async (operator) => {
    const { steps } = await operator.run(
      job('noop').step('noop', (s) => s.read(numbers(count)).chunk(size).write(noWriter)),
    );
    return [['items', steps[0]?.counts.write ?? 0]];
  });
}

const output = join(folder, `${name}.ndjson`);

/** A CSV file as JSON lines, in chunks of a thousand, each durable before its commit. */
function csvJob(): Promise<Table> {
  return withOperator(async (operator) => {
    const convert = job('convert').step('convert', (s) =>
      s
        .read(csvReader(input))
        .chunk(1000)
        .write(jsonLinesWriter(output, { mode: 'overwrite' })),
    );
    await operator.run(convert);
    return [['bytes', statSync(output).size]];
  });
}

/** What one would write with csv-parse: no restart, nothing durable. */
async function csvParse(): Promise<Table> {
  await pipeline(
    createReadStream(input),
    parse({ columns: true }),
    new Transform({
      writableObjectMode: true,
      transform: (row, _, done) => done(null, `${JSON.stringify(row)}\n`),
    }),
    createWriteStream(output),
  );
  return [['bytes', statSync(output).size]];
}

function steps(): Promise<Table> {
  return withOperator(async (operator) => {
    const names = Array.from({ length: count }, (_, n) => `step ${n}`);
    const wide = job('wide').steps(
      Object.fromEntries(names.map((step) => [step, { step: (s) => s.task(() => undefined) }])),
    );
    return [['steps', (await operator.run(wide)).steps.length]];
  });
}

/** Work for a processor: about a tenth of a millisecond. */
function digest(n: number): number {
  let hash = n;
  for (let round = 0; round < 40_000; round++) hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + round;
  return hash >>> 0;
}

/** Items processed on the engine's workers; the threads are started in the first run. */
async function threads(workers: number): Promise<Table> {
  return [['sum', await threadSum(await threadOperator(workers))]];
}

let shared: Promise<JobOperator> | undefined;
function threadOperator(workers: number): Promise<JobOperator> {
  shared ??= JobOperator.create({ repository: 'sqlite::memory:', context: { workers, progress: false } });
  return shared;
}

async function threadSum(operator: JobOperator): Promise<number> {
  let sum = 0;
  const work = job('threads').step('digest', (s) =>
    s
      .read(numbers(count))
      .process(digest, { threads: true })
      .chunk(1000)
      .write((items) => {
        for (const item of items) sum += item;
      }),
  );
  await operator.run(work);
  return sum;
}

const programs: Readonly<Record<string, () => Table | Promise<Table>>> = {
  table: tableOfRepository,
  'plain-single': plainLoop,
  'plain-many': plainLoop,
  'noop-1': () => noOp(1),
  'noop-1000': () => noOp(1000),
  csv: csvJob,
  'csv-parse': csvParse,
  steps,
  'threads-1': () => threads(1),
  'threads-2': () => threads(2),
};
const program = programs[name];
if (program === undefined) throw new Error(`no program "${name}"; there are ${Object.keys(programs).join(', ')}`);
await serve(program);
await (await shared)?.close();
