import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointStore } from '../../../src/jobs/items/checkpoint-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-checkpoints-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('CheckpointStore', () => {
  it('ST-117: loads the newest state of an id, undefined if there is none', async () => {
    const store = new CheckpointStore(join(directory, 'made', 'by save'));
    expect(await store.load('a')).toBeUndefined();
    expect(await store.list('a')).toEqual([]);
    await store.save('a', { n: 1 });
    await store.save('a', { n: 2 });
    await store.save('b', null);
    expect(await store.load('a')).toEqual({ n: 2 });
    expect(await store.load('b')).toBeNull();
    expect(await new CheckpointStore(join(directory, 'made', 'by save')).load('a')).toEqual({ n: 2 });
    await store.clear('a');
    expect(await store.load('a')).toBeUndefined();
    expect(await store.load('b')).toBeNull();
  });

  it('ST-117: keeps ids apart, whatever they are made of', async () => {
    const store = new CheckpointStore(directory);
    const ids = fc.uniqueArray(
      fc.oneof(
        fc.string({ unit: fc.constantFrom(...'aA./%\\:*ä😀 ') }),
        fc.constant('x'.repeat(400)),
        fc.constant('a.000000000001'),
      ),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(ids, async (given) => {
        rmSync(directory, { recursive: true, force: true });
        for (const id of given) await store.save(id, id);
        for (const id of given) expect(await store.load(id)).toBe(id);
      }),
      { numRuns: 20 },
    );
  });

  it('ST-117: keeps the newest keepLast', async () => {
    const store = new CheckpointStore(directory, { keepLast: 2 });
    for (let n = 0; n < 4; n++) await store.save('a', n);
    await Promise.all([4, 5, 6].map((n) => store.save('a', n)));
    const kept = await store.list('a');
    expect(kept.map(({ sequence }) => sequence)).toEqual([7, 6]);
    expect(kept[0]).toMatchObject({ sizeBytes: expect.any(Number), savedAt: expect.any(Date) });
    expect(await store.load('a')).toBe(6);
    expect(readdirSync(directory)).toHaveLength(2);
    for (let n = 0; n < 7; n++) await new CheckpointStore(directory).save('b', n);
    expect(await store.list('b')).toHaveLength(5);
  });

  it('ST-117: says MR_CHECKPOINT_CORRUPT of a damaged newest state, or loads the one before', async () => {
    const damages: ((path: string) => void)[] = [
      (path) => truncateSync(path, 3),
      (path) => truncateSync(path, readFileSync(path).length - 1),
      (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('newest', 'nevest')),
      (path) => writeFileSync(path, ''),
    ];
    for (const damage of damages) {
      const store = new CheckpointStore(directory);
      await store.clear('a');
      await store.save('a', 'before');
      await store.save('a', 'newest');
      damage(join(directory, readdirSync(directory).sort().at(-1) ?? ''));
      await expect(store.load('a')).rejects.toMatchObject({
        code: 'MR_CHECKPOINT_CORRUPT',
        message: expect.stringContaining(directory),
      });
      expect(await new CheckpointStore(directory, { onCorrupt: 'ignore' }).load('a')).toBe('before');
    }
  });

  it('ST-117: loads a whole state after a kill at any moment of a save', async () => {
    const script = join(directory, 'save.mjs');
    writeFileSync(
      script,
      `import { CheckpointStore } from ${JSON.stringify(join(process.cwd(), 'dist/jobs/items/checkpoint-store.js'))};
       const store = new CheckpointStore(process.argv[2]);
       for (let n = 0; ; n++) { await store.save('a', { n, filler: 'x'.repeat(100_000) }); if (n === 0) process.send('saving'); }`,
    );
    const states = join(directory, 'states');
    for (const killAfterMs of [0, 3, 7, 12, 20]) {
      const child = fork(script, [states]);
      await new Promise((resolve) => child.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, killAfterMs));
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      const state = (await new CheckpointStore(states).load('a')) as { n: number; filler: string };
      expect(state.n).toBeGreaterThanOrEqual(0);
      expect(state.filler).toHaveLength(100_000);
    }
  });

  it('refuses states that are no JSON and options that make no sense', async () => {
    await expect(new CheckpointStore(directory).save('a', undefined as never)).rejects.toMatchObject({
      code: 'MR_NOT_JSON',
    });
    expect(() => new CheckpointStore(directory, { keepLast: 0 })).toThrow(/keepLast/);
    expect(() => new CheckpointStore(directory, { onCorrupt: 'maybe' as never })).toThrow(/"maybe"/);
    writeFileSync(join(directory, 'file'), '');
    await expect(new CheckpointStore(join(directory, 'file')).save('a', 1)).rejects.toThrow(/file/);
  });
});
