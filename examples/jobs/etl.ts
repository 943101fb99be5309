// Extract, transform, load: node dist-examples/jobs/etl.js
import { JobOperator, job, tableWriter } from 'millrace/jobs';

const etl = job('ETL')
  .step('create', (s) =>
    s.task(async (c) => {
      await c.dataSource.execute(
        'create table sales (id integer primary key, category text, amount real, perLetter real)',
      );
    }),
  )
  .step('load', (s) =>
    s
      .read(Array.from({ length: 1000 }, (_, i) => ({ id: i, category: `cat-${i % 7}`, amount: i * 10.5 })))
      .process((sale) => ({ ...sale, category: sale.category.toUpperCase() }))
      .process((sale) => ({ ...sale, perLetter: sale.amount / sale.category.length }))
      .write(tableWriter('sales')),
  )
  .step('sum', (s) =>
    s.task(async (c) => {
      const [sums] = await c.dataSource.query<{ amount: number; perLetter: number }>(
        'select sum(amount) as amount, sum(perLetter) as perLetter from sales',
      );
      return { written: c.result('load').write, amount: sums?.amount ?? 0, perLetter: sums?.perLetter ?? 0 };
    }),
  );

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
console.log((await operator.run(etl)).steps.at(-1)?.result);
