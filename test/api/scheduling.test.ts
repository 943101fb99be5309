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
