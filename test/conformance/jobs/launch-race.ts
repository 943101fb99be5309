import { afterEach, expect, it } from 'vitest';
import { JobOperator } from '../../../src/jobs/index.ts';
import { named, type StoreUnderTest } from './harness.ts';
import { RacingLauncher } from './racing-launcher.ts';

/** Processes that launch one instance at once, first its first execution, then restart after restart (ST-20). */
export function launchRaceConformance(store: StoreUnderTest, processes: number, restarts: number): void {
  const launchers: RacingLauncher[] = [];
  afterEach(() => {
    for (const launcher of launchers.splice(0)) launcher.kill();
  });

  it(`ST-20: ${processes} processes launch at once, ${restarts} times: one execution each time`, async () => {
    const jobName = named('race');
    const url = store.url();
    await (await JobOperator.create({ repository: url, signals: false })).close();
    for (let n = 0; n < processes; n++) launchers.push(await RacingLauncher.start(url, jobName));
    const won: string[] = [];
    for (let restart = 0; restart <= restarts; restart++) {
      const answers = await Promise.all(launchers.map((launcher) => launcher.order('launch')));
      const winners = answers.flatMap(({ executionId }, at) =>
        executionId === undefined ? [] : [{ executionId, at }],
      );
      expect(winners).toHaveLength(1);
      const [winner] = winners;
      const losers = answers.filter((_, at) => at !== winner?.at);
      expect(losers).toEqual(losers.map(() => ({ code: 'MR_JOB_ALREADY_RUNNING', running: winner?.executionId })));
      won.push(winner?.executionId ?? '');
      expect(await launchers[winner?.at ?? 0]?.order('release')).toEqual({ status: 'FAILED' });
    }
    await Promise.all(launchers.map((launcher) => launcher.order('stop')));

    const operator = await JobOperator.create({ repository: url, signals: false });
    try {
      expect(await operator.repository.instances({ jobName })).toHaveLength(1);
      const executions = await operator.repository.executions({ jobName, limit: 10_000 });
      expect(executions.map(({ id }) => id)).toEqual(won.toReversed());
      expect(executions.every(({ status }) => status === 'FAILED')).toBe(true);
    } finally {
      await operator.close();
    }
  });
}
