import { MillraceError } from '../../base/errors.ts';
import type { DirectoryEntry, FileStatus, FileSystem } from './file-system.ts';
import { mendAbove, mendWithin } from './output-recovery.ts';
import { isHiddenBy, markerDirectory, type OutputState, outputsOf, stateOf, versionOf } from './upload-markers.ts';

/** What a listing asks of a store. */
export type ListedSystem = Pick<FileSystem, 'list' | 'stat' | 'isReadOnly'>;

/** A listing that never stands still is one of an output that is replaced all the time. */
const maxTries = 50;
const pauseMs = 10;

/**
 * The files that `find` lists, as of one moment. Looking at several directories, and at their files one by one, takes a while in which
 * a writer may replace the output: then the files would be some of the old and some of the new. So the listing is repeated until it
 * is known that nothing was committed while it was made.
 */
export function stableListing(
  system: FileSystem,
  find: (listed: ListedSystem) => readonly FileStatus[],
): readonly FileStatus[] {
  return system.uploads === undefined ? renamedListing(system, find) : markedListing(system, find);
}

/**
 * Stores that rename: an output that was replaced is another directory. One whose commit was cut off has no name; it gets it back here,
 * whether it is asked for itself, or for something in it, or comes up in a listing.
 */
function renamedListing(
  system: FileSystem,
  find: (listed: ListedSystem) => readonly FileStatus[],
): readonly FileStatus[] {
  for (let attempt = 1; ; attempt++) {
    const seen = new Map<string, string | undefined>();
    const isUnchanged = (): boolean =>
      [...seen].every(([directory, identity]) => system.directoryIdentity?.(directory) === identity);
    const listed: ListedSystem = {
      isReadOnly: system.isReadOnly,
      stat: (uri) => {
        const entry = system.stat(uri);
        if (entry !== undefined || !system.hasAtomicRename) return entry;
        mendAbove(uri, system);
        return system.stat(uri);
      },
      list: (directory) => {
        if (!seen.has(directory)) seen.set(directory, system.directoryIdentity?.(directory));
        const entries = system.list(directory);
        return system.hasAtomicRename && mendWithin(directory, entries, system) ? system.list(directory) : entries;
      },
    };
    try {
      const files = find(listed);
      if (isUnchanged() || attempt === maxTries) return files;
    } catch (error) {
      // Between the two renames of a commit the output has no name.
      if (!(error instanceof MillraceError) || error.code !== 'MR_NOT_FOUND' || isUnchanged() || attempt === maxTries)
        throw error;
    }
    pause();
  }
}

/** Stores with uploads: markers say which files count, and `_SUCCESS` is put anew by every commit. */
function markedListing(
  system: FileSystem,
  find: (listed: ListedSystem) => readonly FileStatus[],
): readonly FileStatus[] {
  let before: ReadonlyMap<string, OutputState> | undefined;
  for (let attempt = 1; ; attempt++) {
    const successes = new Map<string, string | undefined>();
    const unmarked = new Set<string>();
    const files = find({
      isReadOnly: system.isReadOnly,
      stat: (uri) => system.stat(uri),
      list: (directory) => {
        const entries = system.list(directory);
        successes.set(directory, successIn(entries));
        if (!entries.some(({ name }) => name === markerDirectory || name === '_SUCCESS')) unmarked.add(directory);
        return entries;
      },
    });
    // A partition directory may be an output of its own: then its listing shows so.
    const outputs = new Set(
      files.flatMap(({ uri }) => outputsOf(uri).filter((output, above) => above === 0 || !unmarked.has(output))),
    );
    const states = new Map([...outputs].map((output) => [output, stateOf(output, system)]));
    const isQuiet = [...states].every(
      ([output, { markers, success }]) =>
        markers.length === 0 && (!successes.has(output) || successes.get(output) === success),
    );
    if (isQuiet || isSame(before, states) || attempt === maxTries)
      return files.filter(
        ({ uri }) => !outputsOf(uri).some((output) => isHiddenBy(states.get(output)?.markers ?? [], uri)),
      );
    before = states;
  }
}

function successIn(entries: readonly DirectoryEntry[]): string | undefined {
  const found = entries.find(({ name }) => name === '_SUCCESS');
  return found?.kind === 'file' ? versionOf(found.status) : undefined;
}

function isSame(a: ReadonlyMap<string, OutputState> | undefined, b: ReadonlyMap<string, OutputState>): boolean {
  return a !== undefined && JSON.stringify([...a]) === JSON.stringify([...b]);
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
}
