import { describe, expect, it } from 'vitest';
import { dataSource, type JobOperator, job, transactionalWriter } from '../../../src/jobs/index.ts';
import {
  aborted,
  end,
  failure,
  gate,
  keptLog,
  kinds,
  named,
  operators,
  type StoreUnderTest,
  statuses,
  step,
  until,
} from './harness.ts';
import { expectTimes } from './statuses.ts';

/** Ends the lease, and takes the execution off the owner's heartbeat, which would renew it. */
async function expire(operator: JobOperator, executionId: string): Promise<void> {
  await operator.dataSource.execute(
    "update millrace_job_execution set lease_until = 1, owner = 'nobody' where id = ?",
    [executionId],
  );
}

/** ST-21 to ST-29, for a store that several operators share. */
export function ownershipConformance(store: StoreUnderTest): void {
  const create = operators(store);

  /** A job that waits in its first execution and says in later ones that it is a restart. */
  const held = () => {
    const { opened, open } = gate();
    const begun = gate();
    const made = job(named('held'))
      .step('before', (s) => s.task(() => 'done'))
      .step('work', (s) =>
        s.task(async (c) => {
          if (c.isRestart) return 'again';
          begun.open();
          await opened;
          return 'first';
        }),
      )
      .step('after', (s) => s.task(() => 1));
    return { made, begun: begun.opened, open };
  };

  const reaped = async (reaper: JobOperator, executionId: string) =>
    (await reaper.recover()).filter(({ id }) => id === executionId);

  describe('ownership', () => {
    it('ST-23: a lease that is over makes an orphan: FAILED, ORPHANED, ended; its owner writes nothing more', async () => {
      const [owner, reaper] = [await create(), await create()];
      const heard: string[] = [];
      owner.on('leaseLost', ({ executionId }) => heard.push(executionId));
      const { made, begun, open } = held();
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      expect(await reaped(reaper, handle.executionId)).toEqual([]);
      await expire(reaper, handle.executionId);
      const [orphan] = await reaped(reaper, handle.executionId);
      expect(orphan).toMatchObject({ status: 'FAILED', exitCode: 'ORPHANED', recoveries: 0 });
      expect(statuses(orphan as never)).toEqual({ before: 'COMPLETED', work: 'FAILED' });
      expect(step(orphan as never, 'work')).toMatchObject({ exitCode: 'ORPHANED', endTime: expect.any(Date) });
      expectTimes(orphan as never);
      open();
      const seen = await handle.finished();
      expect(seen).toEqual(orphan);
      expect(await reaper.repository.execution(handle.executionId)).toEqual(orphan);
      expect(heard).toEqual([handle.executionId]);
      const events = kinds(await reaper.repository.events(handle.executionId));
      expect(events.filter((kind) => kind === 'executionOrphaned')).toHaveLength(1);
      expect(events.filter((kind) => kind === 'leaseLost')).toHaveLength(1);
      expect(await failure(reaper.stop(handle.executionId))).toMatchObject({ code: 'MR_ILLEGAL_TRANSITION' });
      expect(await reaper.run(made, { a: 1 })).toMatchObject({ status: 'COMPLETED', recoveries: 0 });
    });

    it('ST-21: a chunk of an owner that was taken over is rolled back', async () => {
      const [owner, reaper] = [await create(), await create()];
      const table = named('sink').replaceAll('-', '_');
      await owner.dataSource.execute(`create table ${table} (n integer, who varchar(20))`);
      const made = job(named('fenced')).step('load', (s) =>
        s
          .read([1, 2, 3, 4])
          .chunk(2)
          .process(async (n, c) => {
            if (!c.isRestart && n === 3) {
              await expire(reaper, c.executionId);
              await reaped(reaper, c.executionId);
            }
            return { n, who: c.isRestart ? 'second' : 'first' };
          })
          .write(
            transactionalWriter(async (items, tx) => {
              for (const { n, who } of items) await tx.execute(`insert into ${table} values (?, ?)`, [n, who]);
            }),
          ),
      );
      const first = await end(owner, made, { a: 1 });
      expect(first).toMatchObject({ status: 'FAILED', exitCode: 'ORPHANED' });
      expect(step(first, 'load').counts).toMatchObject({ read: 2, write: 2, commit: 1 });
      await reaper.run(made, { a: 1 });
      const rows = await reaper.dataSource.query<{ n: number; who: string }>(`select n, who from ${table} order by n`);
      expect(rows.map(({ n, who }) => [n, who])).toEqual([
        [1, 'first'],
        [2, 'first'],
        [3, 'second'],
        [4, 'second'],
      ]);
      await owner.dataSource.execute(`drop table ${table}`);
    });

    it('ST-23: any number of reapers make one orphan and one event', async () => {
      const reapers = await Promise.all([create(), create(), create(), create()]);
      const [owner] = reapers as [JobOperator, ...JobOperator[]];
      const others = reapers.slice(1);
      const heard: string[] = [];
      for (const each of reapers) each.on('executionOrphaned', ({ executionId }) => heard.push(executionId));
      const { made, begun, open } = held();
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      await expire(owner, handle.executionId);
      const ended = await Promise.all([...others, ...others].map((each) => reaped(each, handle.executionId)));
      expect(ended.flat()).toHaveLength(1);
      expect(heard).toEqual([handle.executionId]);
      const events = await owner.repository.events(handle.executionId);
      expect(events.filter(({ kind }) => kind === 'executionOrphaned')).toHaveLength(1);
      open();
      await handle.finished();
    });

    it('ST-26: the orphan of a registered job is restarted in the pass that finds it', async () => {
      const { made, begun, open } = held();
      const [owner, reaper] = [await create(), await create({ jobs: [made] })];
      const recovered: string[] = [];
      reaper.on('executionRecovered', ({ executionId }) => recovered.push(executionId));
      const handle = await owner.launch(made, { a: 1 }, { createdBy: 'me' });
      await begun;
      await expire(reaper, handle.executionId);
      await reaped(reaper, handle.executionId);
      const [second] = await reaper.repository.executions({ jobName: made.name });
      expect(second).toMatchObject({ instanceId: handle.instanceId, recoveries: 1 });
      expect(second?.id).not.toBe(handle.executionId);
      expect(recovered).toEqual([second?.id]);
      await until(async () => (await reaper.repository.execution(second?.id ?? '')).endTime !== undefined);
      const ended = await reaper.repository.execution(second?.id ?? '');
      expect(ended.status).toBe('COMPLETED');
      expect(step(ended, 'before').reusedFrom).toBeDefined();
      expect(step(ended, 'work').result).toBe('again');
      expect(kinds(await reaper.repository.events(ended.id))).toContain('executionRecovered');
      open();
      await handle.finished();
    });

    it("ST-26: not with onOrphan 'fail', nor when it is not registered", async () => {
      const { made, begun, open } = held();
      const owner = await create();
      const reaper = await create({ jobs: [made], onOrphan: 'fail' });
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      await expire(reaper, handle.executionId);
      expect(await reaped(reaper, handle.executionId)).toHaveLength(1);
      expect(await reaper.repository.executions({ jobName: made.name })).toHaveLength(1);
      open();
      await handle.finished();
    });

    it('ST-26: at most maxRecoveries times since the last launch by hand', async () => {
      const gates = { begun: 0 };
      const made = job(named('again')).step('work', (s) =>
        s.task((c) => {
          gates.begun += 1;
          return aborted(c.signal);
        }),
      );
      const owner = await create();
      const reapers = [
        await create({ jobs: [made], maxRecoveries: 2 }),
        await create({ jobs: [made], maxRecoveries: 2 }),
      ];
      const lose = async (executionId: string, n: number): Promise<void> => {
        await until(() => gates.begun === n);
        await expire(owner, executionId);
        // The operator that runs it does not reap its own.
        const reaper = reapers[n % 2] as JobOperator;
        expect(await reaped(reaper, executionId)).toHaveLength(1);
      };
      const newest = async () => (await owner.repository.executions({ jobName: made.name }))[0]?.id ?? '';
      const handle = await owner.launch(made, { a: 1 });
      await lose(handle.executionId, 1);
      await lose(await newest(), 2);
      await lose(await newest(), 3);
      const executions = await owner.repository.executions({ jobName: made.name });
      expect(executions.map(({ status, recoveries }) => [status, recoveries])).toEqual([
        ['FAILED', 2],
        ['FAILED', 1],
        ['FAILED', 0],
      ]);
      // By hand the counting begins anew.
      const again = await owner.launch(made, { a: 1 });
      await lose(again.executionId, 4);
      const [last] = await owner.repository.executions({ jobName: made.name });
      expect(last).toMatchObject({ recoveries: 1 });
      await until(() => gates.begun === 5);
      await owner.stop(last?.id ?? '');
    });

    it('ST-15: a launch reaps the orphan of its instance first', async () => {
      const [owner, other] = [await create(), await create()];
      const { made, begun, open } = held();
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      expect(await failure(other.launch(made, { a: 1 }))).toMatchObject({ code: 'MR_JOB_ALREADY_RUNNING' });
      await expire(other, handle.executionId);
      const execution = await other.run(made, { a: 1 });
      expect(execution).toMatchObject({ instanceId: handle.instanceId, status: 'COMPLETED' });
      expect(await other.repository.execution(handle.executionId)).toMatchObject({ exitCode: 'ORPHANED' });
      open();
      await handle.finished();
    });

    it("ST-15: a launch joins what this operator's own recovery runs", async () => {
      const begun = gate();
      const ends = gate();
      const made = job(named('join')).step('work', (s) =>
        s.task(async (c) => {
          begun.open();
          if (!c.isRestart) return aborted(c.signal);
          await ends.opened;
          return 'joined';
        }),
      );
      const [owner, reaper] = [await create(), await create({ jobs: [made] })];
      const handle = await owner.launch(made, { a: 1 });
      await begun.opened;
      await expire(reaper, handle.executionId);
      await reaped(reaper, handle.executionId);
      const [second] = await reaper.repository.executions({ jobName: made.name });
      const joined = await reaper.launch(made, { a: 1 });
      expect(joined.executionId).toBe(second?.id);
      expect((await reaper.restart(handle.executionId)).executionId).toBe(second?.id);
      expect(await failure(reaper.launch(made, { a: 1 }, { force: true }))).toMatchObject({
        code: 'MR_JOB_ALREADY_RUNNING',
      });
      expect(await failure(owner.launch(made, { a: 1 }))).toMatchObject({
        code: 'MR_JOB_ALREADY_RUNNING',
        details: { executionId: second?.id },
      });
      ends.open();
      expect(step(await joined.finished(), 'work').result).toBe('joined');
      expect(await reaper.repository.executions({ jobName: made.name })).toHaveLength(2);
    });

    it('ST-23: create reaps when it has jobs', async () => {
      const { made, begun, open } = held();
      const owner = await create();
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      await expire(owner, handle.executionId);
      await create();
      expect((await owner.repository.execution(handle.executionId)).status).toBe('STARTED');
      const next = await create({ jobs: [made] });
      expect((await next.repository.execution(handle.executionId)).exitCode).toBe('ORPHANED');
      await until(async () => (await next.repository.executions({ jobName: made.name }))[0]?.status === 'COMPLETED');
      open();
      await handle.finished();
    });

    it('ST-23: and a pass every third of the lease', async () => {
      const { made, begun, open } = held();
      const owner = await create();
      await create({ leaseTtlMs: 90 });
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      await expire(owner, handle.executionId);
      await until(async () => (await owner.repository.execution(handle.executionId)).status === 'FAILED');
      open();
      expect(await handle.finished()).toMatchObject({ exitCode: 'ORPHANED' });
    });

    it('ST-24: finishing and reaping at once: the first wins, COMPLETED is never overwritten', async () => {
      const [owner, reaper] = [await create(), await create()];
      for (let round = 0; round < 12; round++) {
        const { made, begun, open } = held();
        const handle = await owner.launch(made, { a: 1 });
        await begun;
        await expire(reaper, handle.executionId);
        open();
        for (let turns = 0; turns < round; turns++) await new Promise((resolve) => setImmediate(resolve));
        await reaper.recover();
        const seen = await handle.finished();
        const stored = await reaper.repository.execution(handle.executionId);
        expect(seen).toEqual(stored);
        expect(['COMPLETED COMPLETED', 'FAILED ORPHANED']).toContain(`${stored.status} ${stored.exitCode}`);
        expectTimes(stored);
      }
    });

    it('ST-23: of two that launch an orphan at once, one goes on with it, and the other is told so', async () => {
      const [owner, first, second] = [await create(), await create(), await create()];
      for (let round = 0; round < 12; round++) {
        const [begun, goOn] = [gate(), gate()];
        const made = job(named('twice')).step('work', (s) =>
          s.task(() => {
            begun.open();
            return goOn.opened;
          }),
        );
        const orphan = await owner.launch(made, { a: 1 });
        await begun.opened;
        await expire(owner, orphan.executionId);
        const launches = await Promise.allSettled([first.launch(made, { a: 1 }), second.launch(made, { a: 1 })]);
        const [started] = launches.flatMap((launch) => (launch.status === 'fulfilled' ? [launch.value] : []));
        const refused = launches.flatMap((launch) => (launch.status === 'rejected' ? [launch.reason as unknown] : []));
        const { executionId = '' } = started ?? {};
        expect(refused).toMatchObject([{ code: 'MR_JOB_ALREADY_RUNNING', details: { executionId } }]);
        goOn.open();
        expect((await started?.finished())?.status).toBe('COMPLETED');
        expect((await orphan.finished()).exitCode).toBe('ORPHANED');
      }
    });

    it('ST-26: children are restarted by their parent', async () => {
      const begun = gate();
      const child = job<{ day: string }>(named('child')).step('work', (s) =>
        s.task((c) => (c.isRestart ? 'again' : aborted(c.signal, begun.open))),
      );
      const parent = job(named('parent')).step('child', (s) => s.job(child, () => ({ day: 'x' })));
      const [owner, reaper] = [await create(), await create({ jobs: [child, parent] })];
      const handle = await owner.launch(parent, { a: 1 });
      await begun.opened;
      const [inner] = await owner.repository.executions({ jobName: child.name });
      await expire(owner, handle.executionId);
      await expire(owner, inner?.id ?? '');
      await reaper.recover();
      const newest = async () => (await owner.repository.executions({ jobName: parent.name }))[0];
      await until(async () => (await newest())?.endTime !== undefined);
      expect(await newest()).toMatchObject({ status: 'COMPLETED', recoveries: 1 });
      const children = await owner.repository.executions({ jobName: child.name });
      expect(children.map(({ status, recoveries }) => [status, recoveries])).toEqual([
        ['COMPLETED', 0],
        ['FAILED', 0],
      ]);
    });

    it('ST-29: a stop from another operator is seen within a third of the lease', async () => {
      const [owner, other] = [await create({ leaseTtlMs: 6000 }), await create()];
      const begun = gate();
      const made = job(named('remote')).step('work', (s) => s.task((c) => aborted(c.signal, begun.open)));
      const handle = await owner.launch(made, { a: 1 });
      await begun.opened;
      await other.stop(handle.executionId);
      const stopping = await other.repository.execution(handle.executionId);
      expect(['STOPPING', 'STOPPED']).toContain(stopping.status);
      expect((await handle.finished()).status).toBe('STOPPED');
      expect(await other.run(job(named('free')).step('a', (s) => s.task(() => 1)))).toMatchObject({
        status: 'COMPLETED',
      });
    });

    it('ST-29: a chunk step sees it at its next commit; the caller writes the job row only', async () => {
      const [owner, other] = [await create(), await create()];
      const made = job(named('commit')).step('load', (s) =>
        s
          .read([1, 2, 3, 4])
          .chunk(1)
          .write(async ([item]) => {
            if (item !== 2) return;
            await other.stop(handle.executionId);
            const seen = await other.repository.execution(handle.executionId);
            expect([seen.status, seen.steps[0]?.status]).toEqual(['STOPPING', 'STARTED']);
          }),
      );
      const handle = await owner.launch(made, { a: 1 });
      const execution = await handle.finished();
      expect(execution.status).toBe('STOPPED');
      expect(step(execution, 'load').counts).toMatchObject({ write: 2, commit: 2 });
    });

    it('ST-53: a restart after an orphan says what an atLeastOnce sink may hold already', async () => {
      const [owner, reaper] = [await create(), await create()];
      const made = job(named('doubt')).step('load', (s) =>
        s
          .read([1, 2, 3, 4, 5])
          .chunk(2)
          .process(async (n, c) => {
            if (!c.isRestart && n === 4) {
              await expire(reaper, c.executionId);
              await reaped(reaper, c.executionId);
            }
            return n;
          })
          .write(() => undefined),
      );
      expect(step(await end(owner, made, { a: 1 }), 'load')).not.toHaveProperty('inDoubt');
      const second = await reaper.run(made, { a: 1 });
      expect(step(second, 'load').inDoubt).toEqual({ from: 2, to: 4 });
    });

    it('ST-67: an orphan that waited for its next try goes on waiting, and counting', async () => {
      // The owner waits until it has lost the execution, however long that takes.
      const wait = gate();
      const owner = await create({ clock: { now: () => Date.now(), sleep: () => wait.opened } });
      const reaper = await create();
      const begun = gate();
      const seen: number[] = [];
      const made = job(named('wait')).step('work', (s) =>
        s
          .task((c) => {
            seen.push(c.attempt);
            begun.open();
            if (c.attempt === 1) throw new TypeError('first');
          })
          .retry(TypeError, { baseDelayMs: 300, jitter: 'none' }),
      );
      const handle = await owner.launch(made, { a: 1 });
      await begun.opened;
      await until(async () => {
        const { steps } = await reaper.repository.execution(handle.executionId);
        return steps[0]?.attempts.length === 1;
      });
      await expire(reaper, handle.executionId);
      expect(await reaped(reaper, handle.executionId)).toHaveLength(1);
      const second = await reaper.run(made, { a: 1 });
      expect(step(second, 'work').attempts.map(({ attempt }) => attempt)).toEqual([2]);
      wait.open();
      await handle.finished();
      expect(seen.filter((attempt) => attempt === 1)).toHaveLength(1);
    });

    it('ST-23: what runs in this very operator is no orphan', async () => {
      const { made, begun, open } = held();
      const owner = await create({ jobs: [made] });
      const handle = await owner.launch(made, { a: 1 });
      await begun;
      await expire(owner, handle.executionId);
      expect(await reaped(owner, handle.executionId)).toEqual([]);
      open();
      expect((await handle.finished()).status).toBe('COMPLETED');
    });

    it('a recovery that is refused is logged and stays FAILED', async () => {
      const begun = gate();
      const made = job(named('once'), { restartable: false }).step('work', (s) =>
        s.task((c) => aborted(c.signal, begun.open)),
      );
      const { lines, logger } = keptLog();
      const [owner, reaper] = [await create(), await create({ jobs: [made], logger })];
      const handle = await owner.launch(made, { a: 1 });
      await begun.opened;
      await expire(owner, handle.executionId);
      expect(await reaped(reaper, handle.executionId)).toHaveLength(1);
      expect(lines.some(({ message }) => message.includes('restartable: false'))).toBe(true);
      await owner.close();
      expect(await failure(end(reaper, made, { a: 1 }))).toMatchObject({ code: 'MR_JOB_NOT_RESTARTABLE' });
    });
  });

  describe('operators on one store', () => {
    it('several start at once on a store without tables, and each sees the jobs of the others', async () => {
      const all = await Promise.all([create(), create(), create()]);
      const made = job(named('seen')).step('a', (s) => s.task(() => 1));
      const execution = await (all[0] as JobOperator).run(made, { a: 1 });
      for (const each of all) expect(await each.repository.execution(execution.id)).toEqual(execution);
    });

    it('a data source of the same URL is the same database', async () => {
      const operator = await create();
      const own = dataSource(store.url());
      const made = job(named('same')).step('a', (s) => s.task(() => 1));
      const { id } = await operator.run(made);
      expect(await own.query('select job_name from millrace_job_execution where id = ?', [id])).toEqual([
        { job_name: made.name },
      ]);
      await own.close();
    });
  });
}
