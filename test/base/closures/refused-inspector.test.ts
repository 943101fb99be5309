import { afterAll, describe, expect, it } from 'vitest';
import { dist, UserFolder } from './environments.ts';

const folder = new UserFolder('ESM');
afterAll(() => folder.remove());

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

describe('where the inspector is refused', () => {
  it('ships functions without variables, asks for variables, and takes them from the user', () => {
    const printed: unknown = JSON.parse(folder.run('refused-inspector', [dist], [permission, '--allow-fs-read=*']));
    const asks = (name: string, subject: string): string =>
      `map at etl.ts:9: ${subject} uses "${name}" from outside, and this process refuses the inspector by which ` +
      `captured variables are read (--permission). Pass it: map(fn, { captured: { ${name} } }), or allow the inspector ` +
      '(--allow-inspector, from Node 24).';
    expect(printed).toEqual([
      2,
      asks('k', 'the function'),
      4,
      asks('k', 'the function captures "helper", which'),
      11,
      1,
      'map at etl.ts:9: the function is a bound or native function, and the inspector is refused here, which cannot ' +
        'travel to a worker. Call it inside a function of your own.',
    ]);
  });
});
