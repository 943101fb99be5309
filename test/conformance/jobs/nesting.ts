import { describe, expect, it } from 'vitest';
import { type ItemReader, type JsonValue, job, listReader, type StepCounts } from '../../../src/jobs/index.ts';
import { heldMs, holdTimers } from '../../support/held-timer.ts';
import {
  aborted,
  end,
  failure,
  gate,
  named,
  operators,
  type StoreUnderTest,
  statuses,
  step,
  until,
} from './harness.ts';

const broken = (): never => {
  throw new Error('broken');
};

/** ST-107 and ST-110: jobs in jobs, and steps in partitions. */
export function nestingConformance(store: StoreUnderTest): void {
  const create = operators(store);

  describe('nested jobs', () => {
    it('ST-107: a nested job is an instance of its own, whose execution is the result', async () => {
      const operator = await create();
      const child = job<{ day: string }>(named('child')).step('work', (s) => s.task((c) => `on ${c.parameters.day}`));
      const parent = job<{ date: string }>(named('parent'))
        .step('child', (s) => s.job(child, (c) => ({ day: c.parameters.date })))
        .step('after', (s) => s.task((c) => c.result('child').executionId));
      const execution = await operator.run(parent, { date: 'monday' });
      const { executionId } = step(execution, 'child').result as { executionId: string };
      const inner = await operator.repository.execution(executionId);
      expect(inner).toMatchObject({ jobName: child.name, status: 'COMPLETED', parameters: { day: 'monday' } });
      expect(step(inner, 'work').result).toBe('on monday');
      expect(step(execution, 'after').result).toBe(executionId);
      expect(step(execution, 'child').attempts).toEqual([expect.objectContaining({ status: 'success' })]);
      expect(await operator.repository.instances({ jobName: child.name })).toHaveLength(1);
    });

    it('ST-107: a FAILED child fails the step and is restarted; a COMPLETED one is not run again', async () => {
      const operator = await create();
      const ran: string[] = [];
      let isBroken = true;
      const child = job<{ day: string }>(named('child'))
        .step('one', (s) => s.task(() => void ran.push('one')))
        .step('two', (s) =>
          s.task(() => {
            ran.push('two');
            if (isBroken) broken();
          }),
        );
      const parent = job<{ date: string }>(named('parent'))
        .step('child', (s) => s.job(child, async (c) => ({ day: c.parameters.date })))
        .step('after', (s) => s.task(() => (ran.filter((each) => each === 'two').length < 3 ? broken() : 'done')));
      const first = await end(operator, parent, { date: 'x' });
      expect(first).toMatchObject({ status: 'FAILED', failure: { step: 'child' } });
      expect(first.failure?.message).toContain('broken');
      expect(statuses(first)).toEqual({ child: 'FAILED', after: 'SKIPPED' });
      isBroken = false;
      await end(operator, parent, { date: 'x' });
      expect(ran).toEqual(['one', 'two', 'two']);
      // The step is reused now; from scratch it launches the child again, which has nothing to do.
      const forced = await end(operator, parent, { date: 'x' }, { force: true });
      expect(ran).toEqual(['one', 'two', 'two']);
      const { executionId } = step(forced, 'child').result as { executionId: string };
      expect(await operator.repository.execution(executionId)).toMatchObject({ exitCode: 'NOOP' });
      expect(await operator.repository.instances({ jobName: child.name })).toHaveLength(1);
    });

    it('ST-107: a stop reaches the child; a restart goes on with it', async () => {
      const operator = await create();
      const begun = gate();
      const child = job<{ day: string }>(named('child')).step('work', (s) =>
        s.task((c) => (c.isRestart ? 'again' : aborted(c.signal, begun.open))),
      );
      const parent = job(named('parent'))
        .step('child', (s) => s.job(child, () => ({ day: 'x' })))
        .step('after', (s) => s.task(() => 1));
      const handle = await operator.launch(parent, { a: 1 });
      await begun.opened;
      await handle.stop();
      const stopped = await handle.finished();
      expect(stopped.status).toBe('STOPPED');
      expect(statuses(stopped)).toEqual({ child: 'STOPPED' });
      const [inner] = await operator.repository.executions({ jobName: child.name });
      expect(inner?.status).toBe('STOPPED');
      const again = await operator.run(parent, { a: 1 });
      const { executionId } = step(again, 'child').result as { executionId: string };
      const restarted = await operator.repository.execution(executionId);
      expect(restarted.instanceId).toBe(inner?.instanceId);
      expect(step(restarted, 'work').result).toBe('again');
    });

    it('ST-107: a child that is stopped by itself stops the step and the parent', async () => {
      const operator = await create();
      const begun = gate();
      const child = job<{ day: string }>(named('child')).step('work', (s) =>
        s.task((c) => aborted(c.signal, begun.open)),
      );
      const parent = job(named('parent'))
        .step('child', (s) => s.job(child, () => ({ day: 'x' })))
        .step('after', (s) => s.task(() => 1));
      const handle = await operator.launch(parent, { a: 1 });
      await begun.opened;
      const [inner] = await operator.repository.executions({ jobName: child.name });
      await operator.stop(inner?.id ?? '');
      const execution = await handle.finished();
      expect(execution.status).toBe('STOPPED');
      expect(statuses(execution)).toEqual({ child: 'STOPPED' });
    });

    it('ST-107: a child that runs already, or has wrong parameters, fails the step with the reason', async () => {
      const operator = await create();
      const { opened, open } = gate();
      const child = job<{ day: string }>(named('child')).step('work', (s) => s.task(() => opened));
      const handle = await operator.launch(child, { day: 'x' });
      const parent = (parameters: unknown) =>
        job(named('parent')).step('child', (s) => s.job(child, () => parameters as { day: string }));
      expect(await end(operator, parent({ day: 'x' }))).toMatchObject({ failure: { code: 'MR_JOB_ALREADY_RUNNING' } });
      expect(await end(operator, parent({ day: Number.NaN }))).toMatchObject({
        failure: { code: 'MR_JOB_PARAMETERS_INVALID' },
      });
      open();
      await handle.finished();
    });

    it('ST-107: a nested job is retried like a task', async () => {
      const operator = await create({ clock: { now: () => Date.now(), sleep: async () => undefined } });
      let left = 2;
      const child = job<{ day: string }>(named('child')).step('work', (s) =>
        s.task(() => {
          if (left-- > 0) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
        }),
      );
      const parent = job(named('parent')).step('child', (s) =>
        s.job(child, () => ({ day: 'x' })).retry('ECONNRESET', { maxAttempts: 3 }),
      );
      const execution = await end(operator, parent);
      expect(step(execution, 'child').attempts.map(({ status }) => status)).toEqual(['failed', 'failed', 'success']);
      const runs = await operator.repository.executions({ jobName: child.name });
      expect(runs.map(({ status }) => status)).toEqual(['COMPLETED', 'FAILED', 'FAILED']);
      expect(new Set(runs.map(({ instanceId }) => instanceId)).size).toBe(1);
      expect(step(execution, 'child').attempts[0]?.error).toMatchObject({
        code: 'MR_JOB_NOT_COMPLETED',
        cause: { code: 'ECONNRESET' },
      });
    });

    it('ST-107: jobs nest several deep, also with one step at a time', async () => {
      const operator = await create({ maxConcurrentSteps: 1 });
      const inner = job(named('inner')).step('work', (s) => s.task(() => 'deep'));
      const middle = job(named('middle')).step('inner', (s) => s.job(inner, () => ({})));
      const outer = job(named('outer')).step('middle', (s) => s.job(middle, () => ({ a: 1 })));
      expect((await operator.run(outer)).status).toBe('COMPLETED');
      expect(await operator.repository.executions({ jobName: inner.name, status: ['COMPLETED'] })).toHaveLength(1);
    });
  });

  describe('partitions', () => {
    it('ST-110: one execution a value: counts are sums, names partition0 and so on', async () => {
      const operator = await create();
      const seen: { readonly index: number }[] = [];
      const made = job(named('parts')).step('load', (s) =>
        s
          .partitions(() => [{ n: 3 }, { n: 0 }, { n: 2 }])
          .read((c) => {
            seen.push(c.partition);
            return Array.from({ length: c.partition.value.n }, (_, at) => at);
          })
          .chunk(2)
          .write(() => undefined),
      );
      const load = step(await operator.run(made), 'load');
      expect(seen.toSorted((a, b) => a.index - b.index)).toEqual([
        { index: 0, name: 'partition0', value: { n: 3 } },
        { index: 1, name: 'partition1', value: { n: 0 } },
        { index: 2, name: 'partition2', value: { n: 2 } },
      ]);
      expect(load.counts).toMatchObject({ read: 5, write: 5, commit: 3 });
      expect(load.result).toEqual(load.counts);
      expect(load.guarantee).toBe('atLeastOnce');
      expect(load.partitions.map(({ name, status, counts }) => [name, status, counts.write])).toEqual([
        ['partition0', 'COMPLETED', 3],
        ['partition1', 'COMPLETED', 0],
        ['partition2', 'COMPLETED', 2],
      ]);
      expect(load.partitions.every(({ partitions, attempts }) => partitions.length + attempts.length === 0)).toBe(true);
    });

    it('ST-110: each partition has its own context and c.partition, the job one context', async () => {
      const operator = await create();
      const made = job(named('contexts')).step('load', (s) =>
        s
          .partitions(() => ['a', 'b'])
          .read((c) => [c.partition.value])
          .process((item, c) => {
            const before = c.context.get<string[]>('seen') ?? [];
            c.context.set('seen', [...before, item]);
            return [item, c.partition?.name, c.context.get('seen')];
          })
          .write((items, chunk) => {
            written.push(...items);
            keys.push(chunk.key.split('/').at(-2) ?? '');
          }),
      );
      const written: unknown[] = [];
      const keys: string[] = [];
      await operator.run(made);
      expect(written.toSorted()).toEqual([
        ['a', 'partition0', ['a']],
        ['b', 'partition1', ['b']],
      ]);
      expect(keys.toSorted()).toEqual(['0', '1']);
    });

    it('ST-110: a restart uses the stored values and runs only what is not COMPLETED', async () => {
      const operator = await create();
      let splits = 0;
      let isBroken = true;
      const read: unknown[] = [];
      const made = job(named('restart')).step('load', (s) =>
        s
          .partitions(() => {
            splits += 1;
            return isBroken ? ['a', 'b', 'c'] : ['other'];
          })
          .read((c) => {
            read.push(c.partition.value);
            return [c.partition.value];
          })
          .write(([item]) => {
            if (isBroken && item === 'b') broken();
          }),
      );
      const first = await end(operator, made, { a: 1 });
      expect(first.status).toBe('FAILED');
      expect(step(first, 'load').partitions.map(({ status }) => status)).toEqual(['COMPLETED', 'FAILED', 'COMPLETED']);
      expect(step(first, 'load')).toMatchObject({ status: 'FAILED', failure: { message: 'broken' } });
      isBroken = false;
      read.length = 0;
      const load = step(await operator.run(made, { a: 1 }), 'load');
      expect(splits).toBe(1);
      expect(read).toEqual(['b']);
      expect(load.partitions.map(({ status, counts }) => [status, counts.write])).toEqual([
        ['COMPLETED', 0],
        ['COMPLETED', 1],
        ['COMPLETED', 0],
      ]);
      expect(load.partitions.map(({ reusedFrom }) => reusedFrom)).toEqual([
        step(first, 'load').partitions[0]?.id,
        undefined,
        step(first, 'load').partitions[2]?.id,
      ]);
      const { counts } = await operator.repository.instance(first.instanceId);
      expect(counts['load']).toMatchObject({ read: 3, write: 3, rollback: 1 });
      // From scratch the splitter is asked again.
      const forced = await operator.run(made, { a: 1 }, { force: true });
      expect(step(forced, 'load').partitions).toHaveLength(1);
      expect(splits).toBe(2);
    });

    it('ST-110: at most concurrency at once, by default maxConcurrentSteps', async () => {
      const operator = await create({ maxConcurrentSteps: 3 });
      for (const [options, most] of [
        [{}, 3],
        [{ concurrency: 2 }, 2],
        [{ concurrency: 5 }, 5],
      ] as const) {
        let running = 0;
        let peak = 0;
        const made = job(named('peak')).step('load', (s) =>
          s
            .partitions(() => [0, 1, 2, 3, 4, 5, 6, 7], options)
            .read(async () => {
              running += 1;
              peak = Math.max(peak, running);
              await until(() => peak >= most);
              await new Promise((resolve) => setTimeout(resolve, 5));
              running -= 1;
              return [1];
            })
            .write(() => undefined),
        );
        await operator.run(made);
        expect(peak).toBe(most);
      }
    });

    it('ST-110: one that fails lets the others end, and the status is the worst', async () => {
      const operator = await create({ maxConcurrentSteps: 1 });
      const made = job(named('worst')).step('load', (s) =>
        s
          .partitions(() => ['bad', 'good', 'fine'])
          .read((c) => [c.partition.value])
          .write(([item]) => (item === 'bad' ? broken() : undefined)),
      );
      const load = step(await end(operator, made), 'load');
      expect(load.status).toBe('FAILED');
      expect(load.partitions.map(({ status }) => status)).toEqual(['FAILED', 'COMPLETED', 'COMPLETED']);
      expect(load.partitions[0]?.failure?.message).toBe('broken');
      expect(load.counts).toMatchObject({ write: 2, commit: 2, rollback: 1 });
    });

    it('ST-110: a stop is STOPPED, and a restart does the rest', async () => {
      const operator = await create({ maxConcurrentSteps: 1 });
      const written: number[] = [];
      let stop: (() => Promise<void>) | undefined;
      const made = job(named('stop')).step('load', (s) =>
        s
          .partitions(() => [0, 1, 2])
          .read((c) => [c.partition.value * 2, c.partition.value * 2 + 1])
          .chunk(1)
          .write(async ([item]) => {
            written.push(item ?? -1);
            if (item === 2) await stop?.();
          }),
      );
      const handle = await operator.launch(made, { a: 1 });
      stop = () => handle.stop();
      const first = await handle.finished();
      expect(first.status).toBe('STOPPED');
      expect(step(first, 'load').partitions.map(({ name, status }) => [name, status])).toEqual([
        ['partition0', 'COMPLETED'],
        ['partition1', 'STOPPED'],
      ]);
      const second = await operator.run(made, { a: 1 });
      expect(written).toEqual([0, 1, 2, 3, 4, 5]);
      expect(step(second, 'load').partitions).toHaveLength(3);
    });

    it('ST-110: none is COMPLETED', async () => {
      const operator = await create();
      const made = job(named('none')).step('load', (s) =>
        s
          .partitions(() => [])
          .read(() => [1])
          .write(() => undefined),
      );
      const load = step(await operator.run(made), 'load');
      expect(load).toMatchObject({ status: 'COMPLETED', partitions: [] });
      expect((load.result as unknown as StepCounts).read).toBe(0);
    });

    it('ST-110: with a count the reader cuts itself: asked once, without a partition', async () => {
      const operator = await create();
      const without: unknown[] = [];
      const written: number[] = [];
      const made = job(named('count')).step('load', (s) =>
        s
          .partitions(3)
          .read((c) => {
            if (c.partition === undefined) without.push(c.stepName);
            return listReader([0, 1, 2, 3, 4, 5, 6]);
          })
          .write((items) => void written.push(...items)),
      );
      const load = step(await operator.run(made), 'load');
      expect(without).toEqual(['load']);
      expect(load.partitions).toHaveLength(3);
      expect(written.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    });

    it('ST-110: a reader without split is MR_JOB_DEFINITION, naming job, step and mend', async () => {
      const operator = await create();
      const reader: ItemReader<number> = {
        open: () => ({ read: () => [], position: () => null }),
      };
      const made = job(named('no-split')).step('load', (s) =>
        s
          .partitions(2)
          .read(() => reader)
          .write(() => undefined),
      );
      const { failure: said } = await end(operator, made);
      expect(said).toMatchObject({ code: 'MR_JOB_DEFINITION', step: 'load' });
      expect(said?.message).toMatch(/job "no-split-.*", step "load".*split/);
    });

    it('ST-110: a splitter that throws, or gives what is not JSON, fails the step', async () => {
      const operator = await create();
      for (const [split, said] of [
        [broken, { message: 'broken' }],
        [() => [new Date()] as unknown as JsonValue[], { code: 'MR_NOT_JSON' }],
        [() => 'text' as unknown as JsonValue[], { code: 'MR_NOT_JSON' }],
      ] as const) {
        const made = job(named('bad-split')).step('load', (s) =>
          s
            .partitions(split as () => JsonValue[])
            .read(() => [1])
            .write(() => undefined),
        );
        expect((await end(operator, made)).failure).toMatchObject({ ...said, step: 'load' });
      }
    });

    it('ST-110: a timeout ends the partitions that run', async () => {
      const operator = await create();
      const timeOut = holdTimers();
      const made = job(named('timeout')).step(
        'load',
        (s) =>
          s
            .partitions(() => [0, 1, 2], { concurrency: 2 })
            .read((c) => [c.partition.value])
            .process((item, c) => (item === 0 ? aborted(c.signal) : item))
            .write(() => undefined),
        { timeoutMs: heldMs },
      );
      const handle = await operator.launch(made);
      await until(async () => {
        const { steps } = await operator.repository.execution(handle.executionId);
        const partitions = steps[0]?.partitions ?? [];
        return partitions.length === 3 && partitions.slice(1).every(({ status }) => status === 'COMPLETED');
      });
      timeOut();
      const load = step(await handle.finished(), 'load');
      expect(load).toMatchObject({ status: 'FAILED', failure: { code: 'MR_STEP_TIMEOUT' } });
      expect(load.partitions[0]).toMatchObject({ status: 'FAILED', failure: { code: 'MR_STEP_TIMEOUT' } });
      expect(load.partitions.slice(1).map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED']);
    });
  });

  describe('restart of a step', () => {
    it("ST-16: restart 'fromStart' begins again without checkpoint and context", async () => {
      const operator = await create();
      const written: number[] = [];
      const contexts: unknown[] = [];
      let isBroken = true;
      const made = job(named('from-start')).step(
        'load',
        (s) =>
          s
            .read([1, 2, 3])
            .chunk(1)
            .process((item, c) => {
              contexts.push(c.context.get('last') ?? null);
              c.context.set('last', item);
              return item;
            })
            .write(([item]) => {
              if (isBroken && item === 3) broken();
              written.push(item ?? -1);
            }),
        { restart: 'fromStart' },
      );
      await end(operator, made, { a: 1 });
      isBroken = false;
      await operator.run(made, { a: 1 });
      expect(written).toEqual([1, 2, 1, 2, 3]);
      expect(contexts).toEqual([null, 1, 2, null, 1, 2]);
    });

    it('ST-16: alwaysRun begins again when it was COMPLETED, and goes on when it was not', async () => {
      const operator = await create();
      const written: number[] = [];
      const broke = { first: true, last: true };
      const made = job(named('always'))
        .step(
          'load',
          (s) =>
            s
              .read([1, 2, 3])
              .chunk(1)
              .write(([item]) => {
                if (broke.first && item === 3) broken();
                written.push(item ?? -1);
              }),
          { alwaysRun: true },
        )
        .step('last', (s) => s.task(() => (broke.last ? broken() : 'done')));
      await end(operator, made, { a: 1 });
      broke.first = false;
      await end(operator, made, { a: 1 });
      expect(written).toEqual([1, 2, 3]);
      broke.last = false;
      await operator.run(made, { a: 1 });
      expect(written).toEqual([1, 2, 3, 1, 2, 3]);
    });

    it('run rejects while other work goes on: nothing is left running', async () => {
      const operator = await create();
      const made = job(named('left'), { parallel: true })
        .step('bad', (s) => s.task(broken))
        .step('slow', (s) => s.task(() => new Promise<string>((resolve) => setTimeout(() => resolve('ended'), 20))));
      await failure(operator.run(made));
      const [execution] = await operator.repository.executions({ jobName: made.name });
      expect(statuses(execution as never)).toEqual({ bad: 'FAILED', slow: 'COMPLETED' });
    });
  });
}
