import { createRequire, isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';
import { MillraceError } from '../errors.ts';
import { scriptPath } from '../source-position.ts';
import type { ModuleRef } from './payload.ts';

/** Makes dynamic `import()` in rebuilt code resolve from the user's file, as Node's own loader does. */
export const userImports: typeof constants.USE_MAIN_CONTEXT_DEFAULT_LOADER = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

/** A function that imports as code in the file `base` does. */
export type Importer = (specifier: string) => Promise<unknown>;

export function importerFor(base: string): Importer {
  const options = { filename: base === '' ? process.cwd() : base, importModuleDynamically: userImports };
  return new Script('(specifier) => import(specifier)', options).runInThisContext() as Importer;
}

let isReady: Promise<unknown> | undefined;

/** Node warns once a thread, at the first import, that this loader is experimental: ours to know, not the user's. */
export async function prepareImports(): Promise<void> {
  isReady ??= withoutWarnings(() => importerFor('')('node:module'));
  await isReady;
}

function withoutWarnings<T>(start: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return start();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** @throws {MillraceError} MR_CLOSURE_UNSHIPPABLE when the worker cannot load what the program could */
export async function loadModule({ base, specifier, how }: ModuleRef): Promise<unknown> {
  try {
    if (how === 'import') return await importerFor(base)(specifier);
    try {
      return requireFrom(base)(specifier);
    } catch (error) {
      // A loader of the program (tsx) lets CommonJS require ES modules; plain Node 20 does not.
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_REQUIRE_ESM')) throw error;
      return await importerFor(base)(specifier);
    }
  } catch (error) {
    throw new MillraceError(
      'MR_CLOSURE_UNSHIPPABLE',
      `a function uses "${specifier}", imported in ${scriptPath(base)}, and a worker cannot load it: ${String(error)}. ` +
        'Check that plain Node, without a loader, can import it from there.',
      { cause: error, details: { specifier, base } },
    );
  }
}

export function requireFrom(base: string): NodeJS.Require {
  return createRequire(base === '' || base.startsWith('node:') ? import.meta.url : base);
}

/** `import.meta` of the user's file. */
export function importMetaOf(base: string): object {
  const isFile = base.startsWith('file:') || base.startsWith('/');
  const filename = isFile ? scriptPath(base) : undefined;
  return {
    url: base.startsWith('/') ? pathToFileURL(base).href : base,
    ...(filename === undefined ? {} : { filename, dirname: dirname(filename) }),
    resolve: (specifier: string): string =>
      isBuiltin(specifier) ? specifier : pathToFileURL(requireFrom(base).resolve(specifier)).href,
  };
}
