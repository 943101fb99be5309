import { describe, expect, it } from 'vitest';
import { FILTER, job } from '../../../src/jobs/index.ts';
import { end, failure, gate, type LooseJob, named, none, operators, type StoreUnderTest, step } from './harness.ts';

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function expectFrozen(value: unknown, at = 'it'): void {
  if (typeof value !== 'object' || value === null) return;
  expect(Object.isFrozen(value), `${at} is frozen`).toBe(true);
  for (const [key, part] of Object.entries(value)) expectFrozen(part, `${at}.${key}`);
}

/** Section 2.2: what is read of a repository. */
export function readingConformance(store: StoreUnderTest): void {
  const create = operators(store);
  const task = (name: string) => job(named(name)).step('work', (s) => s.task(() => 1));

  describe('reading', () => {
    it('gives plain frozen snapshots that structuredClone takes', async () => {
      const operator = await create();
      const { repository } = operator;
      const made = job(named('frozen'))
        .step('chunks', (s) =>
          s
            .read([1, 2, 3])
            .process((n) => {
              if (n === 2) throw new TypeError('two', { cause: new RangeError('why') });
              return { n };
            })
            .skip('TypeError')
            .write(() => undefined),
        )
        .step('parts', (s) =>
          s
            .partitions(() => ['a', 'b'])
            .read((c) => [c.partition.value])
            .write(() => undefined),
        )
        .step('bad', (s) =>
          s
            .task(() => {
              throw new TypeError('no', { cause: 'a text' });
            })
            .retry('TypeError', { maxAttempts: 2, baseDelayMs: 0 }),
        );
      const execution = await end(operator, made, { day: new Date(0), big: 3n, list: [1, { a: 2 }] });
      const snapshots = [
        execution,
        await repository.execution(execution.id),
        await repository.executions({ jobName: made.name }),
        await repository.instance(execution.instanceId),
        await repository.instances({ jobName: made.name }),
        await repository.skippedItems({ executionId: execution.id }),
        await repository.events(execution.id),
      ];
      for (const snapshot of snapshots) {
        expectFrozen(snapshot);
        expect(structuredClone(snapshot)).toEqual(snapshot);
      }
      expect(snapshots[1]).toEqual(execution);
      expect(step(execution, 'bad').failure).toMatchObject({
        name: 'TypeError',
        message: 'no',
        stack: expect.stringContaining('TypeError: no'),
        cause: { message: 'a text' },
      });
    });

    it('an execution holds what the type says, and nothing else', async () => {
      const operator = await create();
      const made = task('fields');
      const execution = await operator.run(made, { a: 1 }, { createdBy: 'cron' });
      expect(execution).toEqual({
        id: expect.stringMatching(uuidV7),
        instanceId: expect.stringMatching(uuidV7),
        jobName: made.name,
        status: 'COMPLETED',
        exitCode: 'COMPLETED',
        parameters: { a: 1 },
        createTime: expect.any(Date),
        startTime: expect.any(Date),
        endTime: expect.any(Date),
        createdBy: 'cron',
        recoveries: 0,
        steps: [
          {
            id: expect.stringMatching(uuidV7),
            name: 'work',
            status: 'COMPLETED',
            exitCode: 'COMPLETED',
            counts: none,
            startTime: expect.any(Date),
            endTime: expect.any(Date),
            result: 1,
            attempts: [
              { attempt: 1, status: 'success', startedAt: expect.any(Date), durationMs: expect.any(Number), waitMs: 0 },
            ],
            partitions: [],
          },
        ],
      });
      expect(await operator.repository.instance(execution.instanceId)).toEqual({
        id: execution.instanceId,
        jobName: made.name,
        key: expect.stringMatching(/^[0-9a-f]{64}$/),
        createTime: execution.createTime,
        parameters: [{ name: 'a', type: 'Integer', value: 1, identifying: true }],
        counts: { work: none },
      });
    });

    it('lists newest first, by filter and up to a limit', async () => {
      const operator = await create();
      const { repository } = operator;
      const made = job<{ n: number; fails?: boolean }>(named('list'), { identity: ['n'] }).step('work', (s) =>
        s.task((c) => {
          if (c.parameters.fails) throw new Error('asked for');
        }),
      );
      const ids: string[] = [];
      for (let n = 0; n < 4; n++) ids.unshift((await end(operator, made, { n, fails: n % 2 === 0 })).id);
      const { name: jobName } = made;
      const listed = async (filter: object) =>
        (await repository.executions({ jobName, ...filter })).map(({ id }) => id);
      expect(await listed({})).toEqual(ids);
      expect(await listed({ limit: 2 })).toEqual(ids.slice(0, 2));
      expect(await listed({ limit: 0 })).toEqual([]);
      expect(await listed({ status: ['FAILED'] })).toEqual([ids[1], ids[3]]);
      expect(await listed({ status: ['FAILED', 'COMPLETED'] })).toEqual(ids);
      expect(await listed({ status: [] })).toEqual([]);
      const { instanceId } = await repository.execution(ids[1] ?? '');
      expect(await listed({ instanceId })).toEqual([ids[1]]);
      await end(operator, made, { n: 2 });
      expect((await listed({ instanceId })).slice(1)).toEqual([ids[1]]);
      expect((await repository.instances({ jobName })).map(({ parameters }) => parameters[0]?.value)).toEqual([
        3, 2, 1, 0,
      ]);
      expect(await repository.instances({ jobName, limit: 1 })).toHaveLength(1);
      expect(await repository.executions({ jobName: named('nobody') })).toEqual([]);
      expect(await failure(repository.executions({ limit: -1 }))).toMatchObject({ code: 'MR_OPTION_INVALID' });
    });

    it('lists 100 by default', async () => {
      const operator = await create();
      const made = job<{ n: number }>(named('many')).step('work', (s) => s.task(() => 1));
      await Promise.all(Array.from({ length: 101 }, (_, n) => operator.run(made, { n })));
      expect(await operator.repository.executions({ jobName: made.name })).toHaveLength(100);
      expect(await operator.repository.executions({ jobName: made.name, limit: 1000 })).toHaveLength(101);
      expect(await operator.repository.instances({ jobName: made.name })).toHaveLength(100);
    });

    it('shows an execution while it runs: no end, steps not begun absent', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const made = job(named('running'))
        .step('a', (s) => s.task(() => opened))
        .step('b', (s) => s.task(() => 1));
      const handle = await operator.launch(made);
      let running = await operator.repository.execution(handle.executionId);
      while (running.steps.length === 0) running = await operator.repository.execution(handle.executionId);
      expect(running).toMatchObject({ status: 'STARTED', exitCode: 'STARTED' });
      expect(running).not.toHaveProperty('endTime');
      expect(running.steps).toEqual([expect.objectContaining({ name: 'a', status: 'STARTED', attempts: [] })]);
      open();
      expect((await handle.finished()).steps).toHaveLength(2);
      // Every wait gives the same end.
      expect(await handle.finished()).toEqual(await handle.finished());
    });

    it('ST-43: each execution counts its own work, the instance sums', async () => {
      const operator = await create();
      let isBroken = true;
      const made = job(named('sums')).step('load', (s) =>
        s
          .read([1, 2, 3, 4, 5, 6])
          .process((n) => (n % 2 === 0 ? FILTER : n))
          .chunk(2)
          .write((items) => {
            if (isBroken && items.includes(5)) throw new Error('broken');
          }),
      );
      const first = await end(operator, made, { a: 1 });
      isBroken = false;
      const second = await operator.run(made, { a: 1 });
      expect(step(first, 'load').counts).toEqual({ ...none, read: 4, filter: 2, write: 2, commit: 2, rollback: 1 });
      expect(step(second, 'load').counts).toEqual({ ...none, read: 2, filter: 1, write: 1, commit: 1 });
      const { counts } = await operator.repository.instance(first.instanceId);
      expect(counts).toEqual({ load: { ...none, read: 6, filter: 3, write: 3, commit: 3, rollback: 1 } });
    });

    it('steps and parameters may have any name', async () => {
      const operator = await create();
      const names = ['constructor', 'toString', 'hasOwnProperty', 'a/b "c"', 'ä😀', ' '];
      const made = (job(named('names')) as LooseJob).steps(
        Object.fromEntries(names.map((name) => [name, { step: (s: LooseJob) => s.read([1]).write(() => undefined) }])),
      );
      const parameters = Object.fromEntries(names.map((name, at) => [name, at]));
      const execution = await operator.run(made, parameters);
      expect(execution.parameters).toEqual(parameters);
      const { counts } = await operator.repository.instance(execution.instanceId);
      expect(Object.entries(counts).map(([name, { write }]) => [name, write])).toEqual(names.map((name) => [name, 1]));
    });

    it('ST-73: skipped items come by index, of an execution, an instance or a step', async () => {
      const operator = await create();
      const { repository } = operator;
      let isBroken = true;
      const made = job(named('skips')).step('load', (s) =>
        s
          .read([0, 1, 2, 3, 4, 5])
          .chunk(2)
          .process((n) => {
            if (n === 1 || n === 5) throw new TypeError(`item ${n}`);
            return n;
          })
          .skip(TypeError)
          .write((items) => {
            if (isBroken && items.includes(3)) throw new Error('broken');
          }),
      );
      const first = await end(operator, made, { a: 1 });
      isBroken = false;
      const second = await operator.run(made, { a: 1 });
      const indexes = async (filter: object) => (await repository.skippedItems(filter)).map(({ index }) => index);
      expect(await indexes({ executionId: first.id })).toEqual([1]);
      expect(await indexes({ executionId: second.id })).toEqual([5]);
      expect(await indexes({ instanceId: first.instanceId })).toEqual([1, 5]);
      expect(await indexes({ instanceId: first.instanceId, stepName: 'other' })).toEqual([]);
      expect((await repository.skippedItems({ executionId: first.id, stepName: 'load' }))[0]).toEqual({
        stepName: 'load',
        phase: 'process',
        index: 1,
        item: 1,
        truncated: false,
        error: expect.objectContaining({ name: 'TypeError', message: 'item 1' }),
      });
    });

    it('run rejects with the failure as cause, and names the execution', async () => {
      const operator = await create();
      const thrown = new TypeError('the reason');
      const made = job(named('reject')).step('work', (s) =>
        s.task(() => {
          throw thrown;
        }),
      );
      const error = await failure(operator.run(made, { a: 1 }));
      const [execution] = await operator.repository.executions({ jobName: made.name });
      expect(error).toMatchObject({ code: 'MR_JOB_NOT_COMPLETED', details: { executionId: execution?.id } });
      expect(error.cause).toBe(thrown);
      expect(error.message).toContain(made.name);
      expect(error.message).toContain('the reason');
    });

    it('keeps what was thrown though it is no error', async () => {
      const operator = await create();
      for (const [thrown, message] of [
        ['a text', 'a text'],
        [7, '7'],
        [undefined, 'undefined'],
        [null, 'null'],
        [{ reason: 'an object' }, '{"reason":"an object"}'],
      ] as const) {
        const made = job(named('thrown')).step('work', (s) =>
          s.task(() => {
            throw thrown;
          }),
        );
        expect(await end(operator, made)).toMatchObject({ status: 'FAILED', failure: { name: 'Error', message } });
      }
    });
  });

  describe('operator', () => {
    it('finds registered jobs by name', async () => {
      const [one, two] = [task('one'), task('two')];
      const operator = await create({ jobs: [one] });
      expect(operator.job(one.name)).toBe(one);
      const error = await failure(() => operator.job(two.name));
      expect(error).toMatchObject({ code: 'MR_NO_SUCH_JOB' });
      expect(error.message).toContain(two.name);
      expect(operator.register(two)).toBe(operator);
      expect(operator.job(two.name)).toBe(two);
      expect(await failure(() => operator.register({} as never))).toMatchObject({ code: 'MR_JOB_DEFINITION' });
      expect(await failure(operator.launch({ name: 'x' } as never))).toMatchObject({ code: 'MR_JOB_DEFINITION' });
    });

    it('restarts with the parameters of the execution', async () => {
      const operator = await create();
      const seen: unknown[] = [];
      const made = job<{ date: string; size: number }>(named('restart'), { identity: ['date'] }).step('work', (s) =>
        s.task((c) => {
          seen.push(c.parameters.size);
          if (seen.length < 3) throw new Error('again');
        }),
      );
      operator.register(made);
      const first = await end(operator, made, { date: 'x', size: 1 });
      await end(operator, made, { date: 'x', size: 2 });
      const third = await (await operator.restart(first.id)).finished();
      expect(seen).toEqual([1, 2, 1]);
      expect(third).toMatchObject({ status: 'COMPLETED', instanceId: first.instanceId, parameters: { size: 1 } });
      const complete = await failure(operator.restart(first.id));
      expect(complete).toMatchObject({ code: 'MR_JOB_ALREADY_COMPLETE', details: { executionId: third.id } });
    });

    it('calls the listeners of a job around it; afterJob sees the status about to be stored', async () => {
      const operator = await create();
      const seen: unknown[] = [];
      const made = task('listen').listen({
        beforeJob: (e) => void seen.push([e.status, e.steps.length, e.createdBy]),
        afterJob: async (e) => {
          seen.push([e.status, e.exitCode, e.steps.map(({ name }) => name), e.endTime instanceof Date]);
          const stored = await operator.repository.execution(e.id);
          seen.push(stored.status);
        },
      });
      const execution = await operator.run(made, { a: 1 }, { createdBy: 'me' });
      expect(seen).toEqual([['STARTED', 0, 'me'], ['COMPLETED', 'COMPLETED', ['work'], true], 'STARTED']);
      expect(execution.status).toBe('COMPLETED');
    });

    it('a listener of a job that throws fails it', async () => {
      const operator = await create();
      let ran = 0;
      const made = (kind: 'beforeJob' | 'afterJob') =>
        job(named(kind))
          .step('work', (s) => s.task(() => void ran++))
          .listen({
            [kind]: () => {
              throw new Error(`${kind} threw`);
            },
          });
      const before = await end(operator, made('beforeJob'));
      expect(before).toMatchObject({ status: 'FAILED', steps: [], failure: { message: 'beforeJob threw' } });
      const after = await end(operator, made('afterJob'));
      expect(after).toMatchObject({ status: 'FAILED', failure: { message: 'afterJob threw' } });
      expect(ran).toBe(1);
      expect(await failure(operator.run(made('afterJob')))).toMatchObject({ cause: { message: 'afterJob threw' } });
    });

    it('the failure of a step counts for more than that of a listener behind it', async () => {
      const operator = await create();
      const made = job(named('both'))
        .step('work', (s) => s.task(() => Promise.reject(new TypeError('the step'))))
        .listen({ afterJob: () => Promise.reject(new Error('the listener')) });
      expect(await failure(operator.run(made))).toMatchObject({ cause: { message: 'the step' } });
      const [execution] = await operator.repository.executions({ jobName: made.name });
      expect(execution).toMatchObject({ status: 'FAILED', failure: { step: 'work', message: 'the step' } });
    });

    it('gives steps the database of the repository', async () => {
      const operator = await create();
      const table = named('t').replaceAll('-', '_');
      const made = job(named('database')).step('work', (s) =>
        s.task(async (c) => {
          await c.dataSource.execute(`create table ${table} (n integer)`);
          await c.dataSource.transaction(async (tx) => void (await tx.execute(`insert into ${table} values (?)`, [7])));
          const rows = await c.dataSource.query<{ n: number }>(`select n from ${table}`);
          await c.dataSource.execute(`drop table ${table}`);
          return rows.map(({ n }) => n);
        }),
      );
      expect(step(await operator.run(made), 'work').result).toEqual([7]);
      expect(await operator.dataSource.query('select 1 as one')).toEqual([{ one: 1 }]);
    });
  });
}
