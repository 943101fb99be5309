import { expect, it } from 'vitest';
import { JobOperator, job } from '../../../src/jobs/index.ts';
import { failure, gate, keptLog, step, until } from '../../conformance/jobs/harness.ts';

it('ST-27: code that has not settled 5 s later is left behind, and may not save any more', async () => {
  const { logger } = keptLog();
  const operator = await JobOperator.create({ repository: 'sqlite::memory:', signals: false, logger });
  const late = gate();
  let saved: Promise<Error> | undefined;
  const made = job('deaf')
    .step(
      'deaf',
      (s) =>
        s.task(async (c) => {
          await late.opened;
          c.context.set('late', 1);
          saved = failure(c.context.save());
          await saved;
        }),
      { timeoutMs: 20, allowFailure: true },
    )
    .step('next', (s) =>
      s.task(async () => {
        late.open();
        await until(() => saved !== undefined);
        return (await saved)?.message ?? '';
      }),
    );
  const startedAt = performance.now();
  const execution = await operator.run(made);
  expect(performance.now() - startedAt).toBeGreaterThan(4900);
  expect(step(execution, 'deaf').failure?.code).toBe('MR_STEP_TIMEOUT');
  await operator.close();
  expect(step(execution, 'next').result).toContain('has ended');
});
