import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobExecution, JobOperator, job } from '../../../src/jobs/index.ts';

// Misuse that the types would refuse.
// biome-ignore lint/suspicious/noExplicitAny: on purpose
type Loose = any;

describe('what no store can keep, and what is no reader or writer', () => {
  let operator: JobOperator;
  beforeAll(async () => {
    operator = await JobOperator.create({ repository: 'sqlite::memory:', signals: false });
  });
  afterAll(() => operator.close());

  const endOf = async (build: (s: Loose) => Loose): Promise<JobExecution> =>
    (await operator.launch(job('misused').step('load', build))).finished();

  it('refuses a launch whose creator or signal is none, before anything is stored', async () => {
    const hello = job('hello').step('a', (s) => s.task(() => 1));
    for (const createdBy of [3, 'a\0b', null]) {
      await expect(operator.launch(hello, {}, { createdBy } as Loose)).rejects.toThrow(
        /job "hello": createdBy must be/,
      );
    }
    await expect(operator.launch(hello, {}, { signal: {} } as Loose)).rejects.toThrow(/signal must be an AbortSignal/);
    await expect(operator.launch(hello, { ['n'.repeat(201)]: 1 })).rejects.toThrow(/a name of 201 characters/);
    expect(await operator.repository.instances({ jobName: 'hello' })).toEqual([]);
  });

  it('fails a step that sets an exit code which is no text', async () => {
    for (const code of [3, 'a\0b', undefined]) {
      const { status, failure } = await endOf((s) => s.task((c: Loose) => c.setExitCode(code)));
      expect(status).toBe('FAILED');
      expect(failure?.message).toMatch(/job "misused", step "load": an exit code is text without NUL characters/);
    }
  });

  it('names the step whose reader or writer opens what is none', async () => {
    const reads = await endOf((s) => s.read({ open: () => undefined }).write(() => undefined));
    expect(reads.failure).toMatchObject({ code: 'MR_JOB_DEFINITION', step: 'load' });
    expect(reads.failure?.message).toMatch(/open\(\) of its reader returned has no read\(\)/);
    const writes = await endOf((s) => s.read([1]).write({ guarantee: 'atLeastOnce', open: () => ({}) }));
    expect(writes.failure?.message).toMatch(/open\(\) of its writer returned has no write\(\)/);
  });
});
