import type { FileStatus, FileSystem } from './file-system.ts';
import { partitionPair } from './hive-partitions.ts';
import { isAlive, type ProcessOwner } from './process-owner.ts';
import { joinUri, nameOf, parentOf } from './uri.ts';

/**
 * While an action writes to an output on a store without renames, `_millrace/<action id>` below the output says how far
 * it is, and readers go by that:
 *
 *  - writing, completing: files whose name carries the action's id are not there yet;
 *  - committed: they are, and the files that they replace are not any more. Putting this marker is the commit.
 *
 * When the replaced files are deleted and `_SUCCESS` is put, the marker goes.
 */
export interface UploadMarker {
  readonly actionId: string;
  readonly phase: 'writing' | 'completing' | 'committed';
  readonly owner: ProcessOwner;
  readonly startedMs: number;
  /** URIs of the files that a committed action replaces. */
  readonly replaces: readonly string[];
}

const directoryName = '_millrace';
export const lockName = 'lock';
/** After so long an action of another host, which cannot be asked, counts as dead. */
const abandonedAfterMs = 24 * 3_600_000;

export function markerUri(output: string, name: string): string {
  return joinUri(output, `${directoryName}/${name}`);
}

export function writeMarker(output: string, marker: UploadMarker, system: FileSystem): void {
  const file = system.openWrite(markerUri(output, marker.actionId));
  file.write(Buffer.from(JSON.stringify(marker)));
  file.finish();
}

export function readMarkers(output: string, system: FileSystem): readonly UploadMarker[] {
  return system
    .listRecursive(joinUri(output, directoryName))
    .filter(({ uri }) => nameOf(uri) !== lockName)
    .flatMap((status) => readJson<UploadMarker>(status, system) ?? []);
}

/** Undefined when it is none of ours, as Spark's empty `_SUCCESS`, or was deleted since it was listed. */
export function readJson<T>(status: FileStatus, system: FileSystem): T | undefined {
  if (system.stat(status.uri) === undefined) return undefined;
  const file = system.openRead(status.uri);
  try {
    const bytes = Buffer.alloc(file.sizeBytes);
    file.readInto(bytes, 0);
    const text = bytes.toString();
    return text.startsWith('{') ? (JSON.parse(text) as T) : undefined;
  } finally {
    file.close();
  }
}

export function isDead(owner: ProcessOwner, startedMs: number): boolean {
  return !isAlive(owner) || Date.now() - startedMs > abandonedAfterMs;
}

/** What the name of a file that this action writes contains. */
export function nameMark(actionId: string): string {
  return `-${actionId}`;
}

export function isHiddenBy(markers: readonly UploadMarker[], uri: string): boolean {
  const name = nameOf(uri);
  return markers.some(({ phase, actionId, replaces }) =>
    phase === 'committed' ? replaces.includes(uri) : name.includes(nameMark(actionId)),
  );
}

/** Leaves out what is not committed yet, and what is replaced already. */
export function committedFiles(files: readonly FileStatus[], system: FileSystem): readonly FileStatus[] {
  const markers = new Map<string, readonly UploadMarker[]>();
  return files.filter(({ uri }) => {
    const output = outputOf(uri);
    let found = markers.get(output);
    if (found === undefined) {
      found = readMarkers(output, system);
      markers.set(output, found);
    }
    return !isHiddenBy(found, uri);
  });
}

/** The action whose `_SUCCESS` an output has, if any. */
export function successOf(output: string, system: FileSystem): string | undefined {
  const entry = system.stat(joinUri(output, '_SUCCESS'));
  return entry?.kind === 'file' ? readJson<{ readonly actionId?: string }>(entry.status, system)?.actionId : undefined;
}

/** The first writer puts `_SUCCESS` a moment before the marker that commits. */
export function isSuccessCommitted(output: string, system: FileSystem): boolean {
  const actionId = successOf(output, system);
  return !readMarkers(output, system).some((marker) => marker.phase !== 'committed' && marker.actionId === actionId);
}

/** The directory that would be the output which a file belongs to: the first above it that is no partition. */
function outputOf(uri: string): string {
  let directory = parentOf(uri);
  while (partitionPair(nameOf(directory)) !== undefined) directory = parentOf(directory);
  return directory;
}
