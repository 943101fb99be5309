import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isOwnerDead, newOwner } from '../../../src/jobs/runtime/owner-identity.ts';

/** The name of an owner with some of its parts changed: boot, pid namespace, pid, start time. */
function changed(parts: Readonly<Record<number, string>>): string {
  return newOwner()
    .split('|')
    .map((part, at) => parts[at] ?? part)
    .join('|');
}

describe('owners', () => {
  it('ST-23: this process lives, one that has ended does not', async () => {
    expect(isOwnerDead(newOwner())).toBe(false);
    const child = spawn(process.execPath, ['-e', '']);
    const pid = String(child.pid);
    await once(child, 'exit');
    expect(isOwnerDead(changed({ 2: pid }))).toBe(true);
  });

  it('ST-23: another process that was given the number of one that has ended is not taken for it', () => {
    expect(isOwnerDead(changed({ 3: '1' }))).toBe(true);
  });

  it('ST-23: on another machine, in another container, or where it cannot be told, the lease decides', () => {
    for (const parts of [{ 0: 'other' }, { 1: 'pid:[1]' }, { 0: '-' }, { 1: '-' }, { 3: '-' }]) {
      expect(isOwnerDead(changed({ 2: '999999999', ...parts }))).toBe(false);
    }
    expect(isOwnerDead('')).toBe(false);
  });

  it('gives each operator a name of its own', () => {
    expect(newOwner()).not.toBe(newOwner());
    expect(newOwner().length).toBeLessThanOrEqual(255);
  });
});
