import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskFiles } from '../../../src/engine/storage/task-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'task-files-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const bytes = new Uint8Array(1000).fill(7);

/** Files of the folder that this process holds open, removed ones included. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(dir) ? [path] : [];
    } catch {
      return []; // the descriptor that the listing itself used
    }
  });
}

describe('TaskFiles', () => {
  it.each([
    ['succeeded', ['block']],
    ['failed', []],
  ] as const)('when the task has %s leaves %j and no open file', (status, left) => {
    const files = new TaskFiles((name) => join(dir, name));
    const spill = files.scratch();
    const extent = spill.append(bytes);
    expect(spill.read(extent)).toEqual(bytes);
    const kept = files.keep('block');
    kept.append(bytes);
    if (status === 'succeeded') kept.close();
    expect(openFiles().length).toBeGreaterThan(0);
    files.end(status);
    expect(readdirSync(dir)).toEqual(left);
    expect(openFiles()).toEqual([]);
    expect(files.scratchBytes).toBe(1000);
  });
});
