// Cleansing and aggregation as jobs of their own, and a job of jobs. node dist-examples/jobs/nested-jobs.js
import { JobOperator, job, sqlReader, tableWriter } from 'millrace/jobs';

type Item = { id: number; category: string; amount: number };

const cleanse = job<{ records: number }>('cleanse')
  .step('create', (s) =>
    s.task(async (c) => {
      await c.dataSource.execute('create table clean (id integer primary key, category text, amount real)');
    }),
  )
  .step('cleanse', (s) =>
    s
      .read((c) =>
        Array.from({ length: c.parameters.records }, (_, i) => ({
          id: i,
          category: `c${i % 5}`,
          amount: i * 15.5 - 100,
        })),
      )
      .process((record): Item => ({ ...record, amount: Math.max(0, record.amount) }))
      .write(tableWriter('clean')),
  );

const sums = new Map<string, number>();
const aggregate = job<{ records: number }>('aggregate').step('aggregate', (s) =>
  s.read(sqlReader<Item>({ query: 'select * from clean', key: 'id' })).write((items) => {
    for (const { category, amount } of items) sums.set(category, (sums.get(category) ?? 0) + amount);
  }),
);

const nightly = job<{ records: number }>('nightly')
  .step('cleansing', (s) => s.job(cleanse, (c) => ({ records: c.parameters.records })))
  .step('aggregation', (s) => s.job(aggregate, (c) => ({ records: c.parameters.records })));

await using operator = await JobOperator.create({ repository: 'sqlite::memory:', jobs: [nightly, cleanse, aggregate] });
const { status, steps } = await operator.run(nightly, { records: 200 });
console.log(`nightly: ${status}, steps ${steps.map(({ name }) => name).join(', ')}`);
for (const jobName of ['cleanse', 'aggregate']) {
  const [execution] = await operator.repository.executions({ jobName });
  console.log(`${jobName}: ${execution?.status}, ${execution?.steps.at(-1)?.counts.write} written`);
}
for (const [category, sum] of sums) console.log(`  ${category}: ${sum}`);
