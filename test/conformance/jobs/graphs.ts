import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyJob, type JobExecution, job } from '../../../src/jobs/index.ts';
import {
  aborted,
  end,
  failure,
  gate,
  type LooseJob,
  named,
  operators,
  type StoreUnderTest,
  statuses,
  step,
  until,
} from './harness.ts';

/** Of a step whose name comes from data. */
interface TaskBuilder {
  task(run: () => void | Promise<void>): object;
}
type Outcome = 'ok' | 'fail' | 'no';
type When = 'allSucceeded' | 'noneFailed' | 'anyFailed' | 'allDone';
interface Plan {
  readonly after: readonly string[];
  readonly when?: When;
  readonly outcome?: Outcome;
  readonly allowFailure?: boolean;
}

/** A job of tasks that end as planned; `no` is an `if` that is false. */
function graph(
  plans: Readonly<Record<string, Plan>>,
  ran: string[] = [],
  name = named('graph'),
  meanwhile: () => Promise<void> = async () => undefined,
): AnyJob {
  const group = Object.fromEntries(
    Object.entries(plans).map(([step, { after, when, outcome = 'ok', allowFailure = false }]) => [
      step,
      {
        after,
        allowFailure,
        ...(when === undefined ? {} : { when }),
        if: () => outcome !== 'no',
        step: (s: TaskBuilder) =>
          s.task(async () => {
            ran.push(step);
            await meanwhile();
            if (outcome === 'fail') throw new Error(`${step} fails`);
          }),
      },
    ]),
  );
  return (job(name) as LooseJob).steps(group);
}

const reasons = (execution: JobExecution) =>
  Object.fromEntries(execution.steps.flatMap(({ name, skipReason }) => (skipReason ? [[name, skipReason]] : [])));

/** ST-102 read naively: each step's status. `done` were COMPLETED by an earlier execution (ST-105). */
function naive(
  plans: Readonly<Record<string, Plan>>,
  done: readonly string[] = [],
): Record<string, 'COMPLETED' | 'FAILED' | 'SKIPPED'> {
  const known: Record<string, { status: 'COMPLETED' | 'FAILED' | 'SKIPPED'; byFailure: boolean }> = {};
  const visit = (name: string): (typeof known)[string] => {
    const seen = known[name];
    if (seen !== undefined) return seen;
    const { after, when = 'allSucceeded', outcome = 'ok' } = plans[name] ?? { after: [] };
    const ups = after.map((up) => {
      const { status, byFailure } = visit(up);
      return { status: status === 'FAILED' && plans[up]?.allowFailure ? 'COMPLETED' : status, byFailure };
    });
    const completed = ups.filter(({ status }) => status === 'COMPLETED').length;
    const failed = ups.some(({ status, byFailure }) => status === 'FAILED' || (status === 'SKIPPED' && byFailure));
    const runs = {
      allSucceeded: completed === ups.length,
      noneFailed: !failed && (completed > 0 || ups.length === 0),
      anyFailed: failed,
      allDone: true,
    }[when];
    const made = done.includes(name)
      ? { status: 'COMPLETED' as const, byFailure: false }
      : !runs
        ? { status: 'SKIPPED' as const, byFailure: failed && when !== 'anyFailed' }
        : outcome === 'no'
          ? { status: 'SKIPPED' as const, byFailure: false }
          : { status: outcome === 'fail' ? ('FAILED' as const) : ('COMPLETED' as const), byFailure: false };
    known[name] = made;
    return made;
  };
  return Object.fromEntries(Object.keys(plans).map((name) => [name, visit(name).status]));
}

const plans: fc.Arbitrary<Record<string, Plan>> = fc.integer({ min: 1, max: 9 }).chain((size) =>
  fc
    .tuple(
      ...Array.from({ length: size }, (_, index) =>
        fc.record({
          after: fc.subarray(Array.from({ length: index }, (__, up) => `s${up}`)),
          when: fc.constantFrom<When>('allSucceeded', 'noneFailed', 'anyFailed', 'allDone'),
          outcome: fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'fail', 'no'),
          allowFailure: fc.boolean(),
        }),
      ),
    )
    .map((made) =>
      Object.fromEntries(
        made.map((plan, index) => [
          `s${index}`,
          plan.when === 'anyFailed' && plan.after.length === 0 ? { ...plan, when: 'allDone' as const } : plan,
        ]),
      ),
    ),
);

