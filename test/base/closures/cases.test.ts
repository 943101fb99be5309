import { afterAll, describe, expect, it } from 'vitest';
import { captureClosures } from '../../../src/base/closures/capture.ts';
import { closureWorker, dist, environments, UserFolder } from './environments.ts';
import { cases } from './fixtures/cases.ts';
import { runCases } from './fixtures/run-cases.ts';

const worker = new URL('fixtures/closure-worker.mjs', import.meta.url);
const folders: UserFolder[] = [];
afterAll(() => {
  for (const folder of folders) folder.remove();
});

describe('closures give in a worker what they give here', () => {
  it('in Vitest', async () => {
    expect(await runCases(cases, captureClosures, worker)).toEqual([]);
  });

  it.each(environments)('in %s', (environment) => {
    const folder = new UserFolder(environment);
    folders.push(folder);
    const printed: unknown = JSON.parse(folder.run('main', [dist, closureWorker]));
    expect(printed).toEqual({ count: cases.length, failures: [] });
  });

  it.each(['plain.cjs', 'plain.mjs'])('in %s, which no tool has touched', (file) => {
    const folder = new UserFolder('ESM');
    folders.push(folder);
    const printed = JSON.parse(folder.run('main', [dist, closureWorker, folder.path(`source/${file}`)])) as {
      count: number;
      failures: string[];
    };
    expect(printed.failures).toEqual([]);
    expect(printed.count).toBeGreaterThan(10);
  });
});
