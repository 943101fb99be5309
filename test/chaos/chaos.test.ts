import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';
import { Faults } from './faults.ts';
import { programs } from './programs.ts';

/** Seeds a program: few in `npm test`, many with `MILLRACE_CHAOS_SEEDS=40 npm test -- test/chaos`, which also reports. */
const wanted = process.env['MILLRACE_CHAOS_SEEDS'];
const seeds = Number(wanted ?? 2);
const contexts: { name: string; sc: MillraceContext }[] = [];
const injected = new Map<string, number>();
const slowdowns: number[] = [];

beforeAll(async () => {
  const options = { workers: 2, logLevel: 'off', maxTaskFailures: 50, workerHeapMb: 128 } as const;
  contexts.push({ name: 'in memory', sc: await MillraceContext.create(options) });
  contexts.push({ name: 'on disk', sc: await MillraceContext.create({ ...options, memory: '16mb' }) });
});
afterAll(async () => {
  for (const { sc } of contexts) await sc.stop();
  const faults = [...injected.values()].reduce((a, b) => a + b, 0);
  expect(faults).toBeGreaterThan(0);
  if (wanted === undefined) return;
  const kinds = [...injected].map(([kind, count]) => `${kind} ${count}`).join(', ');
  const median = slowdowns.sort((a, b) => a - b)[slowdowns.length >> 1] ?? 0;
  process.stdout.write(
    `${slowdowns.length} runs, ${faults} faults (${kinds}); a run with faults took ${median.toFixed(1)} times the quiet one (median)\n`,
  );
});

describe.each(programs)('$name', ({ run }) => {
  it('gives the result of a quiet run while workers die, blocks vanish and files rot', async () => {
    for (const { sc } of contexts) {
      await run(sc);
      const began = performance.now();
      const quiet = await run(sc);
      const quietMs = performance.now() - began;
      for (let seed = 1; seed <= seeds; seed++) {
        const faults = new Faults(sc, seed * 7919, 12);
        faults.start();
        const startedAt = performance.now();
        try {
          expect(await run(sc)).toEqual(quiet);
        } finally {
          faults.stop();
          slowdowns.push((performance.now() - startedAt) / quietMs);
          for (const [kind, count] of faults.counts) injected.set(kind, (injected.get(kind) ?? 0) + count);
        }
      }
    }
  }, 600_000);
});
