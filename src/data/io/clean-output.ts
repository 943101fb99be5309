import { MillraceError } from '../../base/errors.ts';
import type { FileSystem } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import {
  finishInterruptedCommit,
  isCommitInterrupted,
  orphans,
  outputOfStaging,
  stagingDirectory,
  withOutputLock,
} from './output-recovery.ts';
import { markerDirectory, markerUri, nameMark, readMarkers } from './upload-markers.ts';
import { deadActions, settleAction, type UploadingSystem, withUploadLock } from './upload-recovery.ts';
import { describeUri, joinUri, nameOf, parentOf, toUri } from './uri.ts';

export interface CleanSettings {
  readonly fileSystems: FileSystems;
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Writers of other hosts that have not signed for so long count as gone. Default a day. */
  readonly abandonedAfterMs?: number | undefined;
}

/** One thing that was done, or would be. */
export interface CleanedUp {
  readonly what: 'finished the commit' | 'removed' | 'aborted the upload';
  /** The path, or the URI, of what it was done to. */
  readonly path: string;
}

/**
 * Clears up what writers that died left behind at an output, or at all outputs in a directory: finishes a commit that was cut off
 * after its decision, removes what was staged and never committed, aborts uploads. What a living writer is using stays, and so does
 * everything that readers see.
 *
 * @throws {MillraceError} MR_NOT_FOUND when there is nothing of that name, not even something left behind
 */
export function cleanOutput(path: string, settings: CleanSettings): readonly CleanedUp[] {
  const uri = toUri(path);
  const system = settings.fileSystems.of(uri);
  if (system.isReadOnly)
    throw new MillraceError(
      'MR_UNSUPPORTED',
      `${describeUri(uri)}: nothing can be written there, so nothing was left.`,
    );
  const { uploads } = system;
  return uploads === undefined
    ? cleanRenamed(uri, system, settings)
    : cleanUploaded(uri, { system, uploads }, settings);
}

function cleanRenamed(uri: string, system: FileSystem, settings: CleanSettings): readonly CleanedUp[] {
  const beside = [uri].filter((output) => system.stat(stagingDirectory(output)) !== undefined);
  const entry = system.stat(uri);
  if (entry === undefined && beside.length === 0)
    throw new MillraceError('MR_NOT_FOUND', `${describeUri(uri)} does not exist, and nothing was left beside it.`);
  const outputs = [...beside, ...(entry?.kind === 'directory' ? outputsWithin(uri, system) : [])];
  return outputs.flatMap((output) => {
    if (settings.dryRun) return cleanOne(output, system, settings);
    return withOutputLock(output, system, () => cleanOne(output, system, settings));
  });
}

function cleanOne(
  output: string,
  system: FileSystem,
  { dryRun, abandonedAfterMs }: CleanSettings,
): readonly CleanedUp[] {
  const done: CleanedUp[] = [];
  if (isCommitInterrupted(output, system)) {
    if (!dryRun) finishInterruptedCommit(output, system);
    done.push({ what: 'finished the commit', path: describeUri(output) });
  }
  for (const orphan of orphans(output, system, abandonedAfterMs)) {
    if (!dryRun) system.delete(orphan);
    done.push({ what: 'removed', path: describeUri(orphan) });
  }
  return done;
}

/** The outputs below a directory beside which something is staged. */
function outputsWithin(directory: string, system: FileSystem): readonly string[] {
  return system.list(directory).flatMap((entry) => {
    if (entry.kind !== 'directory') return [];
    const name = outputOfStaging(entry.name);
    return name === undefined ? outputsWithin(entry.uri, system) : [joinUri(directory, name)];
  });
}

/** The name of a part file that is put by upload: part-00000_00003-<the action's id>.csv, or with maxFileSize part-00000-00003-<the action's id>.parquet. */
const uploadedPart = /^part-\d{5,}(?:[_-]\d{5,})?-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.|$)/;

function cleanUploaded(
  uri: string,
  store: UploadingSystem,
  { dryRun, abandonedAfterMs }: CleanSettings,
): readonly CleanedUp[] {
  const { system, uploads } = store;
  // Uploads before markers: a writer puts its marker first, so an upload without one has lost its writer.
  const pending = uploads.pending(uri);
  const found = system.listRecursive(uri);
  if (found.length === 0 && pending.length === 0)
    throw new MillraceError('MR_NOT_FOUND', `${describeUri(uri)} does not exist, and no upload was left there.`);
  const outputs = new Set(
    found
      .map(({ uri: file }) => parentOf(file))
      .filter((at) => nameOf(at) === markerDirectory)
      .map(parentOf),
  );
  const done: CleanedUp[] = [];
  for (const output of outputs) {
    const settle = (): void => {
      for (const marker of deadActions(output, store, abandonedAfterMs)) {
        done.push(
          marker.phase === 'committed'
            ? { what: 'finished the commit', path: describeUri(output) }
            : { what: 'removed', path: describeUri(markerUri(output, marker.actionId)) },
        );
        if (!dryRun) settleAction(output, marker, store);
      }
    };
    if (dryRun) settle();
    else withUploadLock(output, store, settle);
  }
  const living = [...outputs].flatMap((output) => readMarkers(output, system).map(({ actionId }) => actionId));
  const isLost = (file: string): boolean => {
    const [, actionId] = uploadedPart.exec(nameOf(file)) ?? [];
    return actionId !== undefined && pending.includes(file) && !living.some((id) => file.includes(nameMark(id)));
  };
  const lost = dryRun ? pending.filter(isLost) : uploads.abortMatching(uri, isLost);
  return [...done, ...lost.map((file) => ({ what: 'aborted the upload', path: describeUri(file) }) as const)];
}
