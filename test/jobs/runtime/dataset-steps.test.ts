import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../../src/api/context.ts';
import { JobOperator, job, jsonLinesWriter, rddReader } from '../../../src/jobs/index.ts';
import { end, keptLog, named, step } from '../../conformance/jobs/harness.ts';
import { scratchDirectory } from '../../data/io/scratch.ts';

const scratch = scratchDirectory();
let operator: JobOperator;

beforeAll(async () => {
  const { logger } = keptLog();
  operator = await JobOperator.create({
    repository: 'sqlite::memory:',
    signals: false,
    logger,
    context: { workers: 2 },
  });
});
afterAll(() => operator.close());

describe('dataset steps', () => {
  it('ST-111: share one context, made at first use', async () => {
    const made = job(named('shared'))
      .step('a', (s) => s.dataset(async (sc, c) => [sc === (await c.millrace()), await sc.range(10).count()]))
      .step('b', (s) => s.task(async (c) => (await c.millrace()).parallelize([1, 2, 3]).reduce((a, b) => a + b)));
    const execution = await operator.run(made);
    expect(step(execution, 'a').result).toEqual([true, 10]);
    expect(step(execution, 'b').result).toBe(6);
  });

  it('ST-111: use the context that the operator was given, and leave it running', async () => {
    const sc = await MillraceContext.create({ workers: 1, appName: 'given' });
    const own = await JobOperator.create({ repository: 'sqlite::memory:', signals: false, context: sc });
    const made = job(named('given')).step('a', (s) => s.dataset((given) => given === sc && given.appName));
    expect(step(await own.run(made), 'a').result).toBe('given');
    await own.close();
    expect(await sc.range(3).count()).toBe(3);
    await sc.stop();
  });

  it('ST-44: a sort samples its source and reads it once', async () => {
    const made = job(named('sort')).step('sort', (s) =>
      s.dataset(async (sc) =>
        (
          await sc
            .parallelize([3, 1, 2, 5, 4], 2)
            .sortBy((n) => n)
            .collect()
        ).join(''),
      ),
    );
    const sort = step(await operator.run(made), 'sort');
    expect(sort.result).toBe('12345');
    expect(sort.counts.read).toBe(5);
  });

  it('ST-27: a timeout cancels its actions', async () => {
    const made = job(named('timeout')).step(
      'spin',
      (s) =>
        s.dataset(async (sc) => {
          await sc.parallelize([1]).foreach(() => {
            for (;;);
          });
        }),
      { timeoutMs: 100 },
    );
    expect((await end(operator, made)).failure).toMatchObject({ code: 'MR_STEP_TIMEOUT' });
  });

  it('ST-63: are retried by the error of the user function', async () => {
    let tries = 0;
    const made = job(named('retry')).step('count', (s) =>
      s
        .dataset(async (sc) => {
          tries += 1;
          const wrong = tries === 1;
          return sc
            .parallelize([1, 2, 3])
            .map((n) => {
              if (wrong) throw new RangeError('not yet');
              return n;
            })
            .count();
        })
        .retry('RangeError', { baseDelayMs: 0 }),
    );
    const count = step(await operator.run(made), 'count');
    expect(count.result).toBe(3);
    expect(count.attempts.map(({ status }) => status)).toEqual(['failed', 'success']);
    expect(count.counts).toMatchObject({ read: 3, retry: 1 });
  });

  it('ST-111: an RDD is read by a chunk step, and what that wrote by an RDD', async () => {
    const out = join(scratch, 'chunks.ndjson');
    const made = job(named('both'))
      .step('write', (s) =>
        s
          .read(rddReader((sc) => sc.parallelize([1, 2, 3, 4, 5], 2).map((n) => n * 10)))
          .process((n) => ({ n }))
          .chunk(2)
          .write(jsonLinesWriter(out)),
      )
      .step('read', (s) =>
        s.dataset((sc) =>
          sc
            .jsonLines<{ n: number }>(out)
            .map(({ n }) => n)
            .reduce((a, b) => a + b),
        ),
      );
    const execution = await operator.run(made);
    expect(step(execution, 'read').result).toBe(150);
    expect(step(execution, 'read').counts.read).toBe(5);
  });

  it('the engine is not started unless a step needs it', async () => {
    const own = await JobOperator.create({
      repository: 'sqlite::memory:',
      signals: false,
      context: { workers: 'many' as never },
    });
    await own.run(job(named('none')).step('a', (s) => s.task(() => 1)));
    const wrong = await end(
      own,
      job(named('some')).step('a', (s) => s.dataset((sc) => sc.range(1).count())),
    );
    expect(wrong.failure).toMatchObject({ code: 'MR_OPTION_INVALID', step: 'a' });
    await own.close();
  });
});
