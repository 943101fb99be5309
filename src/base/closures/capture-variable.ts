import { createRequire } from 'node:module';
import type { FreeVariable } from './analyze.ts';
import type { DraftVariable } from './function-draft.ts';
import type { ReadFunction, ReadScope, Script } from './function-reader.ts';
import { isStandardGlobal } from './globals.ts';
import type { Graph } from './graph.ts';
import { isModuleObject } from './module-object.ts';
import type { PackageValues } from './package-values.ts';
import { type PackageResolver, plainSpecifier } from './packages.ts';
import { type ClosureNode, everyFlag, type NodeIndex, type PropertyNode } from './payload.ts';
import { type CapturePath, isRoot, refuseFunction, refuseUninitialised, shippedFunction } from './refusal.ts';
import type { ImportBinding } from './script-bindings.ts';

/** What the capture of variables needs to know beyond the function. */
export interface VariableSources {
  readonly packages: PackageResolver;
  readonly packageValues: PackageValues;
}

const nameKeeper = '__name';

/** The variable that the name stands for in the function, or undefined for a global that every worker has. */
export function captureVariable(
  variable: FreeVariable,
  read: ReadFunction,
  path: CapturePath,
  graph: Graph,
  sources: VariableSources,
): DraftVariable | undefined {
  const { name } = variable;
  const here: CapturePath = { kind: 'variable', name, of: path };
  const given = shippedFunction(path).captured;
  if (given !== undefined && Object.hasOwn(given, name) && (isRoot(path) || read.scopes === undefined))
    return { name, value: graph.value(given[name], here, { isOnlyRead: variable.isOnlyRead }) };
  const special = specialVariable(name, read);
  if (special !== undefined) return { name, value: graph.add(special) };
  if (read.scopes === undefined) return isStandardGlobal(name) ? undefined : refuseUnreadable(name, path);

  const scope = read.scopes.find(({ variables }) => Object.hasOwn(variables, name));
  if (scope === undefined) return captureGlobal(variable, here, path, graph);
  const { script, location } = read;
  const isModuleVariable = scope.isModuleLevel && script.bindings.declares(name);
  if (variable.writes.length > 0) checkWrites(variable, isModuleVariable, script, path);
  const value = readVariable(scope, name, here);
  // Node 20 shows a variable whose declaration has not run as undefined; later ones throw.
  if (value === undefined && isModuleVariable && script.bindings.isNeverUndefined(name)) refuseUninitialised(here);
  if (isModuleVariable) sources.packageValues.note(script, scope.variables);
  const imported = isModuleVariable ? script.bindings.imports().get(name) : undefined;
  const importNode = imported && captureImport(imported, variable, value, script, graph, sources.packages);
  return {
    name,
    value: importNode ?? captureValue(variable, value, imported, script, path, graph),
    moduleVariable: isModuleVariable ? `${location?.scriptId}:${name}` : undefined,
    isWritten: variable.writes.length > 0,
    uses: variable.uses,
  };
}

/** Names that transpilers and module systems put around the user's code, by what they mean there. */
function specialVariable(name: string, { script: { url }, scopes }: ReadFunction): ClosureNode | undefined {
  switch (name) {
    case '__vite_ssr_dynamic_import__':
    case '__vi_dynamic_import__':
      return { kind: 'dynamicImport', base: url };
    case '__vite_ssr_import_meta__':
      return { kind: 'importMeta', base: url };
    case nameKeeper:
      return isNameKeeper(scopes) ? { kind: 'keepName' } : undefined;
    default:
      return undefined;
  }
}

