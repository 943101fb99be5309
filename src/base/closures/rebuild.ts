import { defined } from '../defined.ts';
import { type Importer, importerFor, importMetaOf, loadModule, prepareImports, requireFrom } from './module-loader.ts';
import { plainSpecifier } from './packages.ts';
import type {
  ClosureNode,
  ClosurePayload,
  FunctionNode,
  InstanceNode,
  Integrity,
  ModuleRef,
  NodeIndex,
  ObjectParts,
  PropertyNode,
} from './payload.ts';
import { type MadeFunction, makeFunction } from './rebuild-function.ts';
import { readSnapshot } from './snapshot.ts';
import type { UserFunction } from './user-function.ts';

/** Gives the worker's side of an object that said how it travels (see `Shippable`). */
export type Revive = (kind: string, data: unknown) => unknown;

/** What variables of modules hold that their functions assign: caches, which outlive a rebuilding. */
export type Boxes = Map<NodeIndex, { v: unknown }>;

/**
 * Makes the captured functions anew, on any thread. Asynchronous only for the imports they need.
 *
 * @param boxes those of an earlier rebuilding of the same payload go on, and new ones are added
 * @throws {MillraceError} MR_CLOSURE_UNSHIPPABLE when a package that they import cannot be loaded here
 */
export async function rebuildClosures(
  payload: ClosurePayload,
  revive: Revive,
  boxes: Boxes = new Map(),
): Promise<readonly UserFunction[]> {
  await prepareImports();
  const modules = await loadModules(payload.nodes);
  const values = new Rebuild(payload, readSnapshot(payload, payload.shared), modules, revive, boxes).make(
    payload.roots,
  );
  return values as readonly UserFunction[];
}

async function loadModules(nodes: readonly ClosureNode[]): Promise<ReadonlyMap<string, unknown>> {
  const modules = new Map<string, unknown>();
  for (const node of nodes) {
    if (node.kind !== 'import' || modules.has(moduleKey(node))) continue;
    modules.set(moduleKey(node), await loadModule(node));
  }
  return modules;
}

function moduleKey({ base, specifier, how }: ModuleRef): string {
  return `${how}\0${specifier}\0${base}`;
}

/** Stands for a value that needs a function which is just being made; asked again later. */
const pending = Symbol('pending');

interface LateVariables {
  readonly set: (values: readonly unknown[]) => void;
  readonly values: readonly NodeIndex[];
}

/**
 * One rebuilding. First each value is made without contents, then contents are filled in from a queue: so cycles cost
 * nothing, and a graph may be deep. Only functions need their variables at once; those of a cycle are set later.
 */
class Rebuild {
  readonly #payload: ClosurePayload;
  readonly #data: readonly unknown[];
  readonly #modules: ReadonlyMap<string, unknown>;
  readonly #revive: Revive;
  readonly #boxes: Boxes;
  readonly #made = new Map<NodeIndex, unknown>();
  readonly #functions = new Map<NodeIndex, MadeFunction>();
  /** False until the functions have their variables: field initialisers, which reviving runs, may use them. */
  #mayRevive = false;
  readonly #inProgress = new Set<NodeIndex>();
  readonly #unfilled: (() => void)[] = [];
  readonly #late: LateVariables[] = [];
  readonly #integrity: (readonly [object, Integrity])[] = [];

  constructor(
    payload: ClosurePayload,
    data: readonly unknown[],
    modules: ReadonlyMap<string, unknown>,
    revive: Revive,
    boxes: Boxes,
  ) {
    this.#payload = payload;
    this.#data = data;
    this.#modules = modules;
    this.#revive = revive;
    this.#boxes = boxes;
  }

