import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OutputCommitter } from '../../../src/data/io/output-committer.ts';
import type { OutputMode } from '../../../src/data/io/output-spec.ts';
import { createPartWriter } from '../../../src/data/io/part-writer.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { readRows, scratchDirectory } from './scratch.ts';

const directory = scratchDirectory();
const built = pathToFileURL(resolve(import.meta.dirname, '../../../dist/data/io')).href;

/** Writes two parts and commits, and kills itself with SIGKILL right before its n-th change to the file system. */
const writer = `
import { FileSystems } from '${built}/file-systems.js';
import { LocalFileSystem } from '${built}/local-file-system.js';
import { OutputCommitter } from '${built}/output-committer.js';
import { createPartWriter } from '${built}/part-writer.js';
const [uri, mode, actionId, killAt] = process.argv.slice(1);
let changes = 0;
const changing = ['openWrite', 'makeDirectory', 'rename', 'link', 'delete', 'deleteIfEmpty'];
const system = new Proxy(new LocalFileSystem(), {
  get(target, name) {
    const value = target[name];
    if (typeof value !== 'function') return value;
    return (...args) => {
      if (changing.includes(name) && ++changes === Number(killAt)) process.kill(process.pid, 'SIGKILL');
      return value.apply(target, args);
    };
  },
});
const settings = { fileSystems: new FileSystems([system]) };
const committer = new OutputCommitter({ format: 'text', uri, mode, options: {} }, actionId, settings);
const staging = committer.begin();
const parts = [0, 1].map((partition) => {
  const part = createPartWriter(staging, partition, 0, settings);
  part.write(['new ' + partition]);
  return part.finish();
});
committer.commit(parts);
`;

function save(path: string, mode: OutputMode, rows: string[], actionId: string): void {
  const committer = new OutputCommitter({ format: 'text', uri: toUri(path), mode, options: {} }, actionId);
  const part = createPartWriter(committer.begin(), 0, 0);
  part.write(rows);
  committer.commit([part.finish()]);
}

const rowsIn = (path: string): unknown[] =>
  (readRows({ format: 'text', paths: [path], options: {} }) as string[]).toSorted();

describe('a writer that is killed', () => {
  it.each<[OutputMode, string[]]>([
    ['error', ['new 0', 'new 1']],
    ['overwrite', ['new 0', 'new 1']],
    ['append', ['new 0', 'new 1', 'old']],
  ])('leaves the old output or the new one, at every step of mode %s', (mode, complete) => {
    const seen = new Set<string>();
    for (let step = 1; ; step++) {
      expect(step).toBeLessThan(60);
      const path = join(directory, `${mode}${step}`);
      if (mode !== 'error') save(path, 'error', ['old'], 'before');
      const run = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', writer, toUri(path), mode, 'killed', String(step)],
        { encoding: 'utf8' },
      );
      expect(run.stderr).toBe('');
      const isKilled = run.signal === 'SIGKILL';
      // Reading mends a commit that was cut off between its renames.
      const before = mode === 'error' ? 'nothing' : '["old"]';
      let found: string;
      try {
        found = JSON.stringify(rowsIn(path));
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR_NOT_FOUND' });
        expect(existsSync(path)).toBe(false);
        found = 'nothing';
      }
      expect([before, JSON.stringify(complete)]).toContain(found);
      seen.add(found);
      // The next write works, and removes what the killed one left.
      save(path, 'overwrite', ['next'], 'after');
      expect(rowsIn(path)).toEqual(['next']);
      expect(readdirSync(path).sort()).toEqual(['_SUCCESS', 'part-00000']);
      expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
      if (!isKilled) break;
    }
    expect(seen.size).toBe(2);
  });

  it('does not take the staging of a writer that is alive for an orphan', () => {
    const path = join(directory, 'alive');
    const slow = new OutputCommitter({ format: 'text', uri: toUri(path), mode: 'overwrite', options: {} }, 'slow');
    const part = createPartWriter(slow.begin(), 0, 0);
    part.write(['slow']);
    save(path, 'overwrite', ['quick'], 'quick');
    expect(rowsIn(path)).toEqual(['quick']);
    slow.commit([part.finish()]);
    expect(rowsIn(path)).toEqual(['slow']);
  });
});
