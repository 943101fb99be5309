// A step fails; what was complete is not done again. node dist-examples/jobs/failing-job.js
import { JobOperator, job } from 'millrace/jobs';

let isServerUp = false;
const failing = job<{ day: string }>('FailingJob')
  .step('prepare', (s) => s.task(() => 'prepared'))
  .step('send', (s) =>
    s.task(() => {
      if (!isServerUp) throw new Error('the server is down');
      return 'sent';
    }),
  );

await using operator = await JobOperator.create({ repository: 'sqlite::memory:', jobs: [failing] });
const launch = await operator.launch(failing, { day: '2026-01-30' });
const failed = await launch.finished();
console.log(`${failed.status} in ${failed.failure?.step}: ${failed.failure?.message}`);

isServerUp = true;
const mended = await operator.run(failing, { day: '2026-01-30' });
console.log(`${mended.status}, same instance: ${mended.instanceId === failed.instanceId}`);
for (const { name, status, reusedFrom, result } of mended.steps)
  console.log(`  ${name}: ${status}${reusedFrom === undefined ? '' : ', reused'}, ${result}`);
