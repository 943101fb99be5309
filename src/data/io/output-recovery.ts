import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { MillraceError } from '../../base/errors.ts';
import type { DirectoryEntry, FileSystem } from './file-system.ts';
import { isAlive, type ProcessOwner, thisProcess } from './process-owner.ts';
import { describeUri, joinUri, nameOf, parentOf } from './uri.ts';
import { isGone } from './writer-pulse.ts';

/**
 * Beside an output `out` stands, while something is being written to it, the hidden directory `.out.millrace`:
 *
 *     .out.millrace/<action id>/owner        who writes: process and host
 *     .out.millrace/<action id>/attempts/    what the attempts write
 *     .out.millrace/<action id>/new/         the complete new output, put together at the commit
 *     .out.millrace/<action id>/old/         the output that is being replaced
 *     .out.millrace/lock/owner               who is committing
 *
 * A commit renames `out` to `old` and then `new` to `out`. Between the two, `out` is missing and `old` is there: that is
 * how the next one who looks knows that a process died there, and finishes the commit.
 */
export function stagingDirectory(output: string): string {
  return joinUri(parentOf(output), `.${nameOf(output)}.millrace`);
}

/** The name of the output beside which a directory of this name stands, if it is such a directory. */
export function outputOfStaging(name: string): string | undefined {
  return /^\.(.+)\.millrace$/.exec(name)?.[1];
}

export const stagingNames = {
  owner: 'owner',
  attempts: 'attempts',
  complete: 'new',
  replaced: 'old',
  lock: 'lock',
} as const;

/** Held while an output is renamed; other processes wait for it. */
const lockTimeoutMs = 30_000;
const pollMs = 5;

/**
 * Runs `body` while no other process commits to this output or mends it. The lock is a directory that gets its name by a
 * rename, so it is never seen without its owner; the lock of a process that died is taken away.
 */
export function withOutputLock<T>(output: string, system: FileSystem, body: () => T): T {
  const staging = stagingDirectory(output);
  const lock = joinUri(staging, stagingNames.lock);
  const own = joinUri(staging, `${stagingNames.lock}-${process.pid}-${threadId}-${hostname()}`);
  const giveUpAt = Date.now() + lockTimeoutMs;
  writeOwner(own, system);
  while (!tryRename(own, lock, system)) {
    if (isOrphan(lock, system)) {
      const dead = `${own}-dead`;
      if (tryRename(lock, dead, system)) system.delete(dead);
    } else if (Date.now() > giveUpAt) {
      system.delete(own);
      throw new MillraceError(
        'MR_IO',
        `${describeUri(output)}: another process has been committing to it for ${lockTimeoutMs / 1000} s (${describeUri(lock)}). Remove that directory if no such process runs.`,
      );
    } else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
  }
  try {
    return body();
  } finally {
    system.rename(lock, own);
    system.delete(own);
    system.deleteIfEmpty(staging);
  }
}

/** False when the target is taken or the source is gone; what else can go wrong is thrown. */
function tryRename(from: string, to: string, system: FileSystem): boolean {
  try {
    system.rename(from, to);
    return true;
  } catch (error) {
    if (system.stat(from) !== undefined && system.stat(to) === undefined) throw error;
    return false;
  }
}

/** Whether a commit to this output was cut off between its two renames. */
export function isCommitInterrupted(output: string, system: FileSystem): boolean {
  return system.stat(output) === undefined && interruptedCommit(output, system) !== undefined;
}

/** Finishes a commit that was cut off between its two renames. Call it with the lock held. */
export function finishInterruptedCommit(output: string, system: FileSystem): void {
  if (system.stat(output) !== undefined) return;
  const action = interruptedCommit(output, system);
  if (action !== undefined) system.rename(joinUri(action, stagingNames.complete), output);
}

/** Finishes a commit that was cut off, of `uri` or of the output that it lies in; waits for one that is under way. */
export function mendAbove(uri: string, system: FileSystem): void {
  for (let at = uri; system.stat(at) === undefined && parentOf(at) !== at; at = parentOf(at)) mendOutput(at, system);
}

/** The same for outputs that lie directly in a directory and are not among its entries. @returns whether one is there now */
export function mendWithin(directory: string, entries: readonly DirectoryEntry[], system: FileSystem): boolean {
  const missing = entries.flatMap(({ name }) => {
    const output = outputOfStaging(name);
    return output === undefined || entries.some((entry) => entry.name === output) ? [] : [joinUri(directory, output)];
  });
  for (const output of missing) mendOutput(output, system);
  return missing.some((output) => system.stat(output) !== undefined);
}

function mendOutput(output: string, system: FileSystem): void {
  if (isCommitInterrupted(output, system))
    withOutputLock(output, system, () => finishInterruptedCommit(output, system));
}

/** What writers that are gone left behind: directories of actions and of locks. Call it with the lock held, after finishInterruptedCommit. */
export function orphans(output: string, system: FileSystem, abandonedAfterMs?: number): readonly string[] {
  const staging = stagingDirectory(output);
  if (system.stat(staging) === undefined) return [];
  const locks = system.list(staging).flatMap(({ name }) => {
    // Who prepared a lock and died has perhaps not written its owner yet, so the name tells.
    const [, pid, host] = /^lock-(\d+)-\d+-(.*?)(?:-dead)?$/.exec(name) ?? [];
    return pid !== undefined && !isAlive({ pid: Number(pid), host: host ?? '' }) ? [joinUri(staging, name)] : [];
  });
  return [...actions(output, system).filter((action) => isOrphan(action, system, abandonedAfterMs)), ...locks];
}

/** Removes the staging directory of one action, and the hidden directory itself when it was the last. */
export function removeStaging(output: string, actionId: string, system: FileSystem): void {
  const staging = stagingDirectory(output);
  system.delete(joinUri(staging, actionId));
  system.deleteIfEmpty(staging);
}

export function writeOwner(directory: string, system: FileSystem): void {
  const file = system.openWrite(joinUri(directory, stagingNames.owner));
  file.write(Buffer.from(JSON.stringify(thisProcess())));
  file.finish();
}

function actions(output: string, system: FileSystem): readonly string[] {
  const staging = stagingDirectory(output);
  if (system.stat(staging) === undefined) return [];
  return system
    .list(staging)
    .flatMap((entry) => (entry.kind === 'directory' && !entry.name.startsWith(stagingNames.lock) ? [entry.uri] : []));
}

function interruptedCommit(output: string, system: FileSystem): string | undefined {
  return actions(output, system).find(
    (action) =>
      system.stat(joinUri(action, stagingNames.replaced)) !== undefined &&
      system.stat(joinUri(action, stagingNames.complete)) !== undefined,
  );
}

/** Whether the writer that holds a directory is gone. What has no owner was cut off before it was written. */
function isOrphan(directory: string, system: FileSystem, abandonedAfterMs?: number): boolean {
  const uri = joinUri(directory, stagingNames.owner);
  const entry = system.stat(uri);
  if (entry?.kind !== 'file') return true;
  const file = system.openRead(uri);
  try {
    const bytes = Buffer.alloc(file.sizeBytes);
    file.readInto(bytes, 0);
    const text = bytes.toString();
    if (!text.endsWith('}')) return true;
    return isGone(JSON.parse(text) as ProcessOwner, entry.status.modifiedMs, abandonedAfterMs);
  } finally {
    file.close();
  }
}
