import { types } from 'node:util';
import type { BuiltinExports } from './builtin-modules.ts';
import { captureFunction } from './capture-function.ts';
import { captureObject } from './capture-object.ts';
import { type FunctionDraft, finishDraft } from './function-draft.ts';
import type { FunctionReader } from './function-reader.ts';
import { globalPath } from './globals.ts';
import type { Graph, ValueHints } from './graph.ts';
import type { KnownClasses } from './known-classes.ts';
import { isModuleObject } from './module-object.ts';
import { PackageValues } from './package-values.ts';
import type { PackageResolver } from './packages.ts';
import { type ClosureNode, everyFlag, type NodeIndex, type PropertyNode } from './payload.ts';
import { PlainData } from './plain-data.ts';
import { type CapturePath, refuseUninitialised } from './refusal.ts';
import type { UserFunction } from './user-function.ts';

/** The exports of a module that functions named so far. */
interface ModuleDraft {
  readonly index: NodeIndex;
  readonly properties: Map<string, PropertyNode>;
}

type Unfinished = ClosureNode | FunctionDraft;

/** What captures of one thread share: only knowledge about Node, packages and scripts, never a user's value. */
export interface CaptureTools {
  readonly reader: FunctionReader;
  readonly builtins: BuiltinExports;
  readonly classes: KnownClasses;
  readonly packages: PackageResolver;
}

/**
 * Takes values apart into nodes. Nodes are built breadth first from a queue, so that a graph may be as deep as it
 * likes, and the shortest path to what cannot travel is the one an error names.
 */
export class ClosureGraph implements Graph {
  readonly #tools: CaptureTools;
  readonly #packageValues: PackageValues;
  readonly #nodes: (Unfinished | undefined)[] = [];
  readonly #indexes = new Map<unknown, NodeIndex>();
  readonly #modules = new Map<object, ModuleDraft>();
  readonly #revivers = new Set<NodeIndex>();
  readonly #queue: (() => void)[] = [];
  readonly #plainData = new PlainData();
  readonly #data: unknown[] = [];
  readonly #buffers = new Map<ArrayBuffer, boolean>();
  readonly #shared: SharedArrayBuffer[] = [];

  constructor(tools: CaptureTools) {
    this.#tools = tools;
    this.#packageValues = new PackageValues(tools.packages);
  }

  /** Plain values for the snapshot; `data` nodes point here. */
  get plainValues(): readonly unknown[] {
    return this.#data;
  }

  /** The ArrayBuffers in {@link plainValues}, and whether each is proven to be only read. */
  get buffers(): ReadonlyMap<ArrayBuffer, boolean> {
    return this.#buffers;
  }

  get shared(): readonly SharedArrayBuffer[] {
    return this.#shared;
  }

