import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { job } from '../../../src/jobs/index.ts';
import { finish, freshFolder, freshOperator, numbers, stepOf } from './chunk-support.ts';

const context = { workers: 2, progress: false } as const;

describe('dataset steps', () => {
  it('ST-44: count records of sources as read and records saved as write', async () => {
    const folder = freshFolder();
    writeFileSync(
      join(folder, 'in.txt'),
      numbers(100)
        .map((n) => `${n}\n`)
        .join(''),
    );
    const operator = await freshOperator({ context });
    const dataset = job('dataset')
      .step('save', (s) =>
        s.dataset(async (sc) => {
          await sc
            .textFile(join(folder, 'in.txt'))
            .map(Number)
            .filter((n) => n % 2 === 0)
            .keyBy((n) => n % 5)
            .groupByKey()
            .map(([key, values]) => `${key} ${[...values].length}`)
            .saveAsTextFile(join(folder, 'out'), { mode: 'overwrite' });
        }),
      )
      .step('sort', (s) =>
        s.dataset((sc) =>
          sc
            .range(1000)
            .sortBy((n) => -n)
            .take(3),
        ),
      );
    const execution = await finish(operator, dataset);
    expect(execution.status).toBe('COMPLETED');
    expect(stepOf(execution, 'save')).toMatchObject({
      guarantee: 'idempotent',
      counts: { read: 100, write: 5, commit: 0 },
    });
    expect(stepOf(execution, 'sort')).toMatchObject({ result: [999, 998, 997], counts: { read: 1000, write: 0 } });
    const instance = await operator.repository.instance(execution.instanceId);
    expect(instance.counts['save']).toMatchObject({ read: 100, write: 5 });
    const lines = readdirSync(join(folder, 'out'))
      .filter((name) => name.startsWith('part-'))
      .flatMap((name) =>
        readFileSync(join(folder, 'out', name), 'utf8')
          .split('\n')
          .filter(Boolean),
      );
    expect(lines.sort()).toEqual(numbers(5).map((key) => `${key} 10`));
  });

  it('ST-44: steps at the same time, and what runs beside them, are counted apart', async () => {
    const operator = await freshOperator({ context });
    const both = job('both', { parallel: true })
      .step('small', (s) => s.dataset((sc) => sc.range(10).count()))
      .step('large', (s) =>
        s.dataset((sc) =>
          sc
            .range(5000)
            .filter((n) => n > 1)
            .count(),
        ),
      )
      .step('task', (s) => s.task(async (c) => (await c.millrace()).range(300).count()));
    const execution = await finish(operator, both);
    expect(['small', 'large', 'task'].map((name) => stepOf(execution, name).counts.read)).toEqual([10, 5000, 0]);
  });

  it.each([undefined, 'append', 'error'] as const)(
    'ST-50: a save with mode %s is refused, for a restart would save again',
    async (mode) => {
      const folder = freshFolder();
      const operator = await freshOperator({ context });
      const saving = job('saving').step('s', (s) =>
        s.dataset(async (sc) => {
          await sc
            .range(3)
            .map(String)
            .saveAsTextFile(join(folder, 'out'), mode === undefined ? {} : { mode });
        }),
      );
      const { failure } = stepOf(await finish(operator, saving));
      expect(failure).toMatchObject({ code: 'MR_JOB_DEFINITION' });
      expect(failure?.message).toMatch(/"saving".*"s".*overwrite/);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('ST-50: a restart writes again and leaves one output', async () => {
    const folder = freshFolder();
    const operator = await freshOperator({ context });
    let isBroken = true;
    const saving = job('saving').step('s', (s) =>
      s.dataset(async (sc, c) => {
        await sc
          .range(50)
          .map((n) => ({ n }))
          .saveAsJsonLines(join(folder, 'out'), { mode: 'overwrite' });
        if (isBroken) throw new Error('after the save');
        return c.isRestart;
      }),
    );
    const failed = stepOf(await finish(operator, saving));
    expect(failed).toMatchObject({ status: 'FAILED', counts: { read: 0, write: 0 } });
    isBroken = false;
    const done = stepOf(await finish(operator, saving));
    expect(done).toMatchObject({ status: 'COMPLETED', result: true, counts: { read: 50, write: 50 } });
    const parts = readdirSync(join(folder, 'out')).filter((name) => name.startsWith('part-'));
    const rows = parts.flatMap((name) =>
      readFileSync(join(folder, 'out', name), 'utf8')
        .split('\n')
        .filter(Boolean),
    );
    expect(rows).toHaveLength(50);
  });

  it('ST-111: the signal of the step ends its actions, also one that is stuck', async () => {
    const operator = await freshOperator({ context });
    const stuck = job('stuck').step(
      's',
      (s) =>
        s.dataset((sc) =>
          sc
            .range(1)
            .map(() => {
              for (;;);
            })
            .count(),
        ),
      { timeoutMs: 300 },
    );
    const execution = await finish(operator, stuck);
    expect(stepOf(execution)).toMatchObject({ status: 'FAILED', failure: { code: 'MR_STEP_TIMEOUT' } });
    const after = job('after').step('s', (s) => s.dataset((sc) => sc.range(5).count()));
    expect(stepOf(await finish(operator, after)).result).toBe(5);
  });

  it('ST-63: each try of a dataset step is an attempt', async () => {
    const operator = await freshOperator({ context });
    let tries = 0;
    const flaky = job('flaky').step('s', (s) =>
      s
        .dataset(async (sc) => {
          const count = await sc.range(7).count();
          if (++tries < 3) throw Object.assign(new Error('flaky'), { code: 'FLAKY' });
          return count;
        })
        .retry('FLAKY', { baseDelayMs: 1 }),
    );
    const step = stepOf(await finish(operator, flaky));
    expect(step).toMatchObject({ status: 'COMPLETED', result: 7, counts: { read: 7, retry: 2 } });
    expect(step.attempts.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'success'],
    ]);
  });
});
