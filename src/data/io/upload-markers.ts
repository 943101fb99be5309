import type { FileStatus, FileSystem } from './file-system.ts';
import { partitionPair } from './hive-partitions.ts';
import type { ProcessOwner } from './process-owner.ts';
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
  /** When the writer last said that it is alive. */
  readonly signedMs: number;
  /** URIs of the files that a committed action replaces. */
  readonly replaces: readonly string[];
}

export const markerDirectory = '_millrace';
export const lockName = 'lock';
export function markerUri(output: string, name: string): string {
  return joinUri(output, `${markerDirectory}/${name}`);
}

export function writeMarker(output: string, marker: UploadMarker, system: FileSystem): void {
  const file = system.openWrite(markerUri(output, marker.actionId));
  file.write(Buffer.from(JSON.stringify(marker)));
  file.finish();
}

export function readMarkers(output: string, system: FileSystem): readonly UploadMarker[] {
  return system
    .listRecursive(joinUri(output, markerDirectory))
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

/** How an output stood at some moment: its markers and its `_SUCCESS`. Two that are equal mean that nothing was committed between. */
export interface OutputState {
  readonly markers: readonly UploadMarker[];
  readonly success: string | undefined;
}

export function stateOf(output: string, system: FileSystem): OutputState {
  const markers = readMarkers(output, system);
  const entry = system.stat(joinUri(output, '_SUCCESS'));
  return { markers, success: entry?.kind === 'file' ? versionOf(entry.status) : undefined };
}

export function versionOf({ version, modifiedMs }: FileStatus): string {
  return version ?? String(modifiedMs);
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

/** The directories that may be the output which a file belongs to: the first above it that is no partition, then the partitions. */
export function outputsOf(uri: string): readonly string[] {
  const directories = [parentOf(uri)];
  for (let [at = ''] = directories; partitionPair(nameOf(at)) !== undefined; [at = ''] = directories)
    directories.unshift(parentOf(at));
  return directories;
}
