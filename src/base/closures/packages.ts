import { existsSync, realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { scriptPath } from '../source-position.ts';

/**
 * Whether a worker can import `specifier` as `base` did: a module of Node, or a package installed under a
 * `node_modules`. A linked package of the user's own repository is not one: like the user's own files it may need a
 * loader (tsx) that workers do not have, and travels by its source.
 */
export class PackageResolver {
  readonly #known = new Map<string, boolean>();

  isPackage(specifier: string, base: string): boolean {
    if (isBuiltin(specifier)) return true;
    const absolute = absolutePath(specifier);
    if (absolute !== undefined) return isInNodeModules(absolute);
    if (/^[.#]/.test(specifier) || /^[a-z]+:/i.test(specifier) || base === '') return false;
    const directory = dirname(scriptPath(base));
    const name = packageName(specifier);
    const key = `${name}\0${directory}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = isInstalled(name, directory);
    this.#known.set(key, found);
    return found;
  }
}

/**
 * What Node would call a module that `base` imports. Vite names files outside its root `/@fs/path`, and packages that it loads itself by
 * a path from its root, `/node_modules/...`: the root is the folder above `base` where that file is.
 */
export function plainSpecifier(specifier: string, base: string): string {
  if (specifier.startsWith('/@fs/')) return specifier.slice('/@fs'.length);
  if (!specifier.startsWith('/node_modules/') || existsSync(specifier)) return specifier;
  for (let directory = dirname(scriptPath(base)); ; directory = dirname(directory)) {
    const file = join(directory, specifier);
    if (existsSync(file)) return file;
    if (directory === dirname(directory)) return specifier;
  }
}

export function isInNodeModules(file: string): boolean {
  return /[\\/]node_modules[\\/]/.test(file);
}

function absolutePath(specifier: string): string | undefined {
  if (specifier.startsWith('file:')) return scriptPath(specifier);
  return specifier.startsWith('/') ? specifier : undefined;
}

/** `@scope/name/deep/file.js` is in package `@scope/name`. */
function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function isInstalled(name: string, from: string): boolean {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name);
    if (existsSync(candidate)) return isInNodeModules(realpathSync(candidate));
    if (directory === dirname(directory)) return false;
  }
}
