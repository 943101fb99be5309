import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
});
afterAll(() => sc.stop());

const endless = (): Promise<number> =>
  sc
    .range(4)
    .filter((n) => {
      while (n >= 0);
      return true;
    })
    .count();
const started = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = sc.on('taskStarted', () => {
      stop();
      resolve();
    });
  });

describe('a job group', () => {
  it('is cancelled as a whole, and nothing else with it', async () => {
    sc.setJobGroup('nightly');
    const begun = started();
    const [a, b] = [endless(), endless()];
    sc.setJobGroup('report');
    const other = sc.range(10).count();
    await begun;
    sc.cancelJobGroup('no such group');
    sc.cancelJobGroup('nightly');
    await expect(a).rejects.toMatchObject({ code: 'MR_ABORTED', message: expect.stringContaining('"nightly"') });
    await expect(b).rejects.toMatchObject({ code: 'MR_ABORTED' });
    expect(await other).toBe(10);
    sc.clearJobGroup();
    expect(await sc.range(5).count()).toBe(5);
  });

  it('is that set last when an action starts, unless the action names another', async () => {
    const groups: (string | undefined)[] = [];
    const stop = sc.on('actionStarted', ({ group }) => groups.push(group));
    sc.setJobGroup('a');
    const taking = sc
      .range(0, 100, 1, 50)
      .filter((n) => n > 90)
      .take(1);
    sc.setJobGroup('b');
    await sc.range(3).count();
    await sc.range(3).count({ group: 'c' });
    await taking;
    sc.clearJobGroup();
    await sc.range(3).count();
    stop();
    expect(new Set(groups)).toEqual(new Set(['a', 'b', 'c', undefined]));
    expect(groups.filter((group) => group === 'a').length).toBeGreaterThan(1);
    expect(groups.filter((group) => group === 'b').length).toBe(1);
  });

  it('ends with all others in cancelAllJobs', async () => {
    const begun = started();
    const running = endless();
    await begun;
    sc.cancelAllJobs();
    await expect(running).rejects.toMatchObject({ code: 'MR_ABORTED' });
    expect(await sc.range(5).count()).toBe(5);
  });
});

describe('the status tracker', () => {
  it('knows actions by group, their stages and how they ended', async () => {
    const { statusTracker } = sc;
    sc.setJobGroup('tracked', 'to be looked at');
    const sums = sc
      .range(0, 10, 1, 3)
      .map((n) => [n % 2, n] as const)
      .reduceByKey((a, b) => a + b, 2);
    await sums.collect();
    const failing = sc.range(0, 2, 1, 2).map(() => {
      throw new Error('no');
    });
    await expect(failing.count()).rejects.toThrow('no');
    sc.clearJobGroup();
    const [good, bad] = statusTracker.getJobIdsForGroup('tracked');
    const job = statusTracker.getJobInfo(good!);
    expect(job).toMatchObject({
      action: 'collect',
      group: 'tracked',
      description: 'to be looked at',
      status: 'SUCCEEDED',
    });
    expect(statusTracker.getJobInfo(bad!)?.status).toBe('FAILED');
    const stages = job!.stageIds.map((id) => statusTracker.getStageInfo(id)!);
    expect(stages.map(({ numTasks, numCompletedTasks }) => [numTasks, numCompletedTasks])).toEqual([
      [3, 3],
      [2, 2],
    ]);
    expect(stages[1]?.name).toContain('reduceByKey at job-groups.test.ts');
    expect(stages.every(({ numActiveTasks, numFailedTasks }) => numActiveTasks === 0 && numFailedTasks === 0)).toBe(
      true,
    );
    const begun = started();
    const running = endless();
    await begun;
    const [active] = statusTracker.getActiveJobIds();
    expect(statusTracker.getJobInfo(active!)?.status).toBe('RUNNING');
    expect(statusTracker.getActiveStageIds()).toEqual(statusTracker.getJobInfo(active!)?.stageIds);
    sc.cancelAllJobs();
    await expect(running).rejects.toMatchObject({ code: 'MR_ABORTED' });
    expect(statusTracker.getJobInfo(active!)?.status).toBe('CANCELLED');
    expect([statusTracker.getActiveJobIds(), statusTracker.getActiveStageIds()]).toEqual([[], []]);
    expect([statusTracker.getJobInfo(-1), statusTracker.getStageInfo(-1)]).toEqual([undefined, undefined]);
    expect(statusTracker.getJobIdsForGroup().length).toBeGreaterThan(0);
  });
});

describe('runJob', () => {
  it('gives what a function makes of each partition, or of those asked for, in their order', async () => {
    const rdd = sc.range(0, 10, 1, 4);
    expect(await sc.runJob(rdd, (rows, index) => [index, ...rows])).toEqual([
      [0, 0, 1],
      [1, 2, 3, 4],
      [2, 5, 6],
      [3, 7, 8, 9],
    ]);
    expect(await sc.runJob(rdd, (rows) => [...rows].length, [3, 0, 3])).toEqual([3, 2, 3]);
    expect(await sc.runJob(rdd, async (rows) => rows.next().value, [1])).toEqual([2]);
    expect(await sc.runJob(rdd, () => undefined)).toEqual([undefined, undefined, undefined, undefined]);
    expect(await sc.runJob(sc.emptyRDD<number>(), () => 1)).toEqual([]);
    expect(await sc.runJob(rdd, () => 1, [])).toEqual([]);
    await expect(sc.runJob(rdd, () => 1, [4])).rejects.toThrow('integers from 0 to 3, got 4');
  });
});
