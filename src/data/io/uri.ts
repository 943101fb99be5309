import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MillraceError } from '../../base/errors.ts';

const schemePattern = /^([a-z][a-z0-9+.-]+):\/\//i;

/** The scheme of a URI in lower case, or undefined for a bare path (a Windows drive letter is no scheme). */
export function schemeOf(pathOrUri: string): string | undefined {
  if (/^file:/i.test(pathOrUri)) return 'file';
  return schemePattern.exec(pathOrUri)?.[1]?.toLowerCase();
}

/**
 * What a user writes (a path, relative or absolute, or a URI) as the URI that plans hold.
 * Relative paths are resolved against the working directory now, so that a worker elsewhere reads the same file.
 */
export function toUri(pathOrUri: string): string {
  if (pathOrUri === '')
    throw new MillraceError(
      'MR_OPTION_INVALID',
      'a path is empty. Give a path, a glob or a URI such as s3://bucket/key.',
    );
  const scheme = schemeOf(pathOrUri);
  if (scheme === undefined) return withoutTrailingSlash(pathToFileURL(resolve(pathOrUri)).href);
  if (scheme === 'file') return withoutTrailingSlash(pathToFileURL(filePath(pathOrUri)).href);
  return withoutTrailingSlash(pathOrUri);
}

/** The local path of a file: URI. Spark's `file:/a/b` is understood as well. */
export function filePath(uri: string): string {
  const path = fileURLToPath(/^file:\/\//i.test(uri) ? uri : uri.replace(/^file:\/*/i, 'file:///'));
  if (!isAbsolute(path)) throw new MillraceError('MR_OPTION_INVALID', `"${uri}" is not an absolute file: URI.`);
  return path;
}

/** How messages and rows name a URI: the plain path for local files, the URI (without credentials or query) for others. */
export function describeUri(uri: string): string {
  if (schemeOf(uri) === 'file') return filePath(uri);
  return uri.replace(/^([a-z0-9+.-]+:\/\/)[^/@]*@/i, '$1').replace(/^(https?:[^?#]*)[?#].*$/i, '$1');
}

/** `directory` plus a relative path whose segments are plain names; escaped for file: and https: URIs. */
export function joinUri(directory: string, relative: string): string {
  const names = relative.split('/').filter((name) => name !== '');
  const escaped = isEscaped(directory) ? names.map(escapeName) : names;
  return [withoutTrailingSlash(directory), ...escaped].join('/');
}

/** The last segment of a URI as a plain name. */
export function nameOf(uri: string): string {
  const path = /^https?:/i.test(uri) ? uri.replace(/[?#].*$/s, '') : uri;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return isEscaped(uri) ? decodeURIComponent(name) : name;
}

/** The URI of the directory that holds `uri`. */
export function parentOf(uri: string): string {
  const path = withoutTrailingSlash(uri);
  const slash = path.lastIndexOf('/');
  const root = path.indexOf('://') + 3;
  return slash < root ? path : slash === root ? path.slice(0, slash + 1) : path.slice(0, slash);
}

function withoutTrailingSlash(uri: string): string {
  const root = uri.indexOf('://') + 3;
  let end = uri.length;
  while (end > root + 1 && uri.endsWith('/', end)) end--;
  return uri.slice(0, end);
}

function isEscaped(uri: string): boolean {
  const scheme = schemeOf(uri);
  return scheme === 'file' || scheme === 'https' || scheme === 'http';
}

/** As `pathToFileURL` escapes, so that both ways of making a URI give the same text. */
function escapeName(name: string): string {
  return pathToFileURL(`/${name}`).href.slice('file:///'.length);
}
