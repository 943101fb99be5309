// Two steps, launched three times: run, reused, forced. node dist-examples/jobs/sample-job.js
import { JobOperator, job } from 'millrace/jobs';

const runs = { first: 0, second: 0 };
const sample = job<{ day: string }>('SampleJob')
  .step('first', (s) => s.task(() => ++runs.first))
  .step('second', (s) => s.task((c) => c.result('first') + ++runs.second));

await using operator = await JobOperator.create({ repository: 'sqlite::memory:', jobs: [sample] });
const day = { day: '2026-01-30' };

const done = await operator.run(sample, day);
console.log(`${done.status}: ${done.steps.map(({ name, result }) => `${name} = ${result}`).join(', ')}`);

const again = await operator.run(sample, day, { onComplete: 'noop' });
console.log(`exit code ${again.exitCode}: first ran ${runs.first} time, second ${runs.second}`);

await operator.run(sample, day, { force: true });
console.log(`forced: first ran ${runs.first} times, second ${runs.second}`);