  value(value: unknown, path: CapturePath, hints: ValueHints = {}): NodeIndex {
    if (ArrayBuffer.isView(value) && types.isArrayBuffer(value.buffer))
      this.#noteBuffer(value.buffer, hints.isOnlyRead === true);
    const known = this.#indexes.get(value);
    if (known !== undefined) return known;
    if (typeof value === 'symbol') return this.#keep(value, symbolNode(value));
    const isObject = typeof value === 'object' && value !== null;
    if (!isObject && typeof value !== 'function') return this.data(value);
    const globalAt = globalPath(value);
    if (globalAt !== undefined) return this.#keep(value, { kind: 'global', path: globalAt });
    if (!isObject) {
      return this.#build(value, (self) =>
        captureFunction(value as UserFunction, path, hints, self, this, {
          ...this.#tools,
          packageValues: this.#packageValues,
        }),
      );
    }
    return this.#object(value, path, hints);
  }

  add(node: ClosureNode): NodeIndex {
    return this.#nodes.push(node) - 1;
  }

  data(value: unknown): NodeIndex {
    return this.add({ kind: 'data', index: this.#data.push(value) - 1 });
  }

  properties(object: object, path: CapturePath, skip?: (key: PropertyKey) => boolean): readonly PropertyNode[] {
    return Reflect.ownKeys(object).flatMap((key): readonly PropertyNode[] => {
      if (skip?.(key)) return [];
      const property = Object.getOwnPropertyDescriptor(object, key);
      if (property === undefined) return [];
      const here: CapturePath = { kind: 'property', key, of: path };
      const keyNode = typeof key === 'symbol' ? this.value(key, here) : key;
      const flags = (property.enumerable ? 1 : 0) | (property.writable ? 2 : 0) | (property.configurable ? 4 : 0);
      const hints = { home: object };
      if ('value' in property) return [{ key: keyNode, flags, value: this.value(property.value, here, hints) }];
      const get = property.get && this.value(property.get, here, hints);
      const set = property.set && this.value(property.set, here, hints);
      return [{ key: keyNode, flags, get, set }];
    });
  }

  members(module: object, keys: Iterable<string>, path: CapturePath): NodeIndex {
    let draft = this.#modules.get(module);
    if (draft === undefined) {
      draft = { index: this.#nodes.push(undefined) - 1, properties: new Map() };
      this.#modules.set(module, draft);
    }
    for (const key of keys) {
      if (draft.properties.has(key) || !(key in module)) continue;
      const here: CapturePath = { kind: 'property', key, of: path };
      draft.properties.set(key, { key, flags: everyFlag, value: this.value(readExport(module, key, here), here) });
    }
    return draft.index;
  }

  method(fn: unknown, owner: NodeIndex, key: PropertyKey, path: CapturePath): void {
    if (this.#indexes.has(fn)) return;
    const keyNode = typeof key === 'symbol' ? this.value(key, path) : String(key);
    this.#keep(fn, { kind: 'property', of: owner, key: keyNode });
  }

  reviver(made: unknown, path: CapturePath): NodeIndex {
    const index = this.value(made, path);
    this.#revivers.add(index);
    return index;
  }

  sharedMemory(buffer: SharedArrayBuffer): number {
    const known = this.#shared.indexOf(buffer);
    return known >= 0 ? known : this.#shared.push(buffer) - 1;
  }

  /** Captures all that is waiting, and gives the nodes of the whole graph. */
  finish(): readonly ClosureNode[] {
    for (const build of this.#queue) build(); // grows while it runs
    for (const { index, properties } of this.#modules.values())
      this.#nodes[index] = { kind: 'object', properties: [...properties.values()] };
    const boxes = this.#boxes();
    return this.#nodes.map((node, index) => {
      if (node === undefined) throw new Error(`closure graph: node ${index} was never built`);
      return node.kind === 'draft' ? finishDraft(node, boxes, this.#revivers.has(index)) : node;
    });
  }

  /** A box for each module-level variable that a captured function assigns. */
  #boxes(): ReadonlyMap<string, NodeIndex> {
    const boxes = new Map<string, NodeIndex>();
    for (const node of [...this.#nodes]) {
      if (node?.kind !== 'draft') continue;
      for (const { moduleVariable, isWritten, value } of node.variables) {
        if (moduleVariable === undefined || !isWritten || boxes.has(moduleVariable)) continue;
        boxes.set(moduleVariable, this.add({ kind: 'box', value }));
      }
    }
    return boxes;
  }

  #object(value: object, path: CapturePath, hints: ValueHints): NodeIndex {
    const made = classOfPrototype(value);
    if (made !== undefined) {
      const of = this.value(made, { kind: 'property', key: 'constructor', of: path });
      return this.#indexes.get(value) ?? this.#keep(value, { kind: 'property', of, key: 'prototype' });
    }
    if (isModuleObject(value)) return this.members(value, Object.keys(value), path);
    const buffers = this.#plainData.buffersOf(value);
    if (buffers === undefined) return this.#build(value, () => captureObject(value, path, this, this.#tools));
    for (const buffer of buffers) this.#noteBuffer(buffer, ArrayBuffer.isView(value) && hints.isOnlyRead === true);
    const index = this.data(value);
    this.#indexes.set(value, index);
    return index;
  }

  #keep(value: unknown, node: ClosureNode): NodeIndex {
    const index = this.add(node);
    this.#indexes.set(value, index);
    return index;
  }

  #build(value: unknown, build: (self: NodeIndex) => Unfinished): NodeIndex {
    const index = this.#nodes.push(undefined) - 1;
    this.#indexes.set(value, index);
    this.#queue.push(() => {
      this.#nodes[index] = build(index);
    });
    return index;
  }

  #noteBuffer(buffer: ArrayBuffer, isOnlyRead: boolean): void {
    this.#buffers.set(buffer, isOnlyRead && this.#buffers.get(buffer) !== false);
  }
}

/** Reading an export of a module that has not run yet (in a cycle of imports) throws. */
function readExport(module: object, key: string, here: CapturePath): unknown {
  try {
    return Reflect.get(module, key);
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return refuseUninitialised(here);
  }
}

function symbolNode(symbol: symbol): ClosureNode {
  const registered = Symbol.keyFor(symbol);
  if (registered !== undefined) return { kind: 'registeredSymbol', key: registered };
  const wellKnown = Object.getOwnPropertyNames(Symbol).find((name) => Reflect.get(Symbol, name) === symbol);
  if (wellKnown !== undefined) return { kind: 'global', path: ['Symbol', wellKnown] };
  return { kind: 'symbol', description: symbol.description };
}

/** The class or constructor function whose `prototype` the object is. */
function classOfPrototype(value: object): unknown {
  if (!Object.hasOwn(value, 'constructor')) return undefined;
  const made: unknown = Object.getOwnPropertyDescriptor(value, 'constructor')?.value;
  return typeof made === 'function' && made.prototype === value ? made : undefined;
}
