import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCallSite } from '../../../src/base/call-site.ts';
import { captureClosures } from '../../../src/base/closures/capture.ts';
import { mapUserStack, userFrame } from '../../../src/base/closures/user-stack.ts';
import { closureWorker, dist, type Environment, UserFolder } from './environments.ts';
import { userFrames } from './fixtures/run-failing.ts';

const folders: UserFolder[] = [];
afterAll(() => {
  for (const folder of folders) folder.remove();
});

/** The line of each mark in the text of a file: `// at: helper`. */
function marks(file: string): Record<string, { file: string; line: number }> {
  const lines = readFileSync(file, 'utf8').split('\n');
  const found = lines.flatMap((text, index): [string, { file: string; line: number }][] => {
    const mark = /\/\/ at: ([a-z ]+)$/.exec(text)?.[1];
    return mark === undefined ? [] : [[mark, { file, line: index + 1 }]];
  });
  return Object.fromEntries(found);
}

describe('the stack of an error thrown in a worker', () => {
  it("names the user's file and line in Vitest", async () => {
    const worker = new URL('fixtures/closure-worker.mjs', import.meta.url);
    const tools = { captureCallSite, captureClosures, mapUserStack, userFrame };
    const file = join(import.meta.dirname, 'fixtures/failing.ts');
    expect(await userFrames(tools, worker)).toMatchObject(marks(file));
  });

  it.each<[Environment, source: string, options: string[]]>([
    ['tsx, ESM', 'source/failing.ts', []],
    ['tsx, CommonJS', 'source/failing.ts', []],
    ['ESM', 'built/failing.js', []],
    ['ESM', 'source/failing.ts', ['--enable-source-maps']],
    ['CommonJS', 'built/failing.js', []],
  ])("names the user's file and line in %s: %s", (environment, source, options) => {
    const folder = new UserFolder(environment);
    folders.push(folder);
    const printed: unknown = JSON.parse(folder.run('run-failing', ['main', dist, closureWorker], options));
    expect(printed).toMatchObject(marks(folder.path(source)));
  });

  it('keeps lines that name no place, and the message', () => {
    const stack = 'Error: at sea (1:2)\n    at async Promise.all (index 0)\n    at new Promise (<anonymous>)';
    expect(mapUserStack(stack)).toBe(stack);
    expect(userFrame(stack)).toBeUndefined();
  });

  it("passes over Node's and millrace's own frames and those of packages", () => {
    const own = join(import.meta.dirname, '../../../src/base/closures/rebuild.ts');
    const stack = [
      'Error: x',
      '    at Array.map (<anonymous>)',
      '    at node:internal/process/task_queues:95:5',
      `    at run (${own}:1:2)`,
      '    at f (/app/node_modules/lib/index.js:3:4)',
      '    at async load (file:///app/my%20report.ts:12:7)',
    ].join('\n');
    expect(userFrame(stack)).toEqual({ file: '/app/my report.ts', line: 12, column: 7 });
  });
});