  make(roots: readonly NodeIndex[]): readonly unknown[] {
    for (const root of roots) this.#value(root);
    let values: readonly unknown[];
    do {
      const late = this.#late.splice(0);
      this.#mayRevive = false;
      this.#setLate(late);
      this.#mayRevive = true;
      this.#setLate(late);
      for (const fill of this.#unfilled.splice(0)) fill();
      values = roots.map((root) => this.#value(root));
    } while (this.#late.length > 0 || this.#unfilled.length > 0);
    for (const [object, integrity] of this.#integrity) limit(object, integrity);
    return values;
  }

  #setLate(late: readonly LateVariables[]): void {
    for (const { set, values } of late)
      set(values.map((index) => this.#value(index)).map((value) => (value === pending ? undefined : value)));
  }

  #value(index: NodeIndex): unknown {
    if (this.#made.has(index)) return this.#made.get(index);
    if (this.#inProgress.has(index)) return pending;
    this.#inProgress.add(index);
    try {
      const node = this.#payload.nodes[index];
      if (node === undefined) throw new RangeError(`closure payload: node ${index} is missing`);
      const value = this.#create(node, index);
      if (value !== pending) this.#made.set(index, value);
      return value;
    } finally {
      this.#inProgress.delete(index);
    }
  }

  #create(node: ClosureNode, index: NodeIndex): unknown {
    switch (node.kind) {
      case 'data':
        return this.#data[node.index];
      case 'global':
        return follow(globalThis, node.path);
      case 'symbol':
        return Symbol(node.description);
      case 'registeredSymbol':
        return Symbol.for(node.key);
      case 'import':
        return exportOf(this.#modules.get(moduleKey(node)), node.path);
      case 'require':
        return requireFrom(node.base);
      case 'dynamicImport':
        return dynamicImport(node.base);
      case 'importMeta':
        return importMetaOf(node.base);
      case 'keepName':
        return keepName;
      case 'construct':
        return Reflect.construct(
          follow(globalThis, node.constructor) as new (
            ...args: unknown[]
          ) => object,
          this.#value(node.args) as readonly unknown[],
        );
      case 'revived': {
        const [data] = new Rebuild(this.#payload, this.#data, this.#modules, this.#revive, this.#boxes).make([
          node.data,
        ]);
        return this.#revive(node.reviver, data);
      }
      case 'property': {
        const owner = this.#value(node.of);
        return owner === pending ? pending : Reflect.get(owner as object, this.#key(node.key));
      }
      case 'box': {
        const known = this.#boxes.get(index);
        if (known !== undefined) return known;
        const box: { v: unknown } = { v: undefined };
        this.#boxes.set(index, box);
        this.#unfilled.push(() => {
          box.v = this.#value(node.value);
        });
        return box;
      }
      case 'bound': {
        const [target, self, ...args] = [node.target, node.self, ...node.args].map((part) => this.#value(part));
        if (target === pending || self === pending || args.includes(pending)) return pending;
        return Function.prototype.bind.call(target as UserFunction, self as never, ...(args as never[]));
      }
      case 'sharedBuffer':
        return this.#payload.shared[node.shared];
      case 'view': {
        const make = Reflect.get(globalThis, node.constructor) as new (...args: unknown[]) => object;
        return new make(this.#value(node.buffer), node.byteOffset, node.length);
      }
      case 'nodeBuffer': {
        const bytes = this.#value(node.bytes) as Uint8Array;
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
      case 'object':
        return node.instance === undefined ? this.#object({}, node) : this.#instance(node.instance, node);
      case 'array':
        return this.#object(new Array(node.length), node);
      case 'map':
        return this.#object(new Map(), node, (map) => {
          for (const [key, item] of node.entries) map.set(this.#value(key), this.#value(item));
        });
      case 'set':
        return this.#object(new Set(), node, (set) => {
          for (const item of node.values) set.add(this.#value(item));
        });
      case 'error':
        return this.#object(new Error(), node, (error) => {
          Object.defineProperty(error, 'stack', { value: node.stack, writable: true, configurable: true });
        });
      case 'dressed':
        return this.#object(this.#value(node.data) as object, node);
      case 'function':
        return this.#function(node, index);
    }
  }

  #object<T extends object>(
    object: T,
    { prototype, properties, integrity }: ObjectParts,
    fill?: (object: T) => void,
  ): unknown {
    if (prototype !== undefined) {
      const parent = prototype === null ? null : this.#value(prototype);
      if (parent === pending) return pending;
      Object.setPrototypeOf(object, parent as object | null);
    }
    this.#unfilled.push(() => {
      fill?.(object);
      this.#define(object, properties);
    });
    if (integrity !== undefined) this.#integrity.push([object, integrity]);
    return object;
  }

