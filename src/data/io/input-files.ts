import { isAbsolute, join, normalize } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import type { DirectoryEntry, FileStatus, FileSystem } from './file-system.ts';
import type { FileSystems } from './file-systems.ts';
import { compileGlob, type GlobSegment, hasGlob, isHidden } from './glob.ts';
import { partitionPair } from './hive-partitions.ts';
import { type ListedSystem, stableListing } from './stable-listing.ts';
import { isSuccessCommitted } from './upload-markers.ts';
import { describeUri, filePath, joinUri, schemeOf, toUri } from './uri.ts';

/**
 * The files that paths, globs, directories and URIs stand for, each once, in the order of the paths and then by name.
 *
 * A directory means the files directly in it and those in its Hive partition directories (`name=value`), at any depth;
 * other directories inside it are left alone, as in Spark. Hidden names (`.x`, `_x`) are left out unless they are named
 * outright. A path that exists under exactly that name is that file, even if it looks like a glob; one that names nothing
 * is a list of paths with commas between them, as in Spark.
 *
 * @throws {MillraceError} MR_NOT_FOUND when a path names nothing, or a directory or pattern has no file
 */
export function listInputFiles(paths: readonly string[], fileSystems: FileSystems): readonly FileStatus[] {
  if (paths.length === 0)
    throw new MillraceError(
      'MR_OPTION_INVALID',
      'no path was given. Give a path, a glob, a directory or a list of them.',
    );
  const found = new Map<string, FileStatus>();
  for (const path of paths)
    for (const file of filesOf(path, fileSystems)) if (!found.has(file.uri)) found.set(file.uri, file);
  return [...found.values()];
}

/**
 * The files that have come to the paths and those that have gone since they were `listed`. Not looked for where every path is one file.
 */
export function listingChange(
  paths: readonly string[],
  listed: readonly string[],
  fileSystems: FileSystems,
): { readonly added: readonly string[]; readonly removed: readonly string[] } {
  const before = new Set(listed);
  if (paths.every((path) => !hasGlob(path) && before.has(toUri(path)))) return { added: [], removed: [] };
  const now = new Set(listInputFiles(paths, fileSystems).map(({ uri }) => uri));
  return {
    added: [...now].filter((uri) => !before.has(uri)).map(describeUri),
    removed: listed.filter((uri) => !now.has(uri)).map(describeUri),
  };
}

function filesOf(path: string, fileSystems: FileSystems): readonly FileStatus[] {
  const isGlob = hasGlob(path);
  const uri = isGlob && schemeOf(path) !== undefined ? path : toUri(path);
  const system = fileSystems.of(uri);
  let matches: readonly DirectoryEntry[] = [];
  const files = stableListing(system, (listed) => {
    const entry = listed.stat(uri);
    matches = entry !== undefined ? [entry] : isGlob ? expandGlob(path, listed) : [];
    return matches.flatMap((match) => (match.kind === 'file' ? [match.status] : filesIn(match.uri, listed)));
  });
  if (files.length > 0 || matches.some((match) => match.kind === 'directory' && isEmptyOutput(match.uri, system)))
    return files;
  const parts = matches.length > 0 ? [path] : pathsIn(path);
  if (parts.length > 1) return parts.flatMap((part) => filesOf(part, fileSystems));
  const shown = isGlob ? path : describeUri(uri);
  const details = { path: shown };
  if (matches.length > 0)
    throw new MillraceError(
      'MR_NOT_FOUND',
      `${shown} holds no file to read. Names that begin with "." or "_" are left out, and so are directories inside it that are not named like year=2026.`,
      { details },
    );
  if (isGlob) throw new MillraceError('MR_NOT_FOUND', `no file matches "${shown}".`, { details });
  throw new MillraceError('MR_NOT_FOUND', `${shown} does not exist. Relative paths start at the working directory.`, {
    details,
  });
}

