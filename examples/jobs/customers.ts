// A file with bad rows, a skip limit, a table: node dist-examples/jobs/customers.js
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvReader, FILTER, JobOperator, job, SkippableError, tableWriter } from 'millrace/jobs';

const folder = await mkdtemp(join(tmpdir(), 'customers-'));
const path = join(folder, 'customers.csv');
const rows = Array.from({ length: 1000 }, (_, i) => {
  const email = i % 20 === 0 ? '' : i % 125 === 1 ? `customer${i}.example.com` : `customer${i}@example.com`;
  return `${i},Customer ${i},${email}`;
});
rows.splice(400, 0, 'a row with too few fields', '1,a row,with,too many fields');
await writeFile(path, `id,name,email\n${rows.join('\n')}\n`);

const customers = job('Customers')
  .step('create', (s) =>
    s.task(async (c) => {
      await c.dataSource.execute(
        'create table if not exists customers (id integer primary key, name text, email text)',
      );
      await c.dataSource.execute('delete from customers');
    }),
  )
  .step('import', (s) =>
    s
      .read(csvReader(path))
      .process(({ id, name, email }) => {
        if (email === '') return FILTER;
        if (!email?.includes('@')) throw new SkippableError(`customer ${id} has no e-mail address: ${email}`);
        return { id: Number(id), name, email };
      })
      .chunk(100)
      .skip('MR_PARSE', { limit: 10 })
      .write(tableWriter('customers', { mode: 'upsert', key: ['id'] })),
  );

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
const { id, steps } = await operator.run(customers);
const { read, filter, processSkip, readSkip, write, commit } = steps[1]?.counts ?? {};
console.log(
  `read ${read}, filter ${filter}, process skips ${processSkip}, read skips ${readSkip}, write ${write}, commit ${commit}`,
);
for (const { index, phase, error } of await operator.repository.skippedItems({ executionId: id }))
  console.log(`  ${phase} ${index}: ${error.message.replace(`${folder}/`, '')}`);
const [count] = await operator.dataSource.query<{ n: number }>('select count(*) as n from customers');
console.log(`${count?.n} customers in the table, exactly once: ${steps[1]?.guarantee}`);
await rm(folder, { recursive: true });
