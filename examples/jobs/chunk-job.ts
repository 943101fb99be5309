// Read, process, write, commit every ten items. node dist-examples/jobs/chunk-job.js
import { FILTER, JobOperator, job, listWriter } from 'millrace/jobs';

const squares: number[] = [];
const chunked = job('ChunkJob').step('square', (s) =>
  s
    .read(Array.from({ length: 50 }, (_, n) => n + 1))
    .process((n) => (n % 2 === 1 ? FILTER : n * n))
    .chunk(10)
    .write(listWriter(squares)),
);

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
const { steps } = await operator.run(chunked);
const { read, write, filter, commit } = steps[0]?.counts ?? {};
console.log(`read ${read}, write ${write}, filter ${filter}, commit ${commit}`);
console.log(`the last square: ${squares.at(-1)}`);
