// A process that runs one job on the built package, and kills itself where it is told to. Its one argument is JSON:
// { sink, folder, rows, isScanned, partitions, itemMs, url, kill: { point, nth, signal }, databases, leaseTtlMs }.
// Started again it goes on.
// It prints "started" when the job runs and, when it ends, a line of JSON with what the repository says.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  binaryWriter,
  csvReader,
  csvWriter,
  dataSource,
  FILTER,
  fixedLengthWriter,
  httpWriter,
  JobOperator,
  job,
  jsonLinesWriter,
  jsonWriter,
  RetryableError,
  SkippableError,
  tableWriter,
  textWriter,
  transactionalWriter,
  xmlWriter,
} from '../../../dist/jobs/index.js';
import { SqliteHandle } from '../../../dist/jobs/repository/sql/sqlite-handle.js';

const {
  sink,
  folder,
  isScanned,
  partitions,
  itemMs,
  url,
  kill,
  databases = {},
  leaseTtlMs,
} = JSON.parse(process.argv[2]);
// On a server, where the tables of other runs are too.
const {
  own = `sqlite:${join(folder, 'jobs.db')}`,
  other: otherUrl = `sqlite:${join(folder, 'other.db')}`,
  suffix = '',
} = databases;
const [table, keyed] = [`t${suffix}`, `keyed${suffix}`];
const out = join(folder, 'out');
const other = dataSource(otherUrl);
const target = (name) => join(out, name);
const isBad = ({ id }) => isScanned && id % 13 === 7;
const line = ({ id, name }) => `${id} ${name}`;

const passed = {};
let isStarted = false;
function probe(point) {
  if (!isStarted) process.stdout.write('started\n');
  isStarted = true;
  passed[point] = (passed[point] ?? 0) + 1;
  if (kill === undefined || kill.point !== point || kill.nth !== passed[point]) return;
  if (kill.signal === 'SIGSTOP') {
    awaitHeartbeat();
    process.stdout.write('frozen\n');
  }
  process.kill(process.pid, kill.signal ?? 'SIGKILL');
}

