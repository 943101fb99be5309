import { describe, expect, it } from 'vitest';
import { type JobOperator, type JsonValue, job, type StandardSchemaV1 } from '../../../src/jobs/index.ts';
import { end, failure, gate, named, operators, type StoreUnderTest, statuses, step } from './harness.ts';

const goldenKeys: readonly [parameters: Record<string, unknown>, key: string][] = [
  [{}, '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945'],
  [
    { start_date: '2024-01-01', batch_size: 100, threshold: 0.95 },
    'ffe7a587ceeef8cfe9f01284afa5bf9d533ca79e89ed6605406b8036b9f2cf8c',
  ],
  [{ cfg: { b: 1, a: [1, { d: 1, c: 2 }] } }, '72818ec01ea65f1e5e94762cca44ca85909358a47253faf7dbb5950ff93ed996'],
];

/** A schema of one field, as the libraries make them. */
function schemaOf<I, O>(convert: (value: never) => O | string): StandardSchemaV1<I, O> {
  const validate = (value: unknown) => {
    const made = convert(value as never);
    return typeof made === 'string' ? { issues: [{ message: made, path: ['day'] }] } : { value: made };
  };
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

/** A job whose one step fails while `broken` says so. */
function breakable(name = 'breakable') {
  const state = { isBroken: true, runs: 0 };
  const made = job(named(name)).step('work', (s) =>
    s.task(() => {
      state.runs += 1;
      if (state.isBroken) throw new Error('broken');
      return state.runs;
    }),
  );
  return { made, state };
}

/** ST-10 to ST-20: who an instance is, and what a launch does. */
export function launchingConformance(store: StoreUnderTest): void {
  const create = operators(store);
  const hello = () => job(named('hello')).step('work', (s) => s.task((c) => c.isRestart));

  const instanceOf = async (operator: JobOperator, parameters: object, options = {}) => {
    const execution = await end(operator, hello(), parameters, options);
    return operator.repository.instance(execution.instanceId);
  };

  describe('identity', () => {
    it('ST-10: names instances by the golden keys', async () => {
      const operator = await create();
      for (const [parameters, key] of goldenKeys) expect((await instanceOf(operator, parameters)).key).toBe(key);
    });

    it('ST-10: leaves parameters that are undefined out', async () => {
      const operator = await create();
      const instance = await instanceOf(operator, { a: undefined });
      expect(instance.key).toBe(goldenKeys[0]?.[1]);
      expect(instance.parameters).toEqual([]);
    });

    it('ST-11: takes any order of the parameters for the same instance', async () => {
      const operator = await create();
      const made = hello();
      await operator.run(made, { a: 1, b: 'x' });
      expect(await failure(operator.run(made, { b: 'x', a: 1 }))).toMatchObject({ code: 'MR_JOB_ALREADY_COMPLETE' });
    });

    it('ST-11: identity narrows, and the others may change on a restart', async () => {
      const operator = await create();
      let isBroken = true;
      const made = job<{ date: string; size: number }>(named('narrow'), { identity: ['date'] }).step('work', (s) =>
        s.task((c) => {
          if (isBroken) throw new Error('broken');
          return c.parameters.size;
        }),
      );
      const first = await end(operator, made, { date: '2026-01-30', size: 1 });
      isBroken = false;
      const second = await operator.run(made, { date: '2026-01-30', size: 2 });
      expect(second.instanceId).toBe(first.instanceId);
      expect(step(second, 'work').result).toBe(2);
      expect(second.parameters).toEqual({ date: '2026-01-30', size: 2 });
      const { parameters } = await operator.repository.instance(first.instanceId);
      expect(parameters.map(({ name, identifying }) => [name, identifying])).toEqual([
        ['date', true],
        ['size', false],
      ]);
    });

    it('ST-12: detects the type of each parameter and keeps its value', async () => {
      const operator = await create();
      const day = new Date('2024-01-01T00:00:00.000Z');
      const given = {
        date: '2024-01-01',
        time: '2024-02-29 10:30',
        zoned: '2024-01-01T10:00:00.5+01:30',
        noDate: '2024-02-30',
        loose: 'on 2024-01-01',
        count: 3,
        round: 100.0,
        big: 2n ** 70n,
        ratio: 0.5,
        huge: 1e300,
        flag: false,
        when: day,
        list: [1, { a: null }],
        nothing: null,
      };
      const { parameters } = await instanceOf(operator, given);
      expect(Object.fromEntries(parameters.map(({ name, type }) => [name, type]))).toEqual({
        date: 'DateTime',
        time: 'DateTime',
        zoned: 'DateTime',
        noDate: 'String',
        loose: 'String',
        count: 'Integer',
        round: 'Integer',
        big: 'Integer',
        ratio: 'Float',
        huge: 'Float',
        flag: 'Boolean',
        when: 'DateTime',
        list: 'Json',
        nothing: 'Json',
      });
      expect(Object.fromEntries(parameters.map(({ name, value }) => [name, value]))).toEqual(given);
    });

    it('ST-12: a Date, its text with and without a zone, and 1 and 1n are one identity', async () => {
      const operator = await create();
      const keys = new Set<string>();
      for (const at of [new Date('2024-01-01T00:00:00Z'), '2024-01-01', '2024-01-01T00:00Z', '2024-01-01 01:00+0100']) {
        keys.add((await instanceOf(operator, { at, n: 1 })).key);
        keys.add((await instanceOf(operator, { at, n: 1n })).key);
      }
      expect(keys.size).toBe(1);
      expect((await instanceOf(operator, { n: 0 })).key).toBe((await instanceOf(operator, { n: -0 })).key);
    });

    it('ST-12: c.parameters holds the values as given, on a restart too', async () => {
      const operator = await create();
      const seen: unknown[] = [];
      const day = new Date('2024-05-06T07:08:09.010Z');
      const given = { date: '2024-01-01', day, big: 2n ** 60n, list: [1, 'a', null], gone: undefined };
      const made = job<typeof given>(named('as-given')).step('work', (s) =>
        s.task((c) => {
          seen.push(c.parameters);
          expect(Object.isFrozen(c.parameters)).toBe(true);
          if (seen.length < 2) throw new Error('again');
        }),
      );
      const first = await end(operator, made, given);
      operator.register(made);
      await (await operator.restart(first.id)).finished();
      const { gone: _, ...stored } = given;
      expect(seen[0]).toEqual(stored);
      expect(seen[1]).toEqual(stored);
    });

    it('ST-12: what was given is what steps see, whatever the launcher or a step does to its object', async () => {
      const operator = await create();
      const seen: unknown[] = [];
      const given = { list: [1] };
      const made = job<typeof given>(named('as-launched')).step('work', (s) =>
        s.task((c) => {
          seen.push([...c.parameters.list]);
          c.parameters.list.push(3);
          if (seen.length < 2) throw new Error('again');
        }),
      );
      const handle = await operator.launch(made, given);
      given.list.push(2);
      const first = await handle.finished();
      operator.register(made);
      await (await operator.restart(first.id)).finished();
      expect(seen).toEqual([[1], [1]]);
      expect(first.parameters).toEqual({ list: [1] });
    });

    it('ST-12: with a schema its output decides, and no string is a date', async () => {
      const operator = await create();
      const schema = schemaOf<{ day: string }, { day: Date; text: string }>((value: { day: string }) => ({
        day: new Date(value.day),
        text: '2024-01-01',
      }));
      const made = job(named('schema'), { parameters: schema }).step('work', (s) =>
        s.task((c) => c.parameters.day.getUTCFullYear()),
      );
      const execution = await operator.run(made, { day: '2031-01-01' });
      expect(step(execution, 'work').result).toBe(2031);
      const { parameters } = await operator.repository.instance(execution.instanceId);
      expect(parameters).toEqual([
        { name: 'day', type: 'DateTime', value: new Date('2031-01-01'), identifying: true },
        { name: 'text', type: 'String', value: '2024-01-01', identifying: true },
      ]);
    });

    it('ST-12: a restart gives the schema what the launch gave', async () => {
      const operator = await create();
      const given: unknown[] = [];
      let isBroken = true;
      const schema = schemaOf<{ day: string }, { day: Date }>((value: { day: string }) => {
        given.push(value);
        return { day: new Date(value.day) };
      });
      const made = job(named('schema-again'), { parameters: schema }).step('work', (s) =>
        s.task((c) => {
          if (isBroken) throw new Error('broken');
          return c.parameters.day.toISOString();
        }),
      );
      operator.register(made);
      const first = await end(operator, made, { day: '2031-01-01' });
      isBroken = false;
      const second = await (await operator.restart(first.id)).finished();
      expect(given).toEqual([{ day: '2031-01-01' }, { day: '2031-01-01' }]);
      expect(step(second, 'work').result).toBe('2031-01-01T00:00:00.000Z');
    });

    it('ST-13: refuses what cannot be a parameter, by name, before any row is written', async () => {
      const operator = await create();
      const made = hello();
      const wrong: readonly [value: unknown, said: RegExp][] = [
        [Number.NaN, /NaN/],
        [Number.POSITIVE_INFINITY, /Infinity/],
        [new Date('no'), /invalid Date/],
        [() => 1, /function/],
        [Symbol('x'), /symbol/],
        [{ deep: [Number.NaN] }, /deep\[0\]/],
        [new Map(), /Map/],
      ];
      for (const [value, said] of wrong) {
        const error = await failure(operator.launch(made, { good: 1, bad: value } as never));
        expect(error).toMatchObject({ code: 'MR_JOB_PARAMETERS_INVALID', details: { parameter: 'bad' } });
        expect(error.message).toMatch(said);
        expect(error.message).toContain(`job "${made.name}"`);
        expect(error.message).toContain('"bad"');
      }
      for (const value of ['text', [1], 7]) {
        expect(await failure(operator.launch(made, value as never))).toMatchObject({
          code: 'MR_JOB_PARAMETERS_INVALID',
        });
      }
      expect(await operator.repository.instances({ jobName: made.name })).toEqual([]);
      expect(await operator.repository.executions({ jobName: made.name })).toEqual([]);
    });

    it('ST-13: says which parameter a schema does not accept', async () => {
      const operator = await create();
      const schema = schemaOf<{ day: string }, { day: string }>(() => 'is no day');
      const made = job(named('strict'), { parameters: schema }).step('work', (s) => s.task(() => 1));
      const error = await failure(operator.run(made, { day: 'x' }));
      expect(error).toMatchObject({ code: 'MR_JOB_PARAMETERS_INVALID', details: { parameter: 'day' } });
      expect(error.message).toMatch(/"day".*is no day/);
      expect(await operator.repository.executions({ jobName: made.name })).toEqual([]);
    });
  });

  describe('launch', () => {
    it('ST-14: runId auto numbers new instances and keeps every parameter', async () => {
      const operator = await create();
      const made = hello();
      const plain = await operator.run(made, { a: 1 });
      const runs = [];
      for (let n = 0; n < 2; n++) runs.push(await operator.run(made, { a: 1 }, { runId: 'auto' }));
      const other = await operator.run(made, { a: 2 }, { runId: 'auto' });
      expect(runs.map(({ parameters }) => parameters)).toEqual([
        { a: 1, 'run.id': 1 },
        { a: 1, 'run.id': 2 },
      ]);
      expect(other.parameters).toEqual({ a: 2, 'run.id': 1 });
      const instances = await operator.repository.instances({ jobName: made.name });
      expect(instances.map(({ runId }) => runId)).toEqual([1, 2, 1, undefined]);
      expect(instances[1]?.parameters).toContainEqual({ name: 'run.id', type: 'Integer', value: 2, identifying: true });
      expect(new Set([plain, ...runs].map(({ instanceId }) => instanceId)).size).toBe(3);
    });

    it('ST-14: two such launches at once make two instances, also while another runs', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const made = job(named('twins')).step('wait', (s) =>
        s.task((c) => opened.then(() => Number(c.parameters['run.id']))),
      );
      const handles = await Promise.all([1, 2, 3].map(() => operator.launch(made, { a: 1 }, { runId: 'auto' })));
      open();
      const ended = await Promise.all(handles.map((handle) => handle.finished()));
      expect(ended.map((execution) => step(execution, 'wait').result).sort()).toEqual([1, 2, 3]);
    });

    it('ST-14: run.id identifies though identity does not name it', async () => {
      const operator = await create();
      const made = job<{ date: string }>(named('identity'), { identity: ['date'] }).step('work', (s) =>
        s.task((c) => (c.parameters as Record<string, unknown>)['run.id'] as number),
      );
      const first = await operator.run(made, { date: 'x' }, { runId: 'auto' });
      const second = await operator.run(made, { date: 'x' }, { runId: 'auto' });
      expect([step(first, 'work').result, step(second, 'work').result]).toEqual([1, 2]);
      const again = await failure(operator.run(made, { date: 'x', 'run.id': 2 } as never));
      expect(again).toMatchObject({ code: 'MR_JOB_ALREADY_COMPLETE', details: { executionId: second.id } });
    });

    it('ST-15: refuses an instance that is active, and says which execution', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const made = job(named('busy')).step('wait', (s) => s.task(() => opened));
      const handle = await operator.launch(made, { a: 1 });
      for (const options of [{}, { onComplete: 'again' }, { onComplete: 'noop' }, { force: true }] as const) {
        expect(await failure(operator.launch(made, { a: 1 }, options))).toMatchObject({
          code: 'MR_JOB_ALREADY_RUNNING',
          details: { executionId: handle.executionId },
        });
      }
      expect(await failure(operator.restart(handle.executionId))).toMatchObject({ code: 'MR_NO_SUCH_JOB' });
      operator.register(made);
      expect(await failure(operator.restart(handle.executionId))).toMatchObject({ code: 'MR_JOB_ALREADY_RUNNING' });
      open();
      expect((await handle.finished()).status).toBe('COMPLETED');
    });

    it('ST-15: a completed instance is refused by default when an identifying value is given', async () => {
      const operator = await create();
      const made = hello();
      const first = await operator.run(made, { date: '2026-01-30' });
      const error = await failure(operator.run(made, { date: '2026-01-30' }));
      expect(error).toMatchObject({ code: 'MR_JOB_ALREADY_COMPLETE', details: { executionId: first.id } });
      expect(error.message).toBe(
        `job "${made.name}" is complete for date 2026-01-30. Change a parameter, or launch with onComplete: 'again', or force: true.`,
      );
      expect(await operator.repository.executions({ jobName: made.name })).toHaveLength(1);
    });

    it('ST-15: and run again by default when none is given', async () => {
      const operator = await create();
      const made = hello();
      const narrow = job<{ size: number }>(named('none'), { identity: [] }).step('work', (s) => s.task(() => 1));
      const plain = [await operator.run(made), await operator.run(made), await operator.run(made)];
      expect(plain.map(({ parameters }) => parameters)).toEqual([{}, { 'run.id': 1 }, { 'run.id': 2 }]);
      await operator.run(narrow, { size: 1 });
      expect((await operator.run(narrow, { size: 1 })).parameters).toEqual({ size: 1, 'run.id': 1 });
      expect(await failure(operator.run(made, {}, { onComplete: 'refuse' }))).toMatchObject({
        code: 'MR_JOB_ALREADY_COMPLETE',
        details: { executionId: plain[2]?.id },
      });
    });

    it('ST-15: noop makes an execution that reuses every step', async () => {
      const operator = await create();
      const runs: string[] = [];
      const made = job(named('noop'))
        .step('one', (s) => s.task(() => void runs.push('one')))
        .step('two', (s) => s.task(() => ({ n: runs.push('two') })), { alwaysRun: true });
      const first = await operator.run(made, { a: 1 });
      const second = await operator.run(made, { a: 1 }, { onComplete: 'noop' });
      const third = await operator.run(made, { a: 1 }, { onComplete: 'noop' });
      expect(runs).toEqual(['one', 'two']);
      for (const execution of [second, third]) {
        expect(execution).toMatchObject({ status: 'COMPLETED', exitCode: 'NOOP', instanceId: first.instanceId });
        expect(statuses(execution)).toEqual({ one: 'COMPLETED', two: 'COMPLETED' });
        expect(step(execution, 'two')).toMatchObject({ result: { n: 2 }, reusedFrom: step(first, 'two').id });
      }
      const grown = made.step('three', (s) => s.task(() => void runs.push('three')));
      const fourth = await operator.run(grown, { a: 1 }, { onComplete: 'noop' });
      expect([fourth.exitCode, statuses(fourth)]).toEqual(['NOOP', { one: 'COMPLETED', two: 'COMPLETED' }]);
      expect(runs).toEqual(['one', 'two']);
      const forced = await operator.run(made, { a: 1 }, { force: true });
      expect(forced.exitCode).toBe('COMPLETED');
      expect(runs).toEqual(['one', 'two', 'one', 'two']);
    });

    it('ST-15: again makes a new instance with the next run id', async () => {
      const operator = await create();
      const made = hello();
      const first = await operator.run(made, { a: 1 });
      const second = await operator.run(made, { a: 1 }, { onComplete: 'again' });
      const third = await operator.run(made, { a: 1 }, { onComplete: 'again' });
      expect([second, third].map(({ parameters }) => parameters['run.id'])).toEqual([1, 2]);
      expect(new Set([first, second, third].map(({ instanceId }) => instanceId)).size).toBe(3);
      expect(step(third, 'work').result).toBe(false);
    });

    it('ST-15: with run ids the newest is looked at, so that its failed run is resumed', async () => {
      const operator = await create();
      const { made, state } = breakable();
      state.isBroken = false;
      await operator.run(made, { a: 1 });
      state.isBroken = true;
      const failed = await end(operator, made, { a: 1 }, { onComplete: 'again' });
      expect(failed).toMatchObject({ status: 'FAILED', parameters: { a: 1, 'run.id': 1 } });
      state.isBroken = false;
      const resumed = await operator.run(made, { a: 1 });
      expect(resumed).toMatchObject({ instanceId: failed.instanceId, parameters: { a: 1, 'run.id': 1 } });
    });

    it('ST-15: FAILED and STOPPED are restarted, as the same instance', async () => {
      const operator = await create();
      const { made, state } = breakable();
      const first = await end(operator, made, { a: 1 });
      state.isBroken = false;
      const second = await operator.run(made, { a: 1 });
      expect([first.status, second.status]).toEqual(['FAILED', 'COMPLETED']);
      expect(second.instanceId).toBe(first.instanceId);
      expect(second.id).not.toBe(first.id);
    });

    it('ST-15: not a job that is not restartable', async () => {
      const operator = await create();
      let isBroken = true;
      const made = job(named('once'), { restartable: false }).step('work', (s) =>
        s.task(() => {
          if (isBroken) throw new Error('broken');
        }),
      );
      await end(operator, made, { a: 1 });
      isBroken = false;
      for (const options of [{}, { force: true }]) {
        const error = await failure(operator.run(made, { a: 1 }, options));
        expect(error).toMatchObject({ code: 'MR_JOB_NOT_RESTARTABLE' });
        expect(error.message).toContain(made.name);
      }
      await operator.run(made, { a: 2 });
      expect(await failure(operator.run(made, { a: 2 }))).toMatchObject({ code: 'MR_JOB_ALREADY_COMPLETE' });
      await operator.run(made, { a: 2 }, { onComplete: 'again' });
    });

    it('ST-15: ABANDONED is refused, but for again', async () => {
      const operator = await create();
      const { made, state } = breakable();
      const first = await end(operator, made, { a: 1 });
      await operator.abandon(first.id);
      state.isBroken = false;
      for (const options of [{}, { force: true }, { onComplete: 'noop' }, { onComplete: 'refuse' }] as const) {
        expect(await failure(operator.run(made, { a: 1 }, options))).toMatchObject({ code: 'MR_JOB_ABANDONED' });
      }
      operator.register(made);
      expect(await failure(operator.restart(first.id))).toMatchObject({ code: 'MR_JOB_ABANDONED' });
      const again = await operator.run(made, { a: 1 }, { onComplete: 'again' });
      expect(again).toMatchObject({ status: 'COMPLETED', parameters: { a: 1, 'run.id': 1 } });
      expect(again.instanceId).not.toBe(first.instanceId);
    });

    it('ST-15: options of a launch that are not known are refused', async () => {
      const operator = await create();
      const made = hello();
      for (const options of [{ onComplete: 'skip' }, { runId: 'next' }]) {
        const error = await failure(operator.launch(made, { a: 1 }, options as never));
        expect(error).toMatchObject({ code: 'MR_OPTION_INVALID' });
        expect(error.message).toContain(`job "${made.name}"`);
      }
      expect(await operator.repository.executions({ jobName: made.name })).toEqual([]);
    });

    it('ST-16: reuses completed steps, with their results and without counts', async () => {
      const operator = await create();
      const runs: string[] = [];
      let isBroken = true;
      const made = job(named('reuse'))
        .step('first', (s) => s.task(() => ({ run: runs.push('first') })))
        .step('always', (s) => s.task(() => void runs.push('always')), { alwaysRun: true })
        .step('chunks', (s) => s.read([1, 2, 3]).write(() => void runs.push('chunks')))
        .step('last', (s) =>
          s.task((c) => {
            runs.push('last');
            if (isBroken) throw new Error('broken');
            return [c.result('first').run, c.result('chunks').write, c.isRestart];
          }),
        );
      const first = await end(operator, made, { a: 1 });
      isBroken = false;
      const second = await operator.run(made, { a: 1 });
      // What is run again waits for nothing that is reused.
      expect(runs.slice(0, 4)).toEqual(['first', 'always', 'chunks', 'last']);
      expect(runs.slice(4).toSorted()).toEqual(['always', 'last']);
      expect(step(second, 'first')).toMatchObject({ status: 'COMPLETED', reusedFrom: step(first, 'first').id });
      expect(step(second, 'always').reusedFrom).toBeUndefined();
      expect(step(second, 'chunks').counts).toMatchObject({ read: 0, write: 0, commit: 0 });
      expect(step(second, 'chunks').result).toMatchObject({ read: 3, write: 3, commit: 1 });
      expect(step(second, 'last').result).toEqual([1, 3, true]);
    });

    it('ST-16: a third execution reuses what the second reused, from its origin', async () => {
      const operator = await create();
      let left = 2;
      const made = job(named('origin'))
        .step('first', (s) => s.task(() => 1))
        .step('last', (s) =>
          s.task(() => {
            if (left-- > 0) throw new Error('broken');
          }),
        );
      const first = await end(operator, made, { a: 1 });
      await end(operator, made, { a: 1 });
      const third = await operator.run(made, { a: 1 });
      expect(step(third, 'first')).toMatchObject({ reusedFrom: step(first, 'first').id, result: 1 });
    });

    it('ST-16: goes on with the context of the step and the job; steps added since simply run', async () => {
      const operator = await create();
      const name = named('contexts');
      const base = job(name).step('work', (s) =>
        s.task(async (c) => {
          const [tries, all] = [c.context.get<number>('tries') ?? 0, c.jobContext.get<number>('all') ?? 0];
          c.context.set('tries', tries + 1);
          c.jobContext.set('all', all + 1);
          await c.context.save();
          if (tries === 0) throw new Error('once');
          return [tries, all];
        }),
      );
      await end(operator, base, { a: 1 });
      const second = await operator.run(
        base.step('new', (s) => s.task((c) => c.jobContext.get('all') ?? null)),
        { a: 1 },
      );
      expect(step(second, 'work').result).toEqual([1, 1]);
      expect(step(second, 'new').result).toBe(2);
    });

    it('ST-16: decides skipped steps anew', async () => {
      const operator = await create();
      let isBroken = true;
      const made = job(named('anew'))
        .step('a', (s) =>
          s.task(() => {
            if (isBroken) throw new Error('broken');
          }),
        )
        .step('b', (s) => s.task(() => 'ran'));
      expect(statuses(await end(operator, made, { x: 1 }))).toEqual({ a: 'FAILED', b: 'SKIPPED' });
      isBroken = false;
      expect(statuses(await end(operator, made, { x: 1 }))).toEqual({ a: 'COMPLETED', b: 'COMPLETED' });
    });

    it('ST-16: a step that started as often as startLimit allows fails the job before it runs', async () => {
      const operator = await create();
      let runs = 0;
      const made = job(named('limit')).step(
        'work',
        (s) =>
          s.task(() => {
            runs += 1;
            throw new Error('broken');
          }),
        { startLimit: 2 },
      );
      await end(operator, made, { a: 1 });
      await end(operator, made, { a: 1 });
      const third = await end(operator, made, { a: 1 });
      expect(runs).toBe(2);
      expect(third).toMatchObject({ status: 'FAILED', failure: { code: 'MR_START_LIMIT_EXCEEDED', step: 'work' } });
      expect(third.failure?.message).toContain(`job "${made.name}", step "work"`);
      expect(await failure(operator.run(made, { a: 1 }))).toMatchObject({
        code: 'MR_JOB_NOT_COMPLETED',
        cause: { code: 'MR_START_LIMIT_EXCEEDED' },
      });
      // From scratch the starts count anew.
      await end(operator, made, { a: 1 }, { force: true });
      expect(runs).toBe(3);
    });

    it('ST-17: force runs all steps of the same instance from scratch', async () => {
      const operator = await create();
      const seen: unknown[] = [];
      const made = job(named('force'))
        .step('one', (s) => s.task(() => 'done'))
        .step('two', (s) =>
          s.task(async (c) => {
            seen.push([c.context.get('n') ?? null, c.jobContext.get('n') ?? null, c.isRestart, c.createTime]);
            c.context.set('n', 1);
            c.jobContext.set('n', 1);
            await c.context.save();
            throw new Error('always');
          }),
        );
      const first = await end(operator, made, { a: 1 });
      const forced = await end(operator, made, { a: 1 }, { force: true });
      expect(forced.instanceId).toBe(first.instanceId);
      expect(step(forced, 'one').reusedFrom).toBeUndefined();
      const { createTime } = await operator.repository.instance(first.instanceId);
      expect(seen).toEqual([
        [null, null, false, createTime],
        [null, null, false, createTime],
      ]);
      // A restart of the forced one goes on with the forced one's state.
      await end(operator, made, { a: 1 });
      expect(seen[2]).toEqual([1, 1, true, createTime]);
    });

    it('ST-17: force runs a completed instance again, chunk steps from their first item', async () => {
      const operator = await create();
      const written: number[] = [];
      const made = job(named('force-chunks')).step('load', (s) =>
        s.read([1, 2, 3]).write((items) => void written.push(...items)),
      );
      const first = await operator.run(made, { a: 1 });
      const second = await operator.run(made, { a: 1 }, { force: true });
      expect(written).toEqual([1, 2, 3, 1, 2, 3]);
      const { counts } = await operator.repository.instance(first.instanceId);
      expect(counts['load']).toMatchObject({ read: 6, write: 6, commit: 2 });
      expect(second.instanceId).toBe(first.instanceId);
    });

    it('ST-18: replays the outcome of an if while every upstream is reused', async () => {
      const operator = await create();
      const asked: string[] = [];
      let isBroken = true;
      const made = job(named('if'))
        .step('up', (s) => s.task(() => 1))
        .step(
          'work',
          (s) =>
            s.task(() => {
              if (isBroken) throw new Error('broken');
            }),
          {
            if: () => {
              asked.push('work');
              return true;
            },
          },
        )
        .step('not', (s) => s.task(() => 1), {
          after: ['up'],
          if: () => {
            asked.push('not');
            return false;
          },
        })
        .step('behind', (s) => s.task(() => 1), {
          after: ['work'],
          when: 'allDone',
          if: () => {
            asked.push('behind');
            return true;
          },
        });
      await end(operator, made, { a: 1 });
      expect(asked.toSorted()).toEqual(['behind', 'not', 'work']);
      isBroken = false;
      const second = await end(operator, made, { a: 1 });
      // `behind` completed; `work` and `not` wait only for `up`, which is reused.
      expect(asked).toHaveLength(3);
      expect(statuses(second)).toEqual({ up: 'COMPLETED', work: 'COMPLETED', not: 'SKIPPED', behind: 'COMPLETED' });
    });

    it('ST-18: asks again when an upstream ran again, and after force', async () => {
      const operator = await create();
      let asked = 0;
      let isBroken = true;
      const made = job(named('if-again'))
        .step('up', (s) => s.task(() => 1), { alwaysRun: true })
        .step(
          'work',
          (s) =>
            s.task(() => {
              if (isBroken) throw new Error('broken');
            }),
          { if: () => ++asked > 0 },
        );
      await end(operator, made, { a: 1 });
      isBroken = false;
      await end(operator, made, { a: 1 });
      expect(asked).toBe(2);
      await end(operator, made, { a: 1 }, { force: true });
      expect(asked).toBe(3);
    });

    it('ST-19: a checkpoint of another version needs migrate', async () => {
      const operator = await create();
      const name = named('version');
      let isBroken = true;
      const written: number[] = [];
      const migrated: unknown[] = [];
      const made = (version: number, migrate?: (checkpoint: JsonValue, from: number) => JsonValue) =>
        job(name).step(
          'load',
          (s) =>
            s
              .read([1, 2, 3, 4])
              .chunk(2)
              .write((items) => {
                if (isBroken && items.includes(3)) throw new Error('broken');
                written.push(...items);
              }),
          { version, ...(migrate === undefined ? {} : { migrate }) },
        );
      await end(operator, made(1), { a: 1 });
      isBroken = false;
      const refused = await end(operator, made(2), { a: 1 });
      expect(refused).toMatchObject({ status: 'FAILED', failure: { code: 'MR_CHECKPOINT_VERSION', step: 'load' } });
      expect(refused.failure?.message).toContain('migrate');
      const third = await end(
        operator,
        made(2, (checkpoint, from) => {
          migrated.push(from);
          return checkpoint;
        }),
        { a: 1 },
      );
      expect(third.status).toBe('COMPLETED');
      expect(migrated).toEqual([1]);
      expect(written).toEqual([1, 2, 3, 4]);
    });

    it('ST-20: of launches at once exactly one wins, first start and restart', async () => {
      const operator = await create();
      const others = store.isShared ? [await create(), await create()] : [operator, operator];
      let runs = 0;
      let isBroken = true;
      let all = gate();
      const made = job(named('raced')).step('work', (s) =>
        s.task(async () => {
          runs += 1;
          // Before all have tried, an end would let the next one in.
          await all.opened;
          if (isBroken) throw new Error('broken');
        }),
      );
      for (const isBrokenNow of [true, true, false]) {
        isBroken = isBrokenNow;
        all = gate();
        const before = runs;
        const launched = await Promise.allSettled(
          [operator, ...others, operator].map((each) => each.launch(made, { a: 1 })),
        );
        const handles = launched.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
        const codes = launched.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
        expect(handles).toHaveLength(1);
        expect(codes).toEqual(['MR_JOB_ALREADY_RUNNING', 'MR_JOB_ALREADY_RUNNING', 'MR_JOB_ALREADY_RUNNING']);
        all.open();
        await handles[0]?.finished();
        expect(runs).toBe(before + 1);
      }
      expect(await operator.repository.executions({ jobName: made.name })).toHaveLength(3);
      expect(await operator.repository.instances({ jobName: made.name })).toHaveLength(1);
    });
  });
}
