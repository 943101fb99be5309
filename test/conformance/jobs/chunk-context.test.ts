import { describe, expect, it } from 'vitest';
import { job, type StepContext } from '../../../src/jobs/index.ts';
import { finish, freshOperator, numbers, stepOf } from './chunk-support.ts';

type Context = StepContext<never, never>;
const add = (c: Pick<Context, 'context'>, key: string, more: number): void =>
  c.context.set(key, (c.context.get<number>(key) ?? 0) + more);

describe('the context of a chunk step', () => {
  it('ST-58: is kept by each commit and put back when a chunk fails', async () => {
    const operator = await freshOperator();
    let isBroken = true;
    const seen: unknown[] = [];
    const summing = job('summing').step('s', (s) =>
      s
        .read(numbers(10))
        .process((n, c) => {
          if (n === 0 || n === 6) seen.push([c.isRestart, c.context.get('sum')]);
          add(c, 'sum', n);
          if (n === 7 && isBroken) throw new Error('seven');
          return n;
        })
        .chunk(3)
        .listen({ afterStep: () => undefined })
        .write(() => undefined),
    );
    await finish(operator, summing);
    isBroken = false;
    let last: unknown;
    const reading = job('summing').step('s', (s) =>
      s
        .read(numbers(10))
        .process((n, c) => {
          if (n === 6) seen.push([c.isRestart, c.context.get('sum')]);
          add(c, 'sum', n);
          last = c.context.get('sum');
          return n;
        })
        .chunk(3)
        .write(() => undefined),
    );
    await finish(operator, reading);
    expect(seen).toEqual([
      [false, undefined],
      [false, 15],
      [true, 15],
    ]);
    expect(last).toBe(45);
  });

  it('ST-58: keeps what a writer and afterChunk set, and forgets it when their attempt fails', async () => {
    const operator = await freshOperator();
    let failures = 2;
    let isBroken = true;
    const seen: unknown[] = [];
    let context: Context['context'] | undefined;
    const writing = job('writing').step('s', (s) =>
      s
        .read(numbers(6))
        .process((n) => {
          if (n === 4 && isBroken) throw new Error('four');
          return n;
        })
        .chunk(2)
        .retry('AGAIN', { baseDelayMs: 0 })
        .listen({
          beforeStep: (c) => {
            context = c.context;
            seen.push([c.context.get('written'), c.context.get('chunks')]);
          },
          afterChunk: () => context?.set('chunks', (context.get<number>('chunks') ?? 0) + 1),
        })
        .write({
          guarantee: 'idempotent',
          open: ({ c }) => ({
            write(items) {
              add(c, 'written', items.length);
              if (failures-- > 0) throw Object.assign(new Error('again'), { code: 'AGAIN' });
            },
          }),
        }),
    );
    await finish(operator, writing);
    isBroken = false;
    await finish(operator, writing);
    // What the second afterChunk set was in no commit: the chunk after it failed.
    expect(seen).toEqual([
      [undefined, undefined],
      [4, 1],
    ]);
    expect(context?.get('written')).toBe(6);
  });

  it('ST-58: is that of the last committed range when a scan fails in the middle', async () => {
    const operator = await freshOperator();
    let isBroken = true;
    const seen: unknown[] = [];
    const scanned = job('scanned').step('s', (s) =>
      s
        .read(numbers(8))
        .process((n, c) => {
          add(c, 'count', 1);
          return n;
        })
        .chunk(8)
        .listen({ beforeStep: (c) => void seen.push(c.context.get('count')) })
        .skip('BAD')
        .write((items) => {
          if (items.length > 4) throw Object.assign(new Error('bad'), { code: 'BAD' });
          if (items.includes(5) && isBroken) throw new Error('hard');
        }),
    );
    const failed = await finish(operator, scanned);
    expect(stepOf(failed).counts.read).toBe(4);
    isBroken = false;
    expect((await finish(operator, scanned)).status).toBe('COMPLETED');
    expect(seen).toEqual([undefined, 4]);
  });

  it('ST-58: belongs to a partition where there are some; the job has its own', async () => {
    const operator = await freshOperator();
    let isBroken = true;
    const seen: unknown[] = [];
    const parts = job('parts').step('s', (s) =>
      s
        .partitions(() => [1, 2], { concurrency: 1 })
        .read((c) => {
          seen.push([c.partition.index, c.context.get('sum'), c.jobContext.get('first')]);
          return numbers(4);
        })
        .process((n, c) => {
          if (n === 0) c.jobContext.set('first', c.partition?.value ?? null);
          if (n === 2 && isBroken) throw new Error('two');
          add(c as never, 'sum', n + 10 * (c.partition?.value as number));
          return n;
        })
        .chunk(2)
        .write(() => undefined),
    );
    await finish(operator, parts);
    isBroken = false;
    await finish(operator, parts);
    expect(seen).toEqual([
      [0, undefined, undefined],
      [1, undefined, 1],
      [0, 21, 2],
      [1, 41, 2],
    ]);
  });

  it('ST-58: refuses what is not JSON or more than 64 KiB, and fails the step by it', async () => {
    const operator = await freshOperator();
    for (const [value, code] of [
      [new Map(), 'MR_NOT_JSON'],
      [Number.NaN, 'MR_NOT_JSON'],
      ['x'.repeat(65_537), 'MR_CONTEXT_TOO_LARGE'],
    ] as const) {
      const large = job('large').step('s', (s) =>
        s
          .read([1])
          .process((n, c) => {
            c.context.set('k', value as never);
            return n;
          })
          .skipPolicy(() => true)
          .write(() => undefined),
      );
      expect(stepOf(await finish(operator, large, { value: code, size: String(value).length })).failure).toMatchObject({
        code,
      });
    }
    const fits = job('fits').step('s', (s) =>
      s
        .read([1])
        .process((n, c) => {
          c.context.set('k', 'x'.repeat(65_000));
          return n;
        })
        .write(() => undefined),
    );
    expect((await finish(operator, fits)).status).toBe('COMPLETED');
  });

  it('ST-58: a task keeps what it saves, and what it set when it ends well', async () => {
    const operator = await freshOperator();
    const seen: unknown[] = [];
    let isBroken = true;
    const saving = job('saving').step('s', (s) =>
      s.task(async (c) => {
        seen.push([c.context.get('saved'), c.context.get('unsaved'), c.context.get('gone')]);
        c.context.set('saved', [1, { two: 2 }]);
        c.context.set('gone', true);
        c.context.delete('gone');
        await c.context.save();
        c.context.set('unsaved', 'x');
        if (isBroken) throw new Error('broken');
      }),
    );
    await finish(operator, saving);
    isBroken = false;
    await finish(operator, saving);
    expect(seen).toEqual([
      [undefined, undefined, undefined],
      [[1, { two: 2 }], undefined, undefined],
    ]);
  });
});
