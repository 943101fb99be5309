import { MillraceError } from '../../base/errors.ts';
import type { DirectoryEntry, FileStatus, FileSystem } from './file-system.ts';
import { isHiddenBy, type OutputState, outputOf, stateOf, versionOf } from './upload-markers.ts';

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

/** Stores that rename: an output that was replaced is another directory. */
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
      stat: (uri) => system.stat(uri),
      list: (directory) => {
        if (!seen.has(directory)) seen.set(directory, system.directoryIdentity?.(directory));
        return system.list(directory);
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
    const files = find({
      isReadOnly: system.isReadOnly,
      stat: (uri) => system.stat(uri),
      list: (directory) => {
        const entries = system.list(directory);
        successes.set(directory, successIn(entries));
        return entries;
      },
    });
    const outputs = new Set(files.map(({ uri }) => outputOf(uri)));
    const states = new Map([...outputs].map((output) => [output, stateOf(output, system)]));
    const isQuiet = [...states].every(
      ([output, { markers, success }]) =>
        markers.length === 0 && (!successes.has(output) || successes.get(output) === success),
    );
    if (isQuiet || isSame(before, states) || attempt === maxTries)
      return files.filter(({ uri }) => !isHiddenBy(states.get(outputOf(uri))?.markers ?? [], uri));
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