/** A heartbeat that is frozen in the middle of its transaction would hold the SQLite file for as long: waits until it is over. */
function awaitHeartbeat() {
  if (!own.startsWith('sqlite:')) return;
  const handle = new SqliteHandle(own.slice('sqlite:'.length));
  for (let isFree = false; !isFree; ) {
    try {
      handle.exec('begin immediate');
      handle.exec('rollback');
      isFree = true;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  handle.close();
}

/** The writer, whose sinks fail for bad items once they have written them. */
function failing(writer) {
  return new Proxy(writer, {
    get(inner, key) {
      const value = inner[key];
      if (key !== 'open') return typeof value === 'function' ? value.bind(inner) : value;
      return async (start) => {
        const opened = await inner.open(start);
        const write = opened.write.bind(opened);
        opened.write = async (items, chunk) => {
          await write(items, chunk);
          if (items.some(isBad)) throw new SkippableError('bad item');
        };
        return opened;
      };
    },
  });
}

/** Each sink with what it makes of an item. */
const sinks = {
  table: () => [tableWriter(table), (item) => item],
  upsert: () => [tableWriter(keyed, { mode: 'upsert', key: ['id'] }), (item) => item],
  transactional: () => [
    transactionalWriter(async (items, tx) => {
      for (const { id, name } of items) await tx.execute(`insert into ${table} (id, name) values (?, ?)`, [id, name]);
    }),
    (item) => item,
  ],
  otherTable: () => [tableWriter(table, { dataSource: other }), (item) => item],
  text: () => [failing(textWriter(target('text.txt'))), line, 'text'],
  csv: () => [failing(csvWriter(target('rows.csv'))), (item) => item],
  jsonLines: () => [failing(jsonLinesWriter(target('rows.ndjson'))), (item) => item],
  gzip: () => [failing(jsonLinesWriter(target('rows.ndjson.gz'))), (item) => item],
  json: () => [failing(jsonWriter(target('rows.json'))), (item) => item],
  xml: () => [failing(xmlWriter(target('rows.xml'), { root: 'rows', element: 'row' })), (item) => item],
  fixed: () => [
    failing(
      fixedLengthWriter(target('rows.fixed'), {
        fields: [
          { name: 'id', length: 6 },
          { name: 'name', length: 12 },
        ],
      }),
    ),
    (item) => item,
  ],
  binary: () => [
    failing(binaryWriter(target('rows.bin'), { lengthPrefix: 'uint16be' })),
    (item) => Buffer.from(line(item)),
  ],
  s3: () => [failing(jsonLinesWriter(url)), (item) => item],
  function: () => [
    (items) => {
      if (items.some(isBad)) throw new SkippableError('bad item');
      appendFileSync(target('calls.ndjson'), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
    },
    (item) => item,
  ],
  http: () => [httpWriter({ url }), (item) => item],
};

function chunkStep(s) {
  const [writer, shape] = sinks[sink]();
  const source = (c) => csvReader(join(folder, `in-${c.partition?.value ?? 0}.csv`));
  const reading =
    partitions > 0
      ? s.partitions(() => Array.from({ length: partitions }, (_, part) => part)).read(source)
      : s.read(source);
  return (
    reading
      .process(async ({ id, name }, c) => {
        if (itemMs > 0) await sleep(itemMs);
        const n = Number(id);
        if (n % 10 === 4) return FILTER;
        if (n % 17 === 5) throw new SkippableError('bad record');
        if (n % 19 === 3 && c.attempt === 1) throw new RetryableError('once more');
        const item = shape({ id: n, name });
        // What is no object has no id for a sink to fail by.
        return item instanceof Buffer || typeof item === 'string' ? Object.assign(Object(item), { id: n }) : item;
      })
      .chunk(7, { fetchSize: 5 })
      .retry('none', { baseDelayMs: 0 })
      // MariaDB's failed check, which mysql2 has no code for.
      .classify(({ errno }) => (errno === 4025 ? 'skip' : undefined))
      .skip(['MR_PARSE', 'MR_HTTP', 'SQLITE_CONSTRAINT_CHECK', '23514'], { limit: 10_000 })
      .write(writer)
  );
}

const killed = job('killed').step('s', (s) =>
  sink === 'dataset'
    ? s.dataset(async (sc) => {
        if (itemMs > 0) await sleep(50 * itemMs);
        await sc
          .textFile(join(folder, 'in-0.csv'))
          .filter((text) => !text.endsWith('4'))
          .saveAsTextFile(target('lines'), { mode: 'overwrite' });
      })
    : chunkStep(s),
);

const operator = await JobOperator.create({
  repository: own,
  probe,
  ...(leaseTtlMs === undefined ? {} : { leaseTtlMs }),
  context: {
    workers: 1,
    progress: false,
    ...(process.env.KILLED_JOB_S3 ? { s3: JSON.parse(process.env.KILLED_JOB_S3) } : {}),
  },
});
const check = isScanned ? ' check (id % 13 <> 7)' : '';
for (const database of [operator.dataSource, other]) {
  await database.execute(`create table if not exists ${table} (id integer${check}, name text)`);
}
await operator.dataSource.execute(`create table if not exists ${keyed} (id integer primary key${check}, name text)`);
async function launch() {
  for (;;) {
    try {
      return await operator.launch(killed, { id: `run${suffix}` }, { onComplete: 'noop' });
    } catch (error) {
      // Its owner is alive, but frozen: until its lease is over.
      if (error.code !== 'MR_JOB_ALREADY_RUNNING') throw error;
      await sleep(50);
    }
  }
}
const handle = await launch();
const execution = await handle.finished();
const instance = await operator.repository.instance(execution.instanceId);
const skipped = await operator.repository.skippedItems({ instanceId: execution.instanceId });
const tables = {};
for (const [name, database] of [
  ['own', operator.dataSource],
  ['other', other],
]) {
  tables[name] = await database.query(`select id, name from ${table} order by id, name`);
}
tables.keyed = await operator.dataSource.query(`select id, name from ${keyed} order by id`);
const { failure, status, steps } = execution;
const answer = {
  status,
  failure: failure?.message,
  guarantee: steps[0]?.guarantee,
  inDoubt: steps[0]?.inDoubt,
  counts: instance.counts.s,
  skipped: skipped.map(({ partition = 0, phase, index }) => `${partition} ${phase} ${index}`).sort(),
  tables,
  passed,
};
await operator.close();
await other.close();
process.stdout.write(`${JSON.stringify(answer)}\n`);
