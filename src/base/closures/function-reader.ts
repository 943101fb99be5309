import { type FunctionLocation, type InspectedFunction, Inspector, type VariableScope } from './inspector.ts';
import { ScriptBindings, wrapperName } from './script-bindings.ts';
import type { UserFunction } from './user-function.ts';

/** A script with what its text says. */
export interface Script {
  /** A `file:` URL for ES modules, a path for CommonJS and Vite, empty for code made at run time. */
  readonly url: string;
  readonly isModule: boolean;
  readonly bindings: ScriptBindings;
}

/** The variables of one level around a function. */
export interface ReadScope {
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether this level is the script's own, or the one that CommonJS and Vite wrap around it. */
  readonly isModuleLevel: boolean;
}

export interface ReadFunction {
  readonly location: FunctionLocation | undefined;
  readonly script: Script;
  /** Innermost first; undefined where the inspector is refused. */
  readonly scopes: readonly ReadScope[] | undefined;
  readonly bound: InspectedFunction['bound'];
}

const noScript: Script = { url: '', isModule: false, bindings: new ScriptBindings(() => '', false) };

/** Reads functions through the inspector of this thread, and knows the scripts they are from. */
export class FunctionReader {
  readonly #inspector: Inspector | undefined;
  readonly #scripts = new Map<string, Script>();
  #prefetched: ReadonlyMap<unknown, InspectedFunction> = new Map();

  constructor() {
    this.#inspector = openInspector();
  }

  /** Inspects functions at once that will be read one by one. */
  prefetch(functions: readonly UserFunction[]): void {
    const inspected = this.#inspector?.inspect(functions) ?? [];
    this.#prefetched = new Map(inspected.map((one, index) => [functions[index], one]));
  }

  read(fn: UserFunction): ReadFunction {
    if (this.#inspector === undefined)
      return { location: undefined, script: noScript, scopes: undefined, bound: undefined };
    const [inspected] = this.#prefetched.has(fn) ? [this.#prefetched.get(fn)] : this.#inspector.inspect([fn]);
    if (inspected === undefined) return { location: undefined, script: noScript, scopes: [], bound: undefined };
    const { location, scopes, bound } = inspected;
    const script = location === undefined ? noScript : this.#script(location.scriptId, this.#inspector);
    return { location, script, scopes: markModuleLevel(scopes, script), bound };
  }

  privateFields(object: object): readonly { readonly name: string; readonly value: unknown }[] {
    return this.#inspector?.privateFields(object) ?? [];
  }

  /** Ends an action's reading: turns the debugger agent off and lets go of the functions. */
  finish(): void {
    this.#prefetched = new Map();
    this.#inspector?.disableDebugger();
  }

  #script(scriptId: string, inspector: Inspector): Script {
    const known = this.#scripts.get(scriptId);
    if (known !== undefined) return known;
    const found = inspector.script(scriptId);
    if (found === undefined) return noScript;
    const bindings = new ScriptBindings(() => inspector.scriptSource(scriptId), found.isModule);
    const script = { ...found, bindings };
    if (found.url !== '') this.#scripts.set(scriptId, script);
    return script;
  }
}

function openInspector(): Inspector | undefined {
  try {
    return new Inspector();
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return undefined;
    throw error;
  }
}

function markModuleLevel(scopes: readonly VariableScope[], { bindings }: Script): ReadScope[] {
  const lexical = scopes.filter(({ description }) => description !== 'Script');
  const [outermost, next] = [lexical.at(-1), lexical.at(-2)];
  const isWrapper =
    outermost !== undefined &&
    next !== undefined &&
    (Object.keys(outermost.variables).every((name) => wrapperName.test(name)) ||
      (next.description === 'Block' && bindings.isBlockInFunction()));
  const moduleLevel = isWrapper ? next : outermost;
  return scopes.map((scope) => ({
    variables: scope.variables,
    isModuleLevel: scope === moduleLevel || (isWrapper && scope === outermost),
  }));
}
