import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';
import { Faults } from './faults.ts';
import { programs } from './programs.ts';

/** Seeds a program: few in `npm test`, many with `MILLRACE_CHAOS_SEEDS=40 npm test -- test/chaos`. */
const seeds = Number(process.env['MILLRACE_CHAOS_SEEDS'] ?? 4);
const contexts: { name: string; sc: MillraceContext }[] = [];
const injected = new Map<string, number>();

beforeAll(async () => {
  const options = { workers: 2, logLevel: 'off', maxTaskFailures: 50 } as const;
  contexts.push({ name: 'in memory', sc: await MillraceContext.create(options) });
  contexts.push({ name: 'on disk', sc: await MillraceContext.create({ ...options, memory: '16mb' }) });
});
afterAll(async () => {
  for (const { sc } of contexts) await sc.stop();
  expect([...injected.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
});

describe.each(programs)('$name', ({ run }) => {
  it('gives the result of a quiet run while workers die, blocks vanish and files rot', async () => {
    for (const { sc } of contexts) {
      const quiet = await run(sc);
      for (let seed = 1; seed <= seeds; seed++) {
        const faults = new Faults(sc, seed * 7919, 12);
        faults.start();
        try {
          expect(await run(sc)).toEqual(quiet);
        } finally {
          faults.stop();
          for (const [kind, count] of faults.counts) injected.set(kind, (injected.get(kind) ?? 0) + count);
        }
      }
    }
  });
});
