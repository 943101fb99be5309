import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { scratchDirectory } from '../../data/io/scratch.ts';

const scratch = scratchDirectory();
const built = pathToFileURL(resolve(import.meta.dirname, '../../../dist/jobs/index.js')).href;

/** What a script says on stderr, and how it ends. */
async function run(script: string): Promise<{ code: number | null; signal: string | null; errors: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, errors };
}

/** Ends while its heartbeat thread is busy with the database, again and again: by close, and at last without it. */
const endings = `
import { JobOperator, job } from '${built}';
const quick = job('quick').step('s', (s) => s.task(() => 1));
const make = () => JobOperator.create({ repository: 'sqlite:${scratch}/quick.db', signals: false, leaseTtlMs: 3 });
for (let run = 0; run < 12; run++) {
  const operator = await make();
  const handle = await operator.launch(quick);
  await Promise.race([handle.finished(), new Promise((resolve) => setTimeout(resolve, run * 20))]);
  await new Promise((resolve) => setTimeout(resolve, run * 5));
  await operator.close();
}
await (await make()).launch(quick);
`;

it('ends its thread outside the database, so that a process that closes or ends is not aborted', async () => {
  const { code, signal, errors } = await run(endings);
  expect({ code, signal, isAborted: /panicked/.test(errors) }).toEqual({ code: 0, signal: null, isAborted: false });
});

it('rests between two renewals of a lease of decades: no timer takes a third of it', async () => {
  const { code, errors } = await run(`
import { JobOperator, job } from '${built}';
const operator = await JobOperator.create({ repository: 'sqlite:${scratch}/long.db', signals: false, leaseTtlMs: 1e12 });
await operator.run(job('waits').step('s', (s) => s.task(() => new Promise((resolve) => setTimeout(resolve, 500)))));
await operator.close();
`);
  expect(code).toBe(0);
  expect(errors).not.toContain('TimeoutOverflowWarning');
});
