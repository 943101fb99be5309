import { builtinModules } from 'node:module';

/** How to get a value from a module of Node: `node:path`, `['join']`. */
export interface BuiltinExport {
  readonly specifier: string;
  readonly path: readonly string[];
}

/** Only modules that are loaded already can have given a value to the program, and none is loaded for the search. */
export class BuiltinExports {
  readonly #known = new Map<unknown, BuiltinExport>();
  readonly #searched = new Set<string>();

  find(value: unknown): BuiltinExport | undefined {
    return this.#known.get(value) ?? this.#search(value);
  }

  #search(value: unknown): BuiltinExport | undefined {
    for (const name of loadedModules()) {
      if (this.#searched.has(name)) continue;
      this.#searched.add(name);
      this.#add(name);
    }
    return this.#known.get(value);
  }

  #add(name: string): void {
    const specifier = name.startsWith('node:') ? name : `node:${name}`;
    const module: unknown = process.getBuiltinModule(specifier);
    if (module === null || (typeof module !== 'object' && typeof module !== 'function')) return;
    if (!this.#known.has(module)) this.#known.set(module, { specifier, path: [] });
    for (const key of Object.keys(module)) {
      const value: unknown = Object.getOwnPropertyDescriptor(module, key)?.value;
      if (value === null || (typeof value !== 'object' && typeof value !== 'function')) continue;
      if (!this.#known.has(value)) this.#known.set(value, { specifier, path: [key] });
    }
  }
}

const publicModules: ReadonlySet<string> = new Set(builtinModules.filter((name) => !name.startsWith('_')));

function loadedModules(): Iterable<string> {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  if (moduleLoadList === undefined) return publicModules;
  return moduleLoadList.map((entry) => entry.replace(/^NativeModule /, '')).filter((name) => publicModules.has(name));
}
