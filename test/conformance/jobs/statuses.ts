import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchStatus, type JobExecution, type JobHandle, JobOperator, job } from '../../../src/jobs/index.ts';
import {
  aborted,
  end,
  failure,
  gate,
  keptLog,
  named,
  operators,
  type StoreUnderTest,
  statuses,
  step,
  until,
} from './harness.ts';

const active: readonly BatchStatus[] = ['QUEUED', 'STARTING', 'STARTED', 'STOPPING'];
/** Where an execution may be seen next, any number of steps of ST-2 later. */
const reachable: Readonly<Record<string, readonly BatchStatus[]>> = {
  QUEUED: ['STARTING', 'STARTED', 'STOPPING', 'STOPPED', 'COMPLETED', 'FAILED', 'ABANDONED'],
  STARTING: ['STARTED', 'STOPPING', 'STOPPED', 'COMPLETED', 'FAILED', 'ABANDONED'],
  STARTED: ['STOPPING', 'STOPPED', 'COMPLETED', 'FAILED', 'ABANDONED'],
  STOPPING: ['STOPPED', 'COMPLETED', 'FAILED', 'ABANDONED'],
  STOPPED: ['ABANDONED'],
  FAILED: ['ABANDONED'],
  COMPLETED: [],
  ABANDONED: [],
};

/** ST-3 for one execution as it is stored. */
export function expectTimes(execution: JobExecution): void {
  const { status, startTime, endTime, createTime, steps } = execution;
  expect(endTime !== undefined, `endTime of a job that is ${status}`).toBe(!active.includes(status));
  if (startTime !== undefined) expect(startTime.getTime()).toBeGreaterThanOrEqual(createTime.getTime());
  for (const each of steps.flatMap((of) => [of, ...of.partitions])) {
    expect(each.endTime !== undefined, `endTime of a step that is ${each.status}`).toBe(!active.includes(each.status));
    expect(each.startTime?.getTime()).toBeGreaterThanOrEqual(startTime?.getTime() ?? Number.NaN);
    if (each.endTime === undefined) continue;
    expect(each.endTime.getTime()).toBeGreaterThanOrEqual(each.startTime?.getTime() ?? Number.NaN);
    if (endTime !== undefined) expect(each.endTime.getTime()).toBeLessThanOrEqual(endTime.getTime());
  }
}

const broken = (): never => {
  throw new Error('broken');
};

