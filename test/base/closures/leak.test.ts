import { afterAll, describe, expect, it } from 'vitest';
import { dist, UserFolder } from './environments.ts';

const folder = new UserFolder('ESM');
afterAll(() => folder.remove());

describe('captureClosures', () => {
  it('holds on to nothing that it captured', () => {
    // The last round's objects may still be on the stack of the program.
    expect(Number(folder.run('leak', [dist], ['--expose-gc']))).toBeLessThanOrEqual(3);
  });
});