/** esbuild's `__name(fn, 'name')`, which keeps the names of functions that it renames. */
function isNameKeeper(scopes: readonly ReadScope[] | undefined): boolean {
  const value = scopes?.find(({ variables }) => Object.hasOwn(variables, nameKeeper))?.variables[nameKeeper];
  return typeof value === 'function' && /"name",\s*\{\s*value/.test(Function.prototype.toString.call(value));
}

function captureGlobal(
  variable: FreeVariable,
  here: CapturePath,
  path: CapturePath,
  graph: Graph,
): DraftVariable | undefined {
  const { name } = variable;
  // A name that exists nowhere stays as it is: `typeof x`, or a ReferenceError at the user's line.
  if (isStandardGlobal(name) || !(name in globalThis)) return undefined;
  if (variable.writes.length > 0) refuseWrite(variable, path);
  return { name, value: graph.value(Reflect.get(globalThis, name), here) };
}

function readVariable(scope: ReadScope, name: string, here: CapturePath): unknown {
  try {
    return scope.variables[name];
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return refuseUninitialised(here);
  }
}

/** A user's own assignment would stay in the worker. A helper's is its business, unless it only ever adds up. */
function checkWrites(variable: FreeVariable, isModuleVariable: boolean, script: Script, path: CapturePath): void {
  if (isRoot(path) || !isModuleVariable || script.bindings.writes(variable.name) === 'accumulate')
    refuseWrite(variable, path);
}

function refuseWrite({ name, writes }: FreeVariable, path: CapturePath): never {
  const isCache = writes.every((operator) => operator === '??=' || operator === '||=');
  return refuseFunction(
    path,
    `assigns the captured variable "${name}", and what a worker assigns never comes back`,
    isCache ? 'Build it inside mapPartitions.' : 'Use an accumulator, or return the value.',
  );
}

function refuseUnreadable(name: string, path: CapturePath): never {
  const { operator } = shippedFunction(path);
  return refuseFunction(
    path,
    `uses "${name}" from outside, and this process refuses the inspector by which captured variables are read (--permission)`,
    `Pass it: ${operator}(fn, { captured: { ${name} } }), or allow the inspector (--allow-inspector, from Node 24).`,
  );
}

/** A name imported from a package or from Node is imported anew in the worker; undefined for the user's own modules. */
function captureImport(
  binding: ImportBinding,
  variable: FreeVariable,
  value: unknown,
  script: Script,
  graph: Graph,
  packages: PackageResolver,
): NodeIndex | undefined {
  const specifier = plainSpecifier(binding.specifier, script.url);
  if (!packages.isPackage(specifier, script.url)) return undefined;
  const module = { base: script.url, specifier, how: binding.how } as const;
  if (binding.path !== undefined) return graph.add({ kind: 'import', ...module, path: binding.path });
  // An object that interop code made around the module: only what the function takes from it, key by key.
  if (value === null || typeof value !== 'object') return undefined;
  const keys = variable.members ?? Object.keys(value);
  const required: unknown = binding.how === 'require' ? createRequire(script.url)(specifier) : undefined;
  const properties = [...keys].map((key): PropertyNode => {
    const isWhole = required !== undefined && Reflect.get(value, key) === required;
    return { key, flags: everyFlag, value: graph.add({ kind: 'import', ...module, path: isWhole ? [] : [key] }) };
  });
  return graph.add({ kind: 'object', properties });
}

function captureValue(
  variable: FreeVariable,
  value: unknown,
  imported: ImportBinding | undefined,
  script: Script,
  path: CapturePath,
  graph: Graph,
): NodeIndex {
  if (variable.name === 'require' && typeof value === 'function' && 'resolve' in value)
    return graph.add({ kind: 'require', base: script.url });
  const isInterop = imported !== undefined && imported.path === undefined;
  const isModule = isInterop || /^(exports|module|__vi.*)$/.test(variable.name);
  if (typeof value === 'object' && value !== null && (isModule || isModuleObject(value)))
    return graph.members(value, variable.members ?? Object.keys(value), { kind: 'module', of: path });
  const here: CapturePath = { kind: 'variable', name: variable.name, of: path };
  return graph.value(value, here, { isOnlyRead: variable.isOnlyRead });
}
