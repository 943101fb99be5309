// Children of the measurements in bench/jobs/processes.ts: node dist-bench/jobs/child.js <import|read> <input> <folder> <killAfter>
import { join } from 'node:path';
import { csvReader, type ItemWriter, JobOperator, job, tableWriter } from 'millrace/jobs';

const [kind = '', input = '', folder = '', killAfter = '0'] = process.argv.slice(2);

/** A CSV file into a table. Kills itself after so many rows; says when its first chunk is committed. */
async function importCsv(): Promise<void> {
  const load = job<{ path: string }>('import').step('import', (s) =>
    s.read((c) => csvReader(c.parameters.path)).write(tableWriter('sale')),
  );
  const operator = await JobOperator.create({ repository: `sqlite:${join(folder, 'import.db')}` });
  await operator.dataSource.execute(
    'create table if not exists sale (id integer primary key, day text, store text, category text, customer integer, quantity integer, price real)',
  );
  let isFirst = true;
  operator.on('chunkCommitted', ({ firstIndex = 0 }) => {
    if (isFirst) console.log(JSON.stringify({ firstIndex }));
    isFirst = false;
    if (Number(killAfter) > 0 && firstIndex >= Number(killAfter)) process.kill(process.pid, 'SIGKILL');
  });
  const { steps } = await operator.run(load, { path: input });
  const [count] = await operator.dataSource.query<{ n: number }>('select count(*) as n from sale');
  console.log(JSON.stringify({ rows: count?.n, wrote: steps[0]?.counts.write }));
  await operator.close();
}

/** So many items through a step, the resident size watched. */
async function readMany(): Promise<void> {
  const items = Number(input);
  const numbers = {
    *[Symbol.iterator]() {
      for (let id = 0; id < items; id++) yield { id, name: `name ${id}` };
    },
  };
  let early = 0;
  let peak = 0;
  const noWriter: ItemWriter<unknown> = { guarantee: 'atLeastOnce', open: () => ({ write: () => undefined }) };
  const read = job('read').step('read', (s) => s.read(numbers).chunk(1000).write(noWriter));
  const operator = await JobOperator.create({ repository: `sqlite:${join(folder, 'read.db')}` });
  operator.on('chunkCommitted', ({ firstIndex = 0 }) => {
    const size = process.memoryUsage.rss();
    if (firstIndex < 100_000) early = Math.max(early, size);
    else peak = Math.max(peak, size);
  });
  await operator.run(read);
  console.log(JSON.stringify({ aboveMiB: Math.max(0, peak - early) / 2 ** 20, peakMiB: peak / 2 ** 20 }));
  await operator.close();
}

await (kind === 'import' ? importCsv() : readMany());
