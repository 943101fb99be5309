import { describe, expect, expectTypeOf, it } from 'vitest';
import { FILTER } from '../../src/jobs/definition/filter.ts';
import type { ItemWriter } from '../../src/jobs/definition/item-writer.ts';
import type { Job, LaunchArguments } from '../../src/jobs/definition/job.ts';
import { job } from '../../src/jobs/definition/job-definition.ts';
import type { StandardSchemaV1 } from '../../src/jobs/definition/standard-schema.ts';
import type { StepCounts } from '../../src/jobs/definition/step-counts.ts';
import {
  type JobExecution,
  type JobHandle,
  JobOperator,
  listWriter,
  type Partition,
  type StepExecution,
} from '../../src/jobs/index.ts';

type Sale = { id: number; amount: number };
const sales: readonly Sale[] = [];
declare function saleWriter(key: readonly (keyof Sale)[]): ItemWriter<Sale>;
const into = (): ItemWriter<Sale> => ({ guarantee: 'atLeastOnce', open: () => ({ write: () => undefined }) });

// Checked by `npm run types`; the bodies are not run.
const typesOnly = (_: () => void): void => undefined;

// biome-ignore lint/suspicious/noExplicitAny: any job
declare function launch<In>(job: Job<any, any, In>, ...args: LaunchArguments<NoInfer<In>>): void;

declare const operator: JobOperator;

