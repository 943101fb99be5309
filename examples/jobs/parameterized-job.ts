// What parameters are taken for, and the key of their instance. node dist-examples/jobs/parameterized-job.js
import { JobOperator, job } from 'millrace/jobs';

const parameterized = job<{ start_date: string; batch_size: number; threshold: number }>('ParameterizedJob').step(
  'show',
  (s) => s.task((c) => `from ${c.parameters.start_date}, ${c.parameters.batch_size} at a time`),
);

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
const { instanceId, steps } = await operator.run(parameterized, {
  start_date: '2024-01-01',
  batch_size: 100,
  threshold: 0.95,
});
console.log(steps[0]?.result);
const { key, parameters } = await operator.repository.instance(instanceId);
for (const { name, type, value } of parameters) console.log(`  ${name}: ${type} ${JSON.stringify(value)}`);
console.log(`key ${key}`);