  #instance(
    { class: madeBy, privateValues, initialised }: InstanceNode,
    { prototype, ...parts }: ObjectParts,
  ): unknown {
    const parent = prototype === undefined || prototype === null ? null : this.#value(prototype);
    if (!this.#mayRevive) return pending;
    if (this.#value(madeBy) === pending || parent === pending) return pending;
    const { revive, setPrivate } = defined(this.#functions.get(madeBy), 'the class of a captured object');
    const object = defined(revive, 'the reviver of a class')(parent as object | null);
    const kept = new Set<PropertyKey>([...initialised, ...parts.properties.map(({ key }) => this.#key(key))]);
    return this.#object(object, parts, () => {
      for (const key of Reflect.ownKeys(object)) if (!kept.has(key)) Reflect.deleteProperty(object, key);
      setPrivate?.(this.#named(privateValues), object);
    });
  }

  #named(values: readonly (readonly [name: string, value: NodeIndex])[]): Record<string, unknown> {
    return Object.fromEntries(values.map(([name, index]) => [name, this.#value(index)]));
  }

  #function(node: FunctionNode, index: NodeIndex): unknown {
    const early: [string, unknown][] = [];
    const late: (readonly [string, NodeIndex])[] = [];
    const mayRevive = this.#mayRevive;
    this.#mayRevive = false;
    for (const [name, variable] of node.variables) {
      const value = this.#value(variable);
      if (value !== pending) early.push([name, value]);
      else late.push([name, variable]);
    }
    this.#mayRevive = mayRevive;
    if (late.some(([name]) => name === node.heritage)) return pending;
    const home = node.homePrototype == null ? node.homePrototype : this.#value(node.homePrototype);
    if (home === pending) return pending;
    const lateNames = late.map(([name]) => name);
    const made = makeFunction(node, early, lateNames, home as object | null | undefined);
    const { fn, setLate } = made;
    this.#functions.set(index, made);
    if (late.length > 0) this.#late.push({ set: setLate, values: late.map(([, value]) => value) });
    this.#unfilled.push(() => this.#fillFunction(made, node));
    if (node.integrity !== undefined) this.#integrity.push([fn, node.integrity]);
    return fn;
  }

  #fillFunction({ fn, setStaticPrivate }: MadeFunction, node: FunctionNode): void {
    this.#define(fn, node.properties);
    if (node.prototype !== undefined)
      Object.setPrototypeOf(fn, node.prototype === null ? null : (this.#value(node.prototype) as object));
    const prototype = (fn as { prototype?: object }).prototype;
    if (prototype !== undefined) {
      this.#define(prototype, node.prototypeProperties);
      const { prototypeParent } = node;
      if (prototypeParent !== undefined)
        Object.setPrototypeOf(prototype, prototypeParent === null ? null : (this.#value(prototypeParent) as object));
    }
    setStaticPrivate?.(this.#named(node.staticPrivate));
  }

  #define(object: object, properties: readonly PropertyNode[]): void {
    for (const property of properties) {
      const { flags } = property;
      const descriptor: PropertyDescriptor = { enumerable: (flags & 1) !== 0, configurable: (flags & 4) !== 0 };
      if ('value' in property) {
        descriptor.value = this.#value(property.value);
        descriptor.writable = (flags & 2) !== 0;
      } else {
        if (property.get !== undefined) descriptor.get = this.#value(property.get) as () => unknown;
        if (property.set !== undefined) descriptor.set = this.#value(property.set) as (value: unknown) => void;
      }
      Object.defineProperty(object, this.#key(property.key), descriptor);
    }
  }

  #key(key: string | NodeIndex): PropertyKey {
    return typeof key === 'number' ? (this.#value(key) as symbol) : key;
  }
}

function limit(object: object, integrity: Integrity): void {
  switch (integrity) {
    case 'fixed':
      Object.preventExtensions(object);
      return;
    case 'sealed':
      Object.seal(object);
      return;
    case 'frozen':
      Object.freeze(object);
  }
}

function follow(start: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], start);
}

/** An export by its path. Where the program's loader saw the exports of a CommonJS module by name, Node may not. */
function exportOf(module: unknown, path: readonly string[]): unknown {
  const found = follow(module, path);
  if (found !== undefined || path.length === 0) return found;
  const fallback = follow(module, ['default', ...path]);
  return fallback ?? (path[0] === 'default' ? follow(module, path.slice(1)) : undefined);
}

function dynamicImport(base: string): Importer {
  const importer = importerFor(base);
  return (specifier) => importer(plainSpecifier(specifier, base));
}

/** What esbuild's `__name` does. */
function keepName(target: object, value: string): object {
  return Object.defineProperty(target, 'name', { value, configurable: true });
}
