// A task that works at the third try; every try is kept. node dist-examples/jobs/retry-job.js
import { JobOperator, job, RetryableError } from 'millrace/jobs';

const retrying = job('RetryJob').step('call', (s) =>
  s
    .task((c) => {
      if (c.attempt < 3) throw new RetryableError(`no answer to call ${c.attempt}`);
      return `answered call ${c.attempt}`;
    })
    .retry([], { maxAttempts: 4, baseDelayMs: 1000, factor: 1, jitter: 'none' }),
);

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
const { steps } = await operator.run(retrying);
for (const { attempt, status, waitMs, error } of steps[0]?.attempts ?? [])
  console.log(`attempt ${attempt}: ${status}${error === undefined ? '' : `, ${error.message}, waits ${waitMs} ms`}`);
console.log(steps[0]?.result);
