import { describe, expect, expectTypeOf, it } from 'vitest';
import { FILTER } from '../../src/jobs/definition/filter.ts';
import type { ItemWriter } from '../../src/jobs/definition/item-writer.ts';
import type { Job, LaunchArguments } from '../../src/jobs/definition/job.ts';
import { job } from '../../src/jobs/definition/job-definition.ts';
import type { StandardSchemaV1 } from '../../src/jobs/definition/standard-schema.ts';
import type { StepCounts } from '../../src/jobs/definition/step-counts.ts';

type Sale = { id: number; amount: number };
const sales: readonly Sale[] = [];
declare function saleWriter(key: readonly (keyof Sale)[]): ItemWriter<Sale>;
const into = (): ItemWriter<Sale> => ({ guarantee: 'atLeastOnce', open: () => ({ write: () => undefined }) });

// Checked by `npm run types`; the bodies are not run.
const typesOnly = (_: () => void): void => undefined;

// biome-ignore lint/suspicious/noExplicitAny: any job
declare function launch<In>(job: Job<any, any, In>, ...args: LaunchArguments<NoInfer<In>>): void;

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
});
