// Two extracts at once, one fails; what needs it is skipped and says why. node dist-examples/jobs/warehouse.js
import { JobOperator, job } from 'millrace/jobs';

const warehouse = job('warehouse')
  .step('extract_customers', (s) =>
    s.task(() => {
      throw new Error('customers: connection refused');
    }),
  )
  .step('extract_orders', (s) => s.task(() => 250), { after: [] })
  .step('join_data', (s) => s.task((c) => c.result('extract_orders')), {
    after: ['extract_customers', 'extract_orders'],
  })
  .step('load_warehouse', (s) => s.task((c) => c.result('join_data')), { after: ['join_data'] });

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
const execution = await (await operator.launch(warehouse)).finished();
console.log(execution.status);
for (const { name, status, skipReason } of execution.steps)
  console.log(`  ${name}: ${status}${skipReason === undefined ? '' : ` ${JSON.stringify(skipReason)}`}`);
