import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskFailureReason } from '../../../src/engine/protocol/task.ts';
import { DagState, type Order, type StageDescription } from '../../../src/engine/scheduler/dag-state.ts';

const stage = (key: number, parents: number[], numTasks: number, isShuffle = true): StageDescription => ({
  key,
  parents,
  shuffleId: isShuffle ? key : undefined,
  partitions: Array.from({ length: numTasks }, (_, i) => i),
});
const thrown: TaskFailureReason = {
  kind: 'userFunction',
  error: { name: 'Error', message: 'no', stack: undefined, code: undefined, details: undefined, cause: undefined },
  operator: 'map',
  callSite: undefined,
  row: 0,
};
const submitted = (orders: readonly Order[]): string[] =>
  orders.flatMap((order) =>
    order.kind === 'submit' ? order.tasks.map(({ partition }) => `${order.stage}:${partition}`) : [],
  );

describe('DagState', () => {
  it('submits parents first and the child when the last of them is complete', () => {
    const state = new DagState(4);
    expect(
      submitted(state.actionSubmitted(1, 30, [stage(10, [], 2), stage(20, [], 1), stage(30, [10, 20], 1, false)])),
    ).toEqual(['10:0', '10:1', '20:0']);
    expect(submitted(state.taskSucceeded(10, 0))).toEqual([]);
    expect(submitted(state.taskSucceeded(20, 0))).toEqual([]);
    expect(submitted(state.taskSucceeded(10, 1))).toEqual(['30:0']);
    expect(state.taskSucceeded(30, 0)).toEqual([
      { kind: 'completeStage', stage: 30 },
      { kind: 'finishAction', actionId: 1 },
    ]);
  });

  it('resubmits only the lost partitions of the parent stage after a failed fetch', () => {
    const state = new DagState(4);
    state.actionSubmitted(1, 20, [stage(10, [], 3), stage(20, [10], 2, false)]);
    for (const partition of [0, 1, 2]) state.taskSucceeded(10, partition);
    const lost: TaskFailureReason = { kind: 'fetchFailed', shuffleId: 10, mapPartitions: [1], path: undefined };
    expect(submitted(state.taskFailed(20, 0, lost))).toEqual(['10:1']);
    expect(submitted(state.taskSucceeded(20, 1))).toEqual([]);
    expect(submitted(state.taskSucceeded(10, 1))).toEqual(['20:0']);
  });

  it('tries a task as often as allowed, then fails the action with the last reason', () => {
    const state = new DagState(3);
    state.actionSubmitted(1, 10, [stage(10, [], 1, false)]);
    expect(state.taskFailed(10, 0, thrown)).toEqual([
      { kind: 'submit', stage: 10, actionId: 1, tasks: [{ partition: 0, attempt: 2, speculative: false }] },
    ]);
    expect(state.taskFailed(10, 0, thrown)).toEqual([
      { kind: 'submit', stage: 10, actionId: 1, tasks: [{ partition: 0, attempt: 3, speculative: false }] },
    ]);
    expect(state.taskFailed(10, 0, thrown)).toEqual([
      { kind: 'failAction', actionId: 1, stage: 10, partition: 0, failures: 3, reason: thrown },
    ]);
  });

  it('counts one loss of inputs once, however many tasks meet with it', () => {
    const state = new DagState(4);
    state.actionSubmitted(1, 20, [stage(10, [], 1), stage(20, [10], 500, false)]);
    expect(submitted(state.taskSucceeded(10, 0)).length).toBe(500);
    const lost: TaskFailureReason = { kind: 'fetchFailed', shuffleId: 10, mapPartitions: [0], path: undefined };
    const orders = stage(20, [], 500).partitions.flatMap((partition) => state.taskFailed(20, partition, lost));
    expect(submitted(orders)).toEqual(['10:0']);
    expect(submitted(state.taskSucceeded(10, 0)).length).toBe(500);
  });

  it('takes the first result of two tries of a task, and lets a failed one wait for the other', () => {
    const state = new DagState(4);
    state.actionSubmitted(1, 10, [stage(10, [], 2, false)]);
    expect(state.taskCopied(10, 0)).toEqual({ partition: 0, attempt: 2, speculative: true });
    expect(state.taskFailed(10, 0, thrown)).toEqual([]);
    expect(state.isMissing(10, 0)).toBe(true);
    state.taskSucceeded(10, 0);
    expect([state.isMissing(10, 0), state.taskCopied(10, 0)]).toEqual([false, undefined]);
    expect(state.taskSucceeded(10, 0)).toEqual([]);
    expect(state.taskSucceeded(10, 1)).toContainEqual({ kind: 'finishAction', actionId: 1 });
  });

  it('does not count a task that was never run', () => {
    const state = new DagState(1);
    state.actionSubmitted(1, 10, [stage(10, [], 1, false)]);
    for (let i = 0; i < 10; i++) expect(submitted(state.taskFailed(10, 0, { kind: 'notRun' }))).toEqual(['10:0']);
  });

  it('shares a shuffle between actions and cancels it only when nobody needs it', () => {
    const state = new DagState(4);
    state.actionSubmitted(1, 20, [stage(10, [], 1), stage(20, [10], 1, false)]);
    expect(submitted(state.actionSubmitted(2, 30, [stage(10, [], 1), stage(30, [10], 1, false)]))).toEqual([]);
    expect(state.actionEnded(1)).toEqual([]);
    expect(submitted(state.taskSucceeded(10, 0))).toEqual(['30:0']);
    expect(state.actionEnded(2)).toEqual([{ kind: 'cancelStage', stage: 30 }]);
    expect(submitted(state.actionSubmitted(3, 40, [stage(10, [], 1), stage(40, [10], 1, false)]))).toEqual(['40:0']);
  });

  it('finishes an action without tasks at once', () => {
    expect(new DagState(4).actionSubmitted(1, 10, [stage(10, [], 0, false)])).toEqual([
      { kind: 'finishAction', actionId: 1 },
    ]);
  });

  it('finishes every action exactly once and never runs a task before its inputs, whatever is lost on the way', () => {
    const plan = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.array(fc.nat({ max: 5 }), { maxLength: 2 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(plan, fc.infiniteStream(fc.nat({ max: 99 })), (shape, chance) => {
        const stages = shape.map(([tasks, parents], index) =>
          stage(index, [...new Set(parents.filter((parent) => parent < index))], tasks + 1, index < shape.length - 1),
        );
        const state = new DagState(1000);
        const waiting: [number, number][] = [];
        const available = new Set<string>();
        let finished = 0;
        const carryOut = (orders: readonly Order[]): void => {
          for (const order of orders) {
            if (order.kind === 'finishAction') finished++;
            if (order.kind === 'submit') for (const task of order.tasks) waiting.push([order.stage, task.partition]);
          }
        };
        carryOut(state.actionSubmitted(1, stages.length - 1, stages));
        for (let step = 0; waiting.length > 0 && step < 3000; step++) {
          const [[key, partition]] = waiting.splice(chance.next().value % waiting.length, 1) as [[number, number]];
          const missing = stages[key]!.parents.flatMap((parent) =>
            stages[parent]!.partitions.filter((p) => !available.has(`${parent}:${p}`)).map((p) => [parent, p] as const),
          );
          const roll = step < 200 ? chance.next().value : 99;
          if (missing.length > 0) {
            const [shuffleId] = missing[0]!;
            const mapPartitions = missing.filter(([parent]) => parent === shuffleId).map(([, p]) => p);
            carryOut(
              state.taskFailed(key, partition, { kind: 'fetchFailed', shuffleId, mapPartitions, path: undefined }),
            );
          } else if (roll < 15) carryOut(state.taskFailed(key, partition, thrown));
          else if (roll < 30) carryOut(state.taskFailed(key, partition, { kind: 'notRun' }));
          else {
            available.add(`${key}:${partition}`);
            if (roll < 40) for (const name of [...available]) if (chance.next().value < 20) available.delete(name);
            carryOut(state.taskSucceeded(key, partition));
          }
        }
        expect(finished).toBe(1);
        expect(waiting).toEqual([]);
      }),
    );
  });
});
