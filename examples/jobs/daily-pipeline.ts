// Wait, extract, validate, transform, load, clean up: node dist-examples/jobs/daily-pipeline.js

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvReader, JobOperator, job, tableWriter } from 'millrace/jobs';

const folder = await mkdtemp(join(tmpdir(), 'pipeline-'));
const file = (rows: number): string => join(folder, `in-${rows}.csv`);

const pipeline = job<{ rows: number }>('daily-pipeline')
  .step('create', (s) =>
    s.task(async (c) => {
      await c.dataSource.execute(
        'create table if not exists extracted (line integer primary key, id integer, amount real)',
      );
      await c.dataSource.execute('create table if not exists loaded (id integer primary key, amount real)');
      for (const table of ['extracted', 'loaded']) await c.dataSource.execute(`delete from ${table}`);
    }),
  )
  .step('wait', (s) =>
    s
      .task(async (c) => ({ bytes: (await stat(file(c.parameters.rows))).size }))
      .retry('ENOENT', { maxAttempts: 10, baseDelayMs: 1000 }),
  )
  .step('extract', (s) =>
    s
      .read((c) => csvReader(file(c.parameters.rows)))
      .process(({ line, id, amount }) => ({ line: Number(line), id: Number(id), amount: Number(amount) }))
      .chunk(1000)
      .write(tableWriter('extracted')),
  )
  .step('validate', (s) =>
    s.task((c) => {
      const { write } = c.result('extract');
      if (write < 100) throw new Error(`Too few records: ${write}`);
    }),
  )
  .step('transform', (s) =>
    s.task(async (c) => {
      const { changes } = await c.dataSource.execute('update extracted set amount = round(amount * 1.2, 2)');
      return changes;
    }),
  )
  .step('load', (s) =>
    s.task(async (c) => {
      const { changes } = await c.dataSource.execute(
        'insert into loaded select id, max(amount) from extracted group by id',
      );
      return changes;
    }),
  )
  .step('clean up', (s) => s.task(async (c) => void (await c.dataSource.execute('delete from extracted'))), {
    when: 'allDone',
  });

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
for (const rows of [10_000, 99]) {
  const lines = Array.from({ length: rows }, (_, i) => `${i},${i % 9500},${i / 4}`);
  await writeFile(file(rows), `line,id,amount\n${lines.join('\n')}\n`);
  const execution = await (await operator.launch(pipeline, { rows })).finished();
  const step = (name: string) => execution.steps.find((one) => one.name === name);
  console.log(
    `${rows} rows: ${execution.status}${execution.failure === undefined ? '' : `, ${execution.failure.message}`}`,
  );
  console.log(
    `  extracted ${step('extract')?.counts.write}, loaded ${step('load')?.result ?? 'none'}, load ${step('load')?.status}`,
  );
  console.log(`  clean up ${step('clean up')?.status}`);
}
await rm(folder, { recursive: true });
