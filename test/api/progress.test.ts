import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProgressLine, progressText } from '../../src/api/progress.ts';
import { type EngineEvent, MillraceContext } from '../../src/index.ts';

describe('the progress line', () => {
  it('names the stage at work, tasks, stages, rows a second and the time left', () => {
    const stages = [
      { name: 'stage 0 (map at a.ts:1)', done: 8, total: 8 },
      { name: 'stage 1 (reduceByKey at a.ts:2)', done: 2, total: 8 },
    ];
    expect(progressText(stages, 2_500_000, 2000)).toBe(
      'stage 1 (reduceByKey at a.ts:2) 2/8 · 1/2 stages · 1.3 M rows/s · 2 s left',
    );
    expect(progressText([], 0, 0)).toBe('starting');
  });

  it('is taken away when the last action ends', () => {
    const written: string[] = [];
    const line = new ProgressLine((text) => written.push(text));
    line.observe({
      kind: 'actionStarted',
      actionId: 1,
      action: 'count',
      callSite: 'a.ts:1',
      group: undefined,
      description: undefined,
      stages: 1,
      at: 0,
    });
    line.observe({ kind: 'actionEnded', actionId: 1, action: 'count', status: 'succeeded', durationMs: 1, at: 1 });
    expect(written).toEqual(['\r\u001b[K']);
  });
});

describe('events', () => {
  let sc: MillraceContext;
  beforeAll(async () => {
    sc = await MillraceContext.create({ workers: 2, logLevel: 'off' });
  });
  afterAll(() => sc.stop());

  it('tell of every action, stage and task in order, with rows', async () => {
    const events: EngineEvent[] = [];
    const off = sc.on('*', (event) => events.push(event));
    await sc
      .range(0, 100, 1, 2)
      .map((n) => [n % 5, n] as const)
      .reduceByKey((a, b) => a + b, 1)
      .collect();
    off();
    await sc.range(5).count();
    const kinds = events.map(({ kind }) => kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['actionStarted', 'actionEnded']);
    expect(kinds.filter((kind) => kind === 'stageCompleted').length).toBe(2);
    const ended = events.filter((event) => event.kind === 'taskEnded');
    expect(ended.map(({ rowsRead, rowsWritten }) => [rowsRead, rowsWritten])).toEqual([
      [50, 5],
      [50, 5],
      [10, 5],
    ]);
  });

  it('reach the other listeners when one throws', async () => {
    let heard = 0;
    const offs = [
      sc.on('actionEnded', () => {
        throw new Error('bad listener');
      }),
      sc.on('actionEnded', () => heard++),
    ];
    expect(await sc.range(3).count()).toBe(3);
    for (const off of offs) off();
    expect(heard).toBe(1);
  });
});
