// A, B to D; C, D to E; E to F; F to G; A fails. node dist-examples/jobs/graph.js
import { JobOperator, type JobParameters, job, type StepBuilder } from 'millrace/jobs';

const work = (name: string) => (s: StepBuilder<JobParameters, object>) =>
  s.task(() => {
    if (name === 'A') throw new Error('A fails');
    return `${name} is done`;
  });

const graph = job('graph').steps({
  G: { step: work('G'), after: ['F'] },
  F: { step: work('F'), after: ['E'] },
  E: { step: work('E'), after: ['C', 'D'] },
  D: { step: work('D'), after: ['A', 'B'] },
  A: { step: work('A') },
  B: { step: work('B') },
  C: { step: work('C') },
});

await using operator = await JobOperator.create({ repository: 'sqlite::memory:' });
const { status, steps } = await (await operator.launch(graph)).finished();
console.log(status);
for (const { name, status: ended, skipReason } of steps.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
  console.log(`  ${name}: ${ended}${skipReason === undefined ? '' : ` ${JSON.stringify(skipReason)}`}`);
