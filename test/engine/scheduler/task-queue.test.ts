import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchSize,
  noteDuration,
  type PoolSettings,
  poolSettings,
  scheduleOrder,
  type TaskSet,
} from '../../../src/engine/scheduler/task-queue.ts';

const set = (stage: number, { pool = 'default', priority = stage, running = 0, pending = 1 } = {}): TaskSet => ({
  stage,
  pool,
  priority,
  running,
  pending: Array.from({ length: pending }, (_, partition) => ({ partition, attempt: 1, speculative: false })),
  endedMs: [],
  isCancelled: false,
  averageMs: undefined,
});
const pools =
  (scheduling: 'FIFO' | 'FAIR', named: Record<string, Partial<PoolSettings>> = {}) =>
  (name: string): PoolSettings =>
    poolSettings(name, { scheduling, pools: named });
const stages = (sets: readonly TaskSet[]): number[] => sets.map(({ stage }) => stage);

describe('scheduleOrder', () => {
  it('takes the oldest action first in FIFO, however many of its tasks run', () => {
    const sets = [set(3, { priority: 2 }), set(5, { priority: 1, running: 9 }), set(4, { priority: 1 })];
    expect(stages(scheduleOrder(sets, pools('FIFO')))).toEqual([4, 5, 3]);
  });

  it('takes the action with the fewest running tasks first in FAIR, then the oldest', () => {
    const sets = [set(1, { running: 2 }), set(3, { running: 1 }), set(2, { running: 1 })];
    expect(stages(scheduleOrder(sets, pools('FAIR')))).toEqual([2, 3, 1]);
  });

  it('shares between pools by weight', () => {
    const sets = [set(1, { pool: 'a', running: 3 }), set(2, { pool: 'b', running: 2 })];
    expect(stages(scheduleOrder(sets, pools('FIFO')))).toEqual([2, 1]);
    expect(stages(scheduleOrder(sets, pools('FIFO', { a: { weight: 2 } })))).toEqual([1, 2]);
  });

  it('serves a pool below its minimum share before others', () => {
    const sets = [set(1, { pool: 'a' }), set(2, { pool: 'b', running: 1 })];
    expect(stages(scheduleOrder(sets, pools('FAIR', { b: { minShare: 2 } })))).toEqual([2, 1]);
  });

  it('counts what a pool has running in sets that wait for nothing', () => {
    const sets = [
      set(1, { pool: 'a', running: 2, pending: 0 }),
      set(2, { pool: 'a' }),
      set(3, { pool: 'b', running: 1 }),
    ];
    expect(stages(scheduleOrder(sets, pools('FIFO')))).toEqual([3, 1, 2]);
  });

  it('keeps order of submission inside a named pool unless it says FAIR, listed or not', () => {
    const sets = [set(2, { pool: 'p' }), set(1, { pool: 'p', running: 1 })];
    expect(stages(scheduleOrder(sets, pools('FAIR')))).toEqual([1, 2]);
    expect(stages(scheduleOrder(sets, pools('FIFO', { p: { mode: 'FAIR' } })))).toEqual([2, 1]);
    expect(pools('FAIR')('toString')).toEqual({ mode: 'FIFO', weight: 1, minShare: 0 });
  });

  it('gives workers to pools in proportion to their weights, within one task', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }), (weights) => {
        const settings = pools('FIFO', Object.fromEntries(weights.map((weight, i) => [`p${i}`, { weight }])));
        const sets = weights.map((_, i) => set(i, { pool: `p${i}` }));
        const total = weights.reduce((a, b) => a + b);
        for (let worker = 0; worker < total * 2; worker++) scheduleOrder(sets, settings)[0]!.running++;
        expect(sets.map(({ running }) => running)).toEqual(weights.map((weight) => weight * 2));
      }),
    );
  });
});

describe('batchSize', () => {
  it('is one while nothing is known of the tasks, and for long tasks', () => {
    const tasks = set(1, { pending: 1000 });
    expect(batchSize(tasks, 2)).toBe(1);
    noteDuration(tasks, 50);
    expect(batchSize(tasks, 2)).toBe(1);
  });

  it('fills about ten milliseconds, but leaves tasks for the other workers', () => {
    const tasks = set(1, { pending: 1000 });
    noteDuration(tasks, 0.1);
    expect(batchSize(tasks, 2)).toBe(100);
    expect(batchSize(tasks, 10)).toBe(50);
    expect(batchSize({ ...tasks, pending: [] }, 2)).toBe(1);
  });

  it('has a limit however short the tasks are', () => {
    const tasks = set(1, { pending: 1_000_000 });
    noteDuration(tasks, 0);
    expect(batchSize(tasks, 2)).toBe(1024);
  });

  it('follows the tasks as they get slower', () => {
    const tasks = set(1, { pending: 1000 });
    noteDuration(tasks, 0.1);
    for (let i = 0; i < 20; i++) noteDuration(tasks, 100);
    expect(batchSize(tasks, 2)).toBe(1);
  });
});