/** ST-1 to ST-4 and ST-29: what becomes of executions, and how they are stopped. */
export function statusConformance(store: StoreUnderTest): void {
  const create = operators(store);

  describe('statuses', () => {
    it('ST-1: the exit code is the status unless a step says otherwise', async () => {
      const operator = await create();
      const made = job(named('codes'))
        .step('plain', (s) => s.task(() => 1))
        .step('told', (s) => s.task((c) => c.setExitCode('42 rows')))
        .step('no', (s) => s.task(() => 1), { if: () => false })
        .step('bad', (s) => s.task(broken), { after: [] });
      const execution = await end(operator, made, { a: 1 });
      expect(execution.exitCode).toBe('FAILED');
      expect(Object.fromEntries(execution.steps.map(({ name, exitCode }) => [name, exitCode]))).toEqual({
        plain: 'COMPLETED',
        told: '42 rows',
        no: 'SKIPPED',
        bad: 'FAILED',
      });
    });

    it('ST-2: stop of what has ended, and abandon of what has not failed, change nothing', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const name = named('illegal');
      const made = job<{ fails?: boolean }>(name).step('work', (s) =>
        s.task(async (c) => {
          if (c.parameters.fails) broken();
          await opened;
        }),
      );
      const failed = await end(operator, made, { fails: true });
      const handle = await operator.launch(made);
      const running = await failure(operator.abandon(handle.executionId));
      expect(running).toMatchObject({ code: 'MR_ILLEGAL_TRANSITION' });
      expect(running.message).toContain(handle.executionId);
      open();
      const completed = await handle.finished();
      for (const execution of [completed, failed]) {
        expect(await failure(operator.stop(execution.id))).toMatchObject({ code: 'MR_ILLEGAL_TRANSITION' });
        expect(await operator.repository.execution(execution.id)).toEqual(execution);
      }
      expect(await failure(operator.abandon(completed.id))).toMatchObject({ code: 'MR_ILLEGAL_TRANSITION' });
      const abandoned = await operator.abandon(failed.id);
      expect(abandoned).toMatchObject({ id: failed.id, status: 'ABANDONED', exitCode: 'ABANDONED' });
      expect(abandoned.endTime).toEqual(failed.endTime);
      for (const again of [() => operator.abandon(failed.id), () => operator.stop(failed.id)]) {
        expect(await failure(again)).toMatchObject({ code: 'MR_ILLEGAL_TRANSITION' });
      }
    });

    it('ST-2: a second stop does nothing', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const made = job(named('twice')).step('work', (s) => s.task((c) => opened.then(() => aborted(c.signal))));
      const handle = await operator.launch(made);
      await until(async () => (await operator.repository.execution(handle.executionId)).status === 'STARTED');
      await Promise.all([operator.stop(handle.executionId), operator.stop(handle.executionId), handle.stop()]);
      open();
      expect((await handle.finished()).status).toBe('STOPPED');
      const events = await operator.repository.events(handle.executionId);
      expect(events.filter(({ kind }) => kind === 'stopRequested')).toHaveLength(1);
      await handle.stop();
    });

    it('ST-2: unknown executions are MR_NO_SUCH_EXECUTION', async () => {
      const operator = await create();
      const id = '01890000-0000-7000-8000-000000000000';
      const { repository } = operator;
      for (const work of [
        () => operator.stop(id),
        () => operator.abandon(id),
        () => operator.restart(id),
        () => repository.execution(id),
        () => repository.instance(id),
      ]) {
        const error = await failure(work);
        expect(error).toMatchObject({ code: 'MR_NO_SUCH_EXECUTION' });
        expect(error.message).toContain(id);
      }
      expect(await repository.events(id)).toEqual([]);
    });

    it('ST-3: times enclose each other, whatever the end', async () => {
      const operator = await create();
      const made = job(named('times'))
        .step('a', (s) => s.task(() => 1))
        .step('parts', (s) =>
          s
            .partitions(() => [1, 2, 3])
            .read((c) => [c.partition.value])
            .write(() => undefined),
        )
        .step('skipped', (s) => s.task(() => 1), { if: () => false })
        .step('b', (s) => s.task(broken), { after: ['a'] })
        .step('c', (s) => s.task(() => 1));
      const first = await end(operator, made, { a: 1 });
      const second = await end(operator, made, { a: 1 });
      const stopped = job(named('stopped')).step('wait', (s) => s.task((c) => aborted(c.signal)));
      const handle = await operator.launch(stopped);
      const running = await operator.repository.execution(handle.executionId);
      expectTimes(running);
      await handle.stop();
      for (const execution of [first, second, await handle.finished()]) expectTimes(execution);
      expect(first.steps.map(({ name }) => name)).toEqual(['a', 'parts', 'skipped', 'b', 'c']);
    });

    it('ST-3: a clock that goes backwards changes nothing of it', async () => {
      let now = Date.UTC(2030, 0, 1);
      const clock = { now: () => (now -= 1000), sleep: async () => undefined };
      const operator = await create({ clock });
      const made = job(named('back'))
        .step('a', (s) => s.task(() => 1))
        .step('b', (s) => s.task(() => 1));
      expectTimes(await operator.run(made));
    });

    it('ST-4: a failed step fails the job, though a cleanup behind it succeeds', async () => {
      const operator = await create();
      const made = job(named('cleanup'))
        .step('load', (s) => s.task(broken))
        .step('clean', (s) => s.task(() => 1), { when: 'allDone' });
      const execution = await end(operator, made);
      expect(statuses(execution)).toEqual({ load: 'FAILED', clean: 'COMPLETED' });
      expect(execution).toMatchObject({ status: 'FAILED', exitCode: 'FAILED' });
      expect(execution.failure).toMatchObject({ step: 'load', name: 'Error', message: 'broken' });
    });

    it('ST-4: with allowFailure the job is DEGRADED, and what follows takes it for COMPLETED', async () => {
      const operator = await create();
      const made = job(named('degraded'))
        .step('maybe', (s) => s.task(broken), { allowFailure: true })
        .step('next', (s) => s.task((c) => c.step('maybe')?.status ?? null))
        .step('onFailure', (s) => s.task(() => 1), { after: ['maybe'], when: 'anyFailed' });
      const execution = await operator.run(made);
      expect(execution).toMatchObject({ status: 'COMPLETED', exitCode: 'DEGRADED' });
      expect(execution.failure).toBeUndefined();
      expect(statuses(execution)).toEqual({ maybe: 'FAILED', next: 'COMPLETED', onFailure: 'SKIPPED' });
      expect(step(execution, 'next').result).toBe('FAILED');
      expect(step(execution, 'maybe').failure?.message).toBe('broken');
    });

    it('ST-4: a failure counts for more than a stop', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const made = job(named('both'), { parallel: true })
        .step('fails', (s) =>
          s.task(async () => {
            await opened;
            broken();
          }),
        )
        .step('waits', (s) => s.task((c) => aborted(c.signal, open)));
      const handle = await operator.launch(made);
      await opened;
      await until(async () => {
        const { steps } = await operator.repository.execution(handle.executionId);
        return steps.some(({ status }) => status === 'FAILED');
      });
      await handle.stop();
      const execution = await handle.finished();
      expect(statuses(execution)).toEqual({ fails: 'FAILED', waits: 'STOPPED' });
      expect(execution).toMatchObject({ status: 'FAILED', failure: { step: 'fails' } });
    });

    it('ST-4: a job without steps is COMPLETED', async () => {
      const operator = await create();
      expect(await operator.run(job(named('empty')))).toMatchObject({ status: 'COMPLETED', steps: [] });
    });
  });

  describe('stop', () => {
    it('ST-29: a task whose function returns is COMPLETED, one that throws is STOPPED; nothing more begins', async () => {
      const operator = await create();
      for (const ends of [true, false]) {
        const { opened, open } = gate();
        const made = job(named('stop'))
          .step('work', (s) =>
            s.task(async (c) => {
              open();
              await aborted(c.signal).catch((error) => {
                if (!ends) throw error;
              });
              return 'ended';
            }),
          )
          .step('next', (s) => s.task(() => 1));
        const handle = await operator.launch(made, { a: 1 });
        await opened;
        await operator.stop(handle.executionId);
        const execution = await handle.finished();
        expect(statuses(execution)).toEqual({ work: ends ? 'COMPLETED' : 'STOPPED' });
        expect(execution).toMatchObject({ status: 'STOPPED', exitCode: 'STOPPED' });
        expect(execution.failure).toBeUndefined();
        expect(step(execution, 'work').failure).toBeUndefined();
        expectTimes(execution);
        const error = await failure(operator.run(made, { a: 2 }, { signal: AbortSignal.abort() }));
        expect(error).toMatchObject({ code: 'MR_JOB_NOT_COMPLETED', details: { status: 'STOPPED' } });
      }
    });

    it('ST-2: STOPPING becomes COMPLETED when the work was done', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const made = job(named('done')).step('work', (s) =>
        s.task(async (c) => {
          open();
          await aborted(c.signal).catch(() => undefined);
          return 'all of it';
        }),
      );
      const handle = await operator.launch(made);
      await opened;
      await handle.stop();
      expect(await handle.finished()).toMatchObject({ status: 'COMPLETED', exitCode: 'COMPLETED' });
    });

    it('ST-29: a chunk step ends behind the chunk under way, and goes on from there', async () => {
      const operator = await create();
      const written: number[] = [];
      let handle: JobHandle | undefined;
      const items = Array.from({ length: 10 }, (_, i) => i);
      const made = job(named('chunks')).step('load', (s) =>
        s
          .read(items)
          .chunk(2)
          .write(async (chunk) => {
            written.push(...chunk);
            if (chunk.includes(3)) await handle?.stop();
          }),
      );
      handle = await operator.launch(made, { a: 1 });
      const first = await handle.finished();
      expect(first.status).toBe('STOPPED');
      expect(step(first, 'load').counts).toMatchObject({ read: 4, write: 4, commit: 2 });
      const second = await operator.run(made, { a: 1 });
      expect(step(second, 'load').counts).toMatchObject({ read: 6, write: 6, commit: 3 });
      expect(written).toEqual(items);
    });

    it('ST-29: the signal of the launch stops too, also one that was aborted before', async () => {
      const operator = await create();
      let runs = 0;
      const made = job(named('signal')).step('work', (s) =>
        s.task((c) => {
          runs += 1;
          return aborted(c.signal);
        }),
      );
      const early = await end(operator, made, { a: 1 }, { signal: AbortSignal.abort() });
      expect(early).toMatchObject({ status: 'STOPPED', steps: [] });
      expectTimes(early);
      expect(runs).toBe(0);
      const controller = new AbortController();
      const handle = await operator.launch(made, { a: 1 }, { signal: controller.signal });
      await until(() => runs === 1);
      controller.abort();
      expect((await handle.finished()).status).toBe('STOPPED');
    });

    it('ST-29: a stop during an if begins nothing', async () => {
      const operator = await create();
      const { opened, open } = gate();
      let runs = 0;
      const made = job(named('if')).step('work', (s) => s.task(() => void runs++), {
        if: async (c) => {
          open();
          await aborted(c.signal).catch(() => undefined);
          return true;
        },
      });
      const handle = await operator.launch(made);
      await opened;
      await handle.stop();
      expect(await handle.finished()).toMatchObject({ status: 'STOPPED', steps: [] });
      expect(runs).toBe(0);
    });

    it('ST-29: close stops what runs, as restartable', async () => {
      const operator = await create();
      const url = store.isShared ? store.url() : undefined;
      const made = job(named('close')).step('work', (s) => s.task((c) => (c.isRestart ? 'again' : aborted(c.signal))));
      const handle = await operator.launch(made, { a: 1 });
      await operator.close();
      await operator.close();
      const execution = await handle.finished();
      expect(execution.status).toBe('STOPPED');
      expectTimes(execution);
      for (const work of [
        () => operator.launch(made),
        () => operator.run(made),
        () => operator.restart(handle.executionId),
        () => operator.stop(handle.executionId),
        () => operator.abandon(handle.executionId),
        () => operator.recover(),
        () => operator.repository.execution(handle.executionId),
      ]) {
        expect(await failure(work)).toMatchObject({ code: 'MR_OPERATOR_CLOSED' });
      }
      if (url === undefined) return;
      const next = await create({ jobs: [made] });
      const again = await (await next.restart(handle.executionId)).finished();
      expect(step(again, 'work').result).toBe('again');
    });

    it('ST-29: close leaves code behind that does not heed the signal, after drainMs', async () => {
      const operator = await create({ drainMs: 20 });
      const { opened, open } = gate();
      const made = job(named('deaf')).step('work', (s) => s.task(() => new Promise<void>(() => open())));
      const handle = await operator.launch(made);
      await opened;
      await operator.close();
      const execution = await handle.finished();
      expect(execution.status).toBe('STOPPED');
      expect(statuses(execution)).toEqual({ work: 'STOPPED' });
    });

    it('ST-29: a launch beside close is stopped, or refused', async () => {
      const { logger } = keptLog();
      const operator = await JobOperator.create({ repository: store.url(), signals: false, logger });
      const made = job(named('race')).step('work', (s) => s.task((c) => aborted(c.signal)));
      const launches = [operator.launch(made, { a: 1 }), operator.launch(made, { a: 2 })];
      const closing = operator.close();
      const late = operator.launch(made, { a: 3 });
      const settled = await Promise.allSettled([...launches, late]);
      await closing;
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      for (const each of settled) {
        if (each.status === 'fulfilled') expect((await each.value.finished()).status).toBe('STOPPED');
      }
    });
  });

  describe('random walks', () => {
    it('ST-2: no sequence of calls leaves the allowed transitions', async () => {
      const operator = await create();
      const calls = fc.array(
        fc.constantFrom('launch', 'force', 'again', 'restart', 'stop', 'abandon', 'finish', 'break', 'yield'),
        { minLength: 1, maxLength: 14 },
      );
      await fc.assert(
        fc.asyncProperty(calls, async (walk) => {
          let isBroken = false;
          let settle = (): void => undefined;
          const made = job(named('walk'))
            .step('a', (s) =>
              s.task((c) =>
                Promise.race([
                  aborted(c.signal),
                  new Promise<void>((resolve, reject) => {
                    settle = () => (isBroken ? reject(new Error('broken')) : resolve());
                  }),
                ]),
              ),
            )
            .step('b', (s) => s.task(() => 1));
          operator.register(made);
          const seen = new Map<string, BatchStatus[]>();
          const look = async (): Promise<void> => {
            for (const { id, status } of await operator.repository.executions({ jobName: made.name })) {
              const before = seen.get(id) ?? [];
              if (before.at(-1) !== status) seen.set(id, [...before, status]);
            }
          };
          const handles: JobHandle[] = [];
          const allowed = /^MR_(JOB_ALREADY|JOB_ABANDONED|ILLEGAL_TRANSITION|NO_SUCH_EXECUTION)/;
          for (const call of walk) {
            const last = handles.at(-1)?.executionId ?? 'none';
            try {
              if (call === 'launch') handles.push(await operator.launch(made, { a: 1 }));
              else if (call === 'force') handles.push(await operator.launch(made, { a: 1 }, { force: true }));
              else if (call === 'again') handles.push(await operator.launch(made, { a: 1 }, { onComplete: 'again' }));
              else if (call === 'restart') handles.push(await operator.restart(last));
              else if (call === 'stop') await operator.stop(last);
              else if (call === 'abandon') await operator.abandon(last);
              else if (call === 'yield') await new Promise((resolve) => setTimeout(resolve, 1));
              else {
                isBroken = call === 'break';
                settle();
              }
            } catch (error) {
              expect((error as { code: string }).code).toMatch(allowed);
            }
            await look();
          }
          for (const handle of handles) await handle.stop();
          for (const execution of await Promise.all(handles.map((handle) => handle.finished()))) expectTimes(execution);
          await look();
          for (const [, path] of seen) {
            for (const [at, status] of path.entries()) {
              const before = path[at - 1];
              if (before !== undefined) expect(reachable[before]).toContain(status);
            }
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}
