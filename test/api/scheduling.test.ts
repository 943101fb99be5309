import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ContextOptions, MillraceContext, type RDD } from '../../src/index.ts';

let sc: MillraceContext;
afterEach(() => sc?.stop());

const open = async (options: ContextOptions): Promise<MillraceContext> => {
  sc = await MillraceContext.create({ workers: 2, logLevel: 'off', progress: false, ...options });
  return sc;
};
const slow = (context: MillraceContext, tasks: number): RDD<number> =>
  context.range(0, tasks, 1, tasks).map((n) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);
    return n;
  });

/** Starts a long action and a short one behind it. @returns their names in the order in which their last task starts */
async function race(context: MillraceContext, pools: { long?: string; short?: string } = {}): Promise<string[]> {
  const owner = new Map<number, string>();
  const ended: string[] = [];
  const names: Record<number, string> = { 12: 'long', 3: 'short' };
  const left: Record<string, number> = { long: 12, short: 3 };
  context.on('stageSubmitted', ({ stageKey, tasks }) => owner.set(stageKey, names[tasks]!));
  context.on('taskStarted', ({ stageKey }) => {
    const name = owner.get(stageKey)!;
    left[name]!--;
    if (left[name] === 0) ended.push(name);
  });
  const long = slow(context, 12).count({ pool: pools.long });
  const short = slow(context, 3).count({ pool: pools.short });
  expect(await Promise.all([long, short])).toEqual([12, 3]);
  return ended;
}

describe('two actions at once', () => {
  it('run in order of submission with FIFO', async () => {
    expect(await race(await open({}))).toEqual(['long', 'short']);
  });

  it('share the workers with FAIR, so that the short one is done first', async () => {
    expect(await race(await open({ scheduling: 'FAIR' }))).toEqual(['short', 'long']);
  });

  it('share the workers when they are in pools of their own, known or not', async () => {
    expect(await race(await open({}), { short: 'other' })).toEqual(['short', 'long']);
  });

  it('run in order of submission inside a named pool of mode FIFO', async () => {
    const context = await open({ scheduling: 'FAIR', pools: { nightly: { weight: 2 } } });
    expect(await race(context, { long: 'nightly', short: 'nightly' })).toEqual(['long', 'short']);
  });
});

describe('speculation', () => {
  const speculation = { multiplier: 1.5, quantile: 0.5, intervalMs: 10 };
  /** The first try of task 5 never ends; any other gives its row. */
  const withStraggler = (context: MillraceContext, marks: string): RDD<number> =>
    context.range(0, 8, 1, 8).map((n) => {
      const fs = process.getBuiltinModule('node:fs');
      if (n !== 5) return n;
      try {
        fs.writeFileSync(`${marks}/first`, '', { flag: 'wx' });
      } catch {
        return n;
      }
      for (;;);
    });
  const folder = (): string => mkdtempSync(join(tmpdir(), 'speculation-'));

  it('runs a task that takes long a second time, and counts one of the two', async () => {
    const context = await open({ speculation });
    const marks = folder();
    const counted = context.accumulator(0);
    const tries: boolean[] = [];
    context.on('taskStarted', ({ partition, speculative }) => {
      if (partition === 5) tries.push(speculative);
    });
    const rows = withStraggler(context, marks).map((n) => {
      counted.add(1);
      return n;
    });
    expect(await rows.collect()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([tries, counted.value]).toEqual([[false, true], 8]);
    expect(await context.range(10).count()).toBe(10);
    rmSync(marks, { recursive: true });
  });

  it('commits one part a partition, and leaves nothing of the other', async () => {
    const context = await open({ speculation });
    const marks = folder();
    const out = join(marks, 'out');
    await withStraggler(context, marks).saveAsTextFile(out);
    const parts = readdirSync(out).filter((name) => name.startsWith('part-'));
    expect(parts.map((name) => readFileSync(join(out, name), 'utf8').trim()).sort()).toEqual([...'01234567']);
    expect(readdirSync(out).filter((name) => !name.startsWith('part-'))).toEqual(['_SUCCESS']);
    expect(readdirSync(marks).sort()).toEqual(['first', 'out']);
    rmSync(marks, { recursive: true });
  });

  it('computes a cached block and shuffle output beside a try that is stuck', async () => {
    const context = await open({ speculation });
    const marks = folder();
    const cached = withStraggler(context, marks).cache();
    const sums = cached.map((n) => [n % 2, n] as const).reduceByKey((a, b) => a + b, 2);
    expect((await sums.collect()).sort()).toEqual([
      [0, 12],
      [1, 16],
    ]);
    expect(await cached.sum()).toBe(28);
    rmSync(marks, { recursive: true });
  });

  it('is off by default: no task runs twice', async () => {
    const context = await open({});
    const tries: number[] = [];
    context.on('taskStarted', ({ partition }) => tries.push(partition));
    await slow(context, 10).count();
    expect(tries.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([
    [{ speculation: 3 as never }, /speculation must be true, false or an object, got 3/],
    [{ speculation: { quantile: 2 } }, /speculation\.quantile must be above 0 and at most 1, got 2/],
    [{ speculation: { multiplier: -1 } }, /speculation\.multiplier must be a number above 0, got -1/],
    [{ speculation: { interval: 5 } as never }, /speculation\.interval is no option/],
  ])('refuses %j', async (options, message) => {
    await expect(MillraceContext.create(options)).rejects.toThrow(message);
  });
});