describe('types of jobs', () => {
  it('lets types flow from parameters, readers and steps', () => {
    typesOnly(() => {
      job<{ date: string }>('daily')
        .step('import', (s) =>
          s
            .read((c) => {
              expectTypeOf(c.parameters.date).toEqualTypeOf<string>();
              return sales;
            })
            .process((sale) => (sale.amount === 0 ? FILTER : { ...sale, day: 'x' }))
            .process(async (sale) => {
              expectTypeOf(sale).toEqualTypeOf<{ day: string; id: number; amount: number }>();
              return sale;
            })
            .filter((sale) => sale.amount > 1)
            .write(into()),
        )
        .step('count', (s) =>
          s.task((c) => {
            expectTypeOf(c.result('import')).toEqualTypeOf<StepCounts>();
            return { total: c.result('import').write };
          }),
        )
        .step(
          'tell',
          (s) =>
            s.task((c) => {
              expectTypeOf(c.result('count')).toEqualTypeOf<{ total: number }>();
            }),
          { after: ['count'], when: 'allDone' },
        );
    });
    expect(true).toBe(true);
  });

  it('refuses misuse at compile time', () => {
    const base = job<{ date: string; size?: number }>('base').step('a', (s) => s.task(() => 1));
    typesOnly(() => {
      launch(base, { date: 'x' });
      launch(base, { date: 'x', size: 2 }, { force: true });
      launch(job('free'));
      launch(job('free'), { anything: 1 });
      // @ts-expect-error: a missing parameter
      launch(base, { size: 1 });
      // @ts-expect-error: no parameters at all
      launch(base);
      // @ts-expect-error: a misspelt parameter
      launch(base, { date: 'x', sice: 1 });
      // @ts-expect-error: a parameter of another type
      launch(base, { date: 1 });
      // @ts-expect-error: an unknown identity
      job<{ date: string }>('x', { identity: ['dat'] });
      // @ts-expect-error: after a step that is not there
      base.step('b', (s) => s.task(() => 1), { after: ['z'] });
      base.step('b', (s) =>
        s.task((c) => {
          // @ts-expect-error: the result of a step that is not there
          c.result('z');
        }),
      );
      // @ts-expect-error: a step name used twice
      base.step('a', (s) => s.task(() => 1));
      const ids = (item: Sale): number => item.id;
      // @ts-expect-error: an output that does not fit the writer
      base.step('b', (s) => s.read(sales).process(ids).write(into()));
      // @ts-expect-error: no writer
      base.step('b', (s) => s.read(sales).process((sale) => sale));
      // @ts-expect-error: a result that is not JSON
      base.step('b', (s) => s.task(() => new Map()));
      // @ts-expect-error: an unknown key column
      saleWriter(['price']);
      base.steps({
        // @ts-expect-error: after a step that is in neither
        x: { step: (s) => s.task(() => 1), after: ['nowhere'] },
      });
      base.steps({
        x: { step: (s) => s.task((c) => c.result('y')), after: ['y', 'a'] },
        y: { step: (s) => s.task(() => 1) },
      });
    });
    expect(base.name).toBe('base');
  });

  it('takes what a launch gives and what steps see from the schema', () => {
    typesOnly(() => {
      const schema = {} as StandardSchemaV1<{ day: string }, { day: Date }>;
      const dated = job('dated', { parameters: schema, identity: ['day'] }).step('a', (s) =>
        s.task((c) => {
          expectTypeOf(c.parameters.day).toEqualTypeOf<Date>();
        }),
      );
      launch(dated, { day: '2024-01-01' });
      // @ts-expect-error: what a launch gives is not what steps see
      launch(dated, { day: new Date() });
      // @ts-expect-error: an unknown identity
      job('other', { parameters: schema, identity: ['dya'] });
    });
    expect(true).toBe(true);
  });

  it('types what runs: launches, handles, nested jobs, partitions and groups', () => {
    typesOnly(() => {
      const child = job<{ day: string; size?: number }>('child').step('a', (s) => s.task(() => 1));
      const parent = job<{ date: string }>('parent')
        .step('child', (s) => s.job(child, (c) => ({ day: c.parameters.date })))
        .step('use', (s) =>
          s.task((c) => {
            expectTypeOf(c.result('child')).toEqualTypeOf<{ readonly executionId: string }>();
            expectTypeOf(c.step('child')).toEqualTypeOf<StepExecution | undefined>();
            // @ts-expect-error: a step that is not there
            c.step('chidl');
          }),
        );
      // @ts-expect-error: a nested job without a parameter that it needs
      job('x').step('child', (s) => s.job(child, () => ({ size: 1 })));
      // @ts-expect-error: a nested job with a parameter of another type
      job('x').step('child', (s) => s.job(child, async () => ({ day: 1 })));

      expectTypeOf(operator.launch(parent, { date: 'x' })).toEqualTypeOf<Promise<JobHandle>>();
      expectTypeOf(operator.run(parent, { date: 'x' }, { onComplete: 'noop' })).toEqualTypeOf<Promise<JobExecution>>();
      // @ts-expect-error: a missing parameter
      void operator.run(parent);
      // @ts-expect-error: a misspelt parameter
      void operator.run(parent, { dat: 'x' });
      // @ts-expect-error: a misspelt option
      void operator.run(parent, { date: 'x' }, { onCompleted: 'noop' });
      // @ts-expect-error: a value that the option does not know
      void operator.launch(parent, { date: 'x' }, { onComplete: 'skip' });
      operator.register(parent, child);
      void JobOperator.create({ jobs: [parent, child] });

      job('parts').step('load', (s) =>
        s
          .partitions(() => [{ from: 0, to: 9 }])
          .read((c) => {
            expectTypeOf(c.partition).toExtend<Partition<{ from: number; to: number }>>();
            expectTypeOf(c.partition.value.from).toEqualTypeOf<number>();
            return [c.partition.value.from];
          })
          .process((item) => {
            expectTypeOf(item).toEqualTypeOf<number>();
            return Promise.resolve(item > 1 ? String(item) : FILTER);
          })
          .processMany((text) => {
            expectTypeOf(text).toEqualTypeOf<string>();
            return [text.length];
          })
          .write((items) => {
            expectTypeOf(items).toEqualTypeOf<readonly number[]>();
          }),
      );
      // @ts-expect-error: partitions that are not JSON
      job('parts').step('load', (s) => s.partitions(() => [new Map()]));

      const isText = (item: string | number): item is string => typeof item === 'string';
      job('narrow').step('a', (s) =>
        s
          .read<string | number>(['a', 1])
          .filter(isText)
          .write((items) => {
            expectTypeOf(items).toEqualTypeOf<readonly string[]>();
          }),
      );

      const group = job('group').steps({ a: { step: (s) => s.task(() => 1) }, b: { step: (s) => s.task(() => 'x') } });
      group.step('c', (s) => s.task((c) => c.result('a')), { after: ['a', 'b'] });
      // @ts-expect-error: a name of the group again
      group.step('a', (s) => s.task(() => 1));
      // @ts-expect-error: after a step that is not there
      group.step('c', (s) => s.task(() => 1), { after: ['d'] });
    });
    expect(true).toBe(true);
  });

  it('refuses options and results of steps that make no sense', () => {
    const base = job<{ date: string }>('base').step('a', (s) => s.task(() => 1));
    typesOnly(() => {
      // @ts-expect-error: a rule that is none
      base.step('b', (s) => s.task(() => 1), { when: 'oneFailed' });
      // @ts-expect-error: a misspelt option
      base.step('b', (s) => s.task(() => 1), { startlimit: 1 });
      // @ts-expect-error: a result that is not JSON, later
      base.step('b', (s) => s.task(async () => new Date()));
      // @ts-expect-error: a result that is not JSON, deep inside
      base.step('b', (s) => s.task(() => ({ list: [() => 1] })));
      // @ts-expect-error: a result of the engine that is not JSON
      base.step('b', (s) => s.dataset((sc) => sc.parallelize([1])));
      // @ts-expect-error: a job has no such option
      job('x', { restart: true });
      // @ts-expect-error: a misspelt parameter in a step
      base.step('b', (s) => s.task((c) => c.parameters.dat));
      base.step('b', (s) =>
        s.task((c) => {
          // @ts-expect-error: parameters cannot be changed
          c.parameters.date = 'x';
        }),
      );
      // @ts-expect-error: FILTER is no item
      base.step('b', (s) => s.read([1]).write(listWriter<typeof FILTER>([])));
      // @ts-expect-error: retry with an option that it does not have
      base.step('b', (s) => s.task(() => 1).retry('X', { attempts: 3 }));
      base.step('b', (s) => s.task(() => undefined));
      base.step('b', (s) => s.task(() => ({ a: null, b: [1, { c: 'x' }] })));
      base.listen({
        afterJob: (e) => {
          expectTypeOf(e).toEqualTypeOf<JobExecution>();
          // @ts-expect-error: there is no such status
          return e.status === 'DONE' ? undefined : undefined;
        },
      });
    });
    expect(base.name).toBe('base');
  });
});
