import { createRequire } from 'node:module';
import { scriptPath } from '../source-position.ts';
import type { Script } from './function-reader.ts';
import { type PackageResolver, plainSpecifier } from './packages.ts';
import type { ClosureNode } from './payload.ts';

export type ImportNode = Extract<ClosureNode, { kind: 'import' }>;

const loaded = createRequire(import.meta.url).cache;

/**
 * Finds by which import a worker gets a value that belongs to a package, so that `instanceof` and the package's state
 * hold there: through the imports of the scripts met in this capture, or what CommonJS has loaded.
 */
export class PackageValues {
  readonly #packages: PackageResolver;
  readonly #scopes = new Map<Script, Readonly<Record<string, unknown>>>();

  constructor(packages: PackageResolver) {
    this.#packages = packages;
  }

  /** The module-level variables of a script that was met. */
  note(script: Script, variables: Readonly<Record<string, unknown>>): void {
    if (!this.#scopes.has(script)) this.#scopes.set(script, variables);
  }

  /** @param file where the value's code is */
  find(value: unknown, file: string): ImportNode | undefined {
    return this.#findImported(value) ?? findLoaded(value, scriptPath(file));
  }

  #findImported(value: unknown): ImportNode | undefined {
    for (const [script, variables] of this.#scopes) {
      for (const [name, { specifier, how, path }] of script.bindings.imports()) {
        if (
          !Object.hasOwn(variables, name) ||
          !this.#packages.isPackage(plainSpecifier(specifier, script.url), script.url)
        )
          continue;
        const found = pathTo(value, variables[name]);
        if (found === undefined) continue;
        return {
          kind: 'import',
          base: script.url,
          specifier: plainSpecifier(specifier, script.url),
          how,
          path: [...(path ?? []), ...found],
        };
      }
    }
    return undefined;
  }
}

function findLoaded(value: unknown, file: string): ImportNode | undefined {
  const exported: unknown = loaded[file]?.exports;
  const path = exported === undefined ? undefined : pathTo(value, exported);
  return path && { kind: 'import', base: file, specifier: file, how: 'require', path };
}

/** The property of `owner` that is `value`, or `owner` itself. */
function pathTo(value: unknown, owner: unknown): readonly string[] | undefined {
  if (owner === value) return [];
  if (owner === null || (typeof owner !== 'object' && typeof owner !== 'function')) return undefined;
  const key = Object.keys(owner).find((name) => Reflect.get(owner, name) === value);
  return key === undefined ? undefined : [key];
}