/** The paths of a list such as `a.txt,b/{1,2}.txt`: cut at commas outside of braces. */
function pathsIn(path: string): readonly string[] {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  for (let at = 0; at < path.length; at++) {
    const char = path[at];
    if (char === '\\') at++;
    else if (char === '{') depth++;
    else if (char === '}') depth--;
    else if (char === ',' && depth <= 0) {
      parts.push(path.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, path.slice(from)];
}

/** Saving an RDD without partitions leaves only the marker: no files, but no mistake either. */
function isEmptyOutput(directory: string, system: FileSystem): boolean {
  return (
    system.list(directory).some(({ name }) => name === '_SUCCESS') &&
    (system.uploads === undefined || isSuccessCommitted(directory, system))
  );
}

function filesIn(directory: string, system: ListedSystem): readonly FileStatus[] {
  return system.list(directory).flatMap((entry) => {
    if (isHidden(entry.name)) return [];
    if (entry.kind === 'file') return [entry.status];
    return partitionPair(entry.name) === undefined ? [] : filesIn(entry.uri, system);
  });
}

/** Walks only the directories that the glob can reach: literal segments cost no listing. */
function expandGlob(path: string, system: ListedSystem): readonly DirectoryEntry[] {
  const { root, pattern } = splitRoot(path);
  if (system.isReadOnly) return system.list(path);
  const found = new Map<string, DirectoryEntry>();
  for (const segments of compileGlob(pattern))
    for (const entry of walk(root, segments, system)) {
      const shown = describeUri(entry.kind === 'file' ? entry.status.uri : entry.uri);
      if (!found.has(shown)) found.set(shown, entry);
    }
  return [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, entry]) => entry);
}

/** The URI that a glob starts from and the rest of it, in plain (unescaped) names. */
function splitRoot(path: string): { readonly root: string; readonly pattern: string } {
  const scheme = schemeOf(path);
  if (scheme === undefined) {
    const directory = process.cwd().replace(/[*?{}[\]\\]/g, '\\$&');
    return { root: 'file:///', pattern: isAbsolute(path) ? normalize(path) : join(directory, path) };
  }
  if (scheme === 'file')
    return { root: 'file:///', pattern: filePath(path.replaceAll('?', '%3F').replaceAll('\\', '%5C')) };
  const parts = /^([^:]+:\/\/[^/]*)(.*)$/s.exec(path);
  return { root: parts?.[1] ?? path, pattern: parts?.[2] ?? '' };
}

function walk(from: string, segments: readonly GlobSegment[], system: ListedSystem): readonly DirectoryEntry[] {
  let literals = 0;
  while (segments[literals]?.kind === 'literal') literals++;
  const names = segments.slice(0, literals).map((segment) => (segment.kind === 'literal' ? segment.name : ''));
  const base = joinUri(from, names.join('/'));
  const next = segments[literals];
  const here = system.stat(base);
  if (next === undefined) return here === undefined ? [] : [here];
  if (here?.kind !== 'directory') return [];
  const rest = segments.slice(literals + 1);
  const entries = system.list(base);
  if (next.kind === 'name')
    return entries
      .filter(({ name }) => next.pattern.test(name) && (next.matchesHidden || !isHidden(name)))
      .flatMap((entry) => follow(entry, rest, system));
  // `**` is no directory at all, or any visible one and then `**` again. At the end it means every file below.
  const deeper = entries
    .filter(({ name }) => !isHidden(name))
    .flatMap((entry) => (entry.kind === 'directory' ? walk(entry.uri, segments.slice(literals), system) : []));
  if (rest.length > 0) return [...walk(base, rest, system), ...deeper];
  return [...entries.filter((entry) => entry.kind === 'file' && !isHidden(entry.name)), ...deeper];
}

function follow(entry: DirectoryEntry, rest: readonly GlobSegment[], system: ListedSystem): readonly DirectoryEntry[] {
  if (rest.length === 0) return [entry];
  return entry.kind === 'directory' ? walk(entry.uri, rest, system) : [];
}