/** ST-100 to ST-109: what runs, in which order, and why not. */
export function graphConformance(store: StoreUnderTest): void {
  const create = operators(store);

  describe('graph', () => {
    it('ST-102: when decides what runs', async () => {
      const operator = await create();
      const execution = await end(
        operator,
        graph({
          ok: { after: [] },
          bad: { after: [], outcome: 'fail' },
          no: { after: [], outcome: 'no' },
          all: { after: ['ok', 'bad'] },
          allOk: { after: ['ok'] },
          allNo: { after: ['ok', 'no'] },
          none: { after: ['ok', 'no'], when: 'noneFailed' },
          noneButSkipped: { after: ['no'], when: 'noneFailed' },
          noneBad: { after: ['ok', 'bad'], when: 'noneFailed' },
          noneAlone: { after: [], when: 'noneFailed' },
          any: { after: ['ok', 'bad'], when: 'anyFailed' },
          anyBehind: { after: ['all'], when: 'anyFailed' },
          anyNot: { after: ['ok', 'no'], when: 'anyFailed' },
          done: { after: ['bad', 'no', 'all'], when: 'allDone' },
        }),
      );
      expect(statuses(execution)).toEqual({
        ok: 'COMPLETED',
        bad: 'FAILED',
        no: 'SKIPPED',
        all: 'SKIPPED',
        allOk: 'COMPLETED',
        allNo: 'SKIPPED',
        none: 'COMPLETED',
        noneButSkipped: 'SKIPPED',
        noneBad: 'SKIPPED',
        noneAlone: 'COMPLETED',
        any: 'COMPLETED',
        anyBehind: 'COMPLETED',
        anyNot: 'SKIPPED',
        done: 'COMPLETED',
      });
      expect(reasons(execution)).toMatchObject({
        no: { kind: 'condition' },
        all: { kind: 'upstreamFailed', step: 'bad' },
        allNo: { kind: 'upstreamSkipped', step: 'no' },
        noneButSkipped: { kind: 'upstreamSkipped', step: 'no' },
        noneBad: { kind: 'upstreamFailed', step: 'bad' },
      });
    });

    it('ST-102: reasons are transitive and name the origin', async () => {
      const operator = await create();
      const execution = await end(
        operator,
        graph({
          a: { after: [], outcome: 'fail' },
          b: { after: ['a'] },
          c: { after: ['b'] },
          d: { after: [] },
          no: { after: [], outcome: 'no' },
          e: { after: ['no'] },
          f: { after: ['e'] },
        }),
      );
      expect(execution.status).toBe('FAILED');
      expect(statuses(execution)).toMatchObject({ a: 'FAILED', d: 'COMPLETED' });
      expect(reasons(execution)).toEqual({
        b: { kind: 'upstreamFailed', step: 'a' },
        c: { kind: 'upstreamFailed', step: 'a' },
        no: { kind: 'condition' },
        e: { kind: 'upstreamSkipped', step: 'no' },
        f: { kind: 'upstreamSkipped', step: 'no' },
      });
    });

    it('ST-102: the diamond of the examples', async () => {
      const operator = await create();
      const made = graph({
        A: { after: [], outcome: 'fail' },
        B: { after: [] },
        C: { after: [] },
        D: { after: ['A', 'B'] },
        E: { after: ['C', 'D'] },
        F: { after: ['E'] },
        G: { after: ['F'] },
      });
      expect(statuses(await end(operator, made))).toEqual({
        A: 'FAILED',
        B: 'COMPLETED',
        C: 'COMPLETED',
        D: 'SKIPPED',
        E: 'SKIPPED',
        F: 'SKIPPED',
        G: 'SKIPPED',
      });
    });

    it('ST-102: if is asked once, after when, and sees what was done; one that throws fails its step', async () => {
      const operator = await create();
      const asked: string[] = [];
      const made = job(named('if'))
        .step('count', (s) => s.task(() => 3))
        .step('many', (s) => s.task(() => 1), {
          if: async (c) => {
            asked.push('many');
            return c.result('count') > 2;
          },
        })
        .step('bad', (s) => s.task(() => 1).retry('Error'), {
          after: ['count'],
          if: () => {
            asked.push('bad');
            throw new Error('cannot tell');
          },
        })
        .step('never', (s) => s.task(() => 1), {
          if: () => asked.push('never') > 0,
        });
      const execution = await end(operator, made);
      expect(asked).toEqual(['many', 'bad']);
      expect(statuses(execution)).toEqual({ count: 'COMPLETED', many: 'COMPLETED', bad: 'FAILED', never: 'SKIPPED' });
      expect(execution.failure).toMatchObject({ step: 'bad', message: 'cannot tell' });
    });

    it('ST-101: decides a step only when all its upstreams are final', async () => {
      const operator = await create({ maxConcurrentSteps: 8 });
      const { opened, open } = gate();
      const asked: string[] = [];
      const made = job(named('final'), { parallel: true })
        .step('slow', (s) => s.task(() => opened))
        .step('bad', (s) =>
          s.task(() => {
            throw new Error('bad');
          }),
        )
        .step('both', (s) => s.task(() => 1), {
          after: ['slow', 'bad'],
          when: 'allDone',
          if: () => asked.push('both') > 0,
        })
        .step('all', (s) => s.task(() => 1), { after: ['slow', 'bad'] });
      const handle = await operator.launch(made);
      await until(async () => {
        const { steps } = await operator.repository.execution(handle.executionId);
        return steps.some(({ status }) => status === 'FAILED');
      });
      expect(asked).toEqual([]);
      expect(statuses(await operator.repository.execution(handle.executionId))).toEqual({
        slow: 'STARTED',
        bad: 'FAILED',
      });
      open();
      expect(statuses(await handle.finished())).toMatchObject({ both: 'COMPLETED', all: 'SKIPPED' });
    });

    it('ST-103: up to maxConcurrentSteps at once, 4 by default', async () => {
      for (const [options, most] of [
        [{}, 4],
        [{ maxConcurrentSteps: 2 }, 2],
        [{ maxConcurrentSteps: 1 }, 1],
      ] as const) {
        const operator = await create(options);
        let running = 0;
        let peak = 0;
        let made: LooseJob = job(named('peak'), { parallel: true });
        for (let n = 0; n < 9; n++) {
          made = made.step(`s${n}`, (s: TaskBuilder) =>
            s.task(async () => {
              running += 1;
              peak = Math.max(peak, running);
              await until(() => peak >= most);
              await new Promise((resolve) => setTimeout(resolve, 2));
              running -= 1;
            }),
          );
        }
        await operator.run(made);
        expect(peak).toBe(most);
      }
    });

    it('ST-103: a failed branch stops no other, unless failFast', async () => {
      const operator = await create();
      for (const failFast of [false, true]) {
        const { opened, open } = gate();
        const failed = gate();
        const made = job(named('branches'), { parallel: true, failFast })
          .step('bad', (s: TaskBuilder) =>
            s.task(async () => {
              await opened;
              throw new Error('bad');
            }),
          )
          .step('other', (s) =>
            s.task(async (c) => {
              open();
              await (failFast ? aborted(c.signal) : failed.opened);
            }),
          )
          .step('behind', (s) => s.task(() => 1), { after: ['other'] })
          .step('clean', (s) => s.task(() => failed.open()), { after: ['bad'], when: 'allDone' });
        const execution = await end(operator, made, { a: 1 });
        expect(execution).toMatchObject({ status: 'FAILED', failure: { step: 'bad', message: 'bad' } });
        expect(statuses(execution)).toMatchObject(
          failFast ? { bad: 'FAILED', other: 'STOPPED' } : { bad: 'FAILED', other: 'COMPLETED', behind: 'COMPLETED' },
        );
      }
    });

    it('ST-103: allowFailure does not fail fast', async () => {
      const operator = await create();
      const made = job(named('allowed'), { parallel: true, failFast: true })
        .step('bad', (s) => s.task(() => Promise.reject(new Error('bad'))), { allowFailure: true })
        .step('other', (s) => s.task((c) => new Promise<boolean>((r) => setTimeout(() => r(c.signal.aborted), 20))));
      const execution = await operator.run(made);
      expect(execution.exitCode).toBe('DEGRADED');
      expect(step(execution, 'other').result).toBe(false);
    });

    it('ST-104, ST-102: any graph at any concurrency ends as a naive reading says', async () => {
      const wide = await create({ maxConcurrentSteps: 5 });
      const narrow = store.isShared ? await create({ maxConcurrentSteps: 1 }) : wide;
      await fc.assert(
        fc.asyncProperty(plans, async (planned) => {
          const expected = naive(planned);
          for (const operator of [wide, narrow]) {
            const execution = await end(operator, graph(planned));
            expect(statuses(execution)).toEqual(expected);
            const fails = Object.entries(planned).some(
              ([name, { allowFailure }]) => expected[name] === 'FAILED' && !allowFailure,
            );
            expect(execution.status).toBe(fails ? 'FAILED' : 'COMPLETED');
            // Each reason names the step where it began.
            const why = reasons(execution);
            for (const { kind, step: origin } of Object.values(why) as { kind: string; step: string }[]) {
              if (kind === 'upstreamFailed') expect(expected[origin]).toBe('FAILED');
              if (kind === 'upstreamSkipped') expect(why[origin]).toEqual({ kind: 'condition' });
            }
          }
        }),
        { numRuns: 40 },
      );
    });

    it('ST-105: a restart of any mended graph runs what is not COMPLETED, and decides as a naive reading says', async () => {
      const operator = await create();
      await fc.assert(
        fc.asyncProperty(plans, async (planned) => {
          const name = named('mended');
          const first = await end(operator, graph(planned, [], name), { x: 1 });
          fc.pre(first.status === 'FAILED');
          const done = first.steps.filter(({ status }) => status === 'COMPLETED').map((each) => each.name);
          const mended = Object.fromEntries(
            Object.entries(planned).map(([at, plan]) => [
              at,
              { ...plan, outcome: plan.outcome === 'fail' ? ('ok' as const) : plan.outcome },
            ]),
          ) as Record<string, Plan>;
          const expected = naive(mended, done);
          const ran: string[] = [];
          const second = await end(operator, graph(mended, ran, name), { x: 1 });
          expect(second).toMatchObject({ status: 'COMPLETED', exitCode: 'COMPLETED', instanceId: first.instanceId });
          expect(statuses(second)).toEqual(expected);
          const runs = Object.keys(planned).filter((at) => expected[at] === 'COMPLETED' && !done.includes(at));
          expect(ran.toSorted()).toEqual(runs.toSorted());
        }),
        { numRuns: 30 },
      );
    });

    it('ST-105: a restart reuses COMPLETED, runs FAILED and decides SKIPPED anew', async () => {
      const operator = await create();
      const ran: string[] = [];
      const mended = { isBroken: true };
      const plan = (outcome: Outcome): Record<string, Plan> => ({
        a: { after: [] },
        b: { after: [], outcome },
        c: { after: ['a', 'b'] },
        d: { after: ['b'], when: 'anyFailed' },
        e: { after: ['a'] },
      });
      const name = named('again');
      const of = (): AnyJob => {
        const { isBroken } = mended;
        let made: LooseJob = job(name);
        for (const [step, { after, when = 'allSucceeded', outcome }] of Object.entries(
          plan(isBroken ? 'fail' : 'ok'),
        )) {
          made = made.step(
            step,
            (s: TaskBuilder) =>
              s.task(() => {
                ran.push(step);
                if (outcome === 'fail') throw new Error('broken');
              }),
            { after, when },
          );
        }
        return made;
      };
      const first = await end(operator, of(), { x: 1 });
      expect(statuses(first)).toEqual({ a: 'COMPLETED', b: 'FAILED', c: 'SKIPPED', d: 'COMPLETED', e: 'COMPLETED' });
      mended.isBroken = false;
      ran.length = 0;
      const second = await operator.run(of(), { x: 1 });
      expect(statuses(second)).toEqual({
        a: 'COMPLETED',
        b: 'COMPLETED',
        c: 'COMPLETED',
        d: 'COMPLETED',
        e: 'COMPLETED',
      });
      expect(ran).toEqual(['b', 'c']);
      expect(second.steps.flatMap(({ name: of, reusedFrom }) => (reusedFrom ? [of] : []))).toEqual(['a', 'd', 'e']);
    });

    it('ST-29, ST-105: a graph that is stopped at any step and restarted ends as a naive reading says', async () => {
      const operator = await create({ maxConcurrentSteps: 2 });
      await fc.assert(
        fc.asyncProperty(plans, fc.integer({ min: 1, max: 5 }), async (planned, stopAt) => {
          const name = named('stopped');
          let stop = async (): Promise<void> => undefined;
          const ran: string[] = [];
          const made = graph(planned, ran, name, async () => {
            if (ran.length === stopAt) await stop();
          });
          const handle = await operator.launch(made, { x: 1 });
          stop = () => operator.stop(handle.executionId);
          const first = await handle.finished();
          fc.pre(first.status !== 'COMPLETED');
          const done = first.steps.filter(({ status }) => status === 'COMPLETED').map((each) => each.name);
          stop = async () => undefined;
          const second = await end(operator, made, { x: 1 });
          expect(statuses(second)).toEqual(naive(planned, done));
          for (const { name: at, reusedFrom } of second.steps) expect(reusedFrom !== undefined).toBe(done.includes(at));
        }),
        { numRuns: 30 },
      );
    });

    it('ST-108: chained by default, parallel when told, none in steps()', async () => {
      const operator = await create({ maxConcurrentSteps: 1 });
      const order: string[] = [];
      const task = (name: string) => (s: TaskBuilder) => s.task(() => void order.push(name));
      const chained = (job(named('chain')) as LooseJob)
        .step('a', task('a'))
        .step('b', task('b'))
        .step('c', task('c'), { after: [] });
      await operator.run(chained);
      expect(order).toEqual(['a', 'c', 'b']);
      order.length = 0;
      await operator.run(
        (job(named('steps')) as LooseJob).step('z', task('z')).steps({
          b: { step: task('b'), after: ['a'] },
          a: { step: task('a') },
        }),
      );
      expect(order).toEqual(['z', 'a', 'b']);
    });

    it('ST-109: runs hundreds of steps, and skips thousands', async () => {
      const operator = await create();
      const wide = Object.fromEntries(
        Array.from({ length: 500 }, (_, n) => [
          `s${n}`,
          { after: n < 10 ? [] : [`s${n % 10}`], outcome: 'ok' as const },
        ]),
      );
      const chained = Object.fromEntries(
        Array.from({ length: 5000 }, (_, n) => [
          `s${n}`,
          { after: n === 0 ? [] : [`s${n - 1}`], outcome: n === 0 ? ('fail' as const) : ('ok' as const) },
        ]),
      );
      expect((await operator.run(graph(wide))).steps).toHaveLength(500);
      const failed = await end(operator, graph(chained));
      expect(failed.steps.filter(({ status }) => status === 'SKIPPED')).toHaveLength(4999);
      expect(failed.steps.at(-1)?.skipReason).toEqual({ kind: 'upstreamFailed', step: 's0' });
    });

    it('ST-100: a graph that cannot run is refused when it is defined', async () => {
      const task = (s: TaskBuilder) => s.task(() => undefined);
      const loose = (): LooseJob => job('nightly');
      for (const [define, said] of [
        [() => loose().step('a', task, { after: ['z'] }), /"a".*"z"/],
        [() => loose().steps({ a: { step: task, after: ['b'] }, b: { step: task, after: ['a'] } }), /a → b → a/],
        [() => loose().steps({ a: { step: task, after: ['a'] } }), /a → a/],
        [() => loose().step('a', task).step('a', task), /"a"/],
        [
          () =>
            loose()
              .step('a', task)
              .steps({ a: { step: task } }),
          /"a"/,
        ],
        [() => loose().step('a', task, { when: 'anyFailed' }), /"a"/],
        [() => loose().step('a', task, { after: [], when: 'anyFailed' }), /"a"/],
        [() => loose().steps({ a: { step: task, when: 'anyFailed' } }), /"a"/],
      ] as const) {
        const error = await failure(define);
        expect(error).toMatchObject({ code: 'MR_JOB_DEFINITION' });
        expect(error.message).toMatch(said);
        expect(error.message).toContain('"nightly"');
      }
    });
  });
}
