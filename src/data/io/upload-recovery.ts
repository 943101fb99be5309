import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../base/errors.ts';
import type { FileSystem, UploadStore } from './file-system.ts';
import { type ProcessOwner, thisProcess } from './process-owner.ts';
import {
  lockName,
  markerUri,
  nameMark,
  readJson,
  readMarkers,
  successOf,
  type UploadMarker,
} from './upload-markers.ts';
import { describeUri, joinUri } from './uri.ts';
import { isGone } from './writer-pulse.ts';

/** A store without renames. */
export interface UploadingSystem {
  readonly system: FileSystem;
  readonly uploads: UploadStore;
}

const lockTimeoutMs = 60_000;
const pollMs = 50;

/**
 * Runs `body` while no other process begins, commits or clears up on this output. The lock is an object that only one can put; that
 * of a process that died is taken away.
 */
export function withUploadLock<T>(output: string, { system, uploads }: UploadingSystem, body: () => T): T {
  const lock = markerUri(output, lockName);
  const giveUpAt = Date.now() + lockTimeoutMs;
  const content = Buffer.from(JSON.stringify({ ...thisProcess(), signedMs: Date.now(), token: randomUUID() }));
  while (!uploads.putIfAbsent(lock, content)) {
    const entry = system.stat(lock);
    const holder =
      entry?.kind === 'file' ? readJson<ProcessOwner & { signedMs: number }>(entry.status, system) : undefined;
    if (holder !== undefined && isGone(holder, holder.signedMs)) system.delete(lock);
    else if (Date.now() > giveUpAt)
      throw new MillraceError(
        'MR_IO',
        `${describeUri(output)}: another process has been committing to it for ${lockTimeoutMs / 1000} s. Delete ${describeUri(lock)} if no such process runs.`,
      );
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
  }
  try {
    return body();
  } finally {
    system.delete(lock);
  }
}

/** Brings an action to its end: what was committed is cleared up, what was not disappears. Call it with the lock held. */
export function settleAction(
  output: string,
  { actionId, phase, replaces }: Pick<UploadMarker, 'actionId' | 'phase' | 'replaces'>,
  { system, uploads }: UploadingSystem,
): void {
  const success = joinUri(output, '_SUCCESS');
  const isOwn = (uri: string): boolean => uri.includes(nameMark(actionId));
  if (phase === 'committed') {
    for (const file of replaces) system.delete(file);
    const file = system.openWrite(success);
    file.write(Buffer.from(`${JSON.stringify({ actionId })}\n`));
    file.finish();
    // Attempts that were not taken may have left uploads.
    uploads.abortMatching(output, isOwn);
  } else {
    uploads.abortMatching(output, isOwn);
    for (const { uri } of system.listRecursive(output)) if (isOwn(uri)) system.delete(uri);
    if (successOf(output, system) === actionId) system.delete(success);
  }
  system.delete(markerUri(output, actionId));
}

/** The markers of writers that are gone. */
export function deadActions(
  output: string,
  { system }: UploadingSystem,
  abandonedAfterMs?: number,
): readonly UploadMarker[] {
  return readMarkers(output, system).filter(({ owner, signedMs }) => isGone(owner, signedMs, abandonedAfterMs));
}
