import { types } from 'node:util';
import type { FunctionAnalysis } from './analyze.ts';
import type { FunctionDraft } from './function-draft.ts';
import type { FunctionReader } from './function-reader.ts';
import type { Graph } from './graph.ts';
import { objectParts } from './object-parts.ts';
import type { NodeIndex, ObjectParts } from './payload.ts';
import type { CapturePath } from './refusal.ts';
import type { UserFunction } from './user-function.ts';

/** What a function carries beyond its text and its variables. */
export type FunctionParts = ObjectParts &
  Pick<FunctionDraft['node'], 'prototypeProperties' | 'prototypeParent' | 'staticPrivate'>;

/** Of ordinary, async, generator and async generator functions. */
const functionPrototypes: ReadonlySet<unknown> = new Set([
  Function.prototype,
  Object.getPrototypeOf(async () => undefined),
  Object.getPrototypeOf(function* () {}),
  Object.getPrototypeOf(async function* () {}),
]);

const madeWithFunction: ReadonlySet<PropertyKey> = new Set(['length', 'name', 'prototype', 'arguments', 'caller']);

export function functionParts(fn: UserFunction, path: CapturePath, graph: Graph): FunctionParts {
  const parent: unknown = Object.getPrototypeOf(fn);
  const usual = functionPrototypes.has(parent) ? parent : Function.prototype;
  const own = objectParts(fn, usual, path, graph, (key) => madeWithFunction.has(key));
  const prototype: unknown = (fn as { prototype?: unknown }).prototype;
  if (typeof prototype !== 'object' || prototype === null || types.isGeneratorFunction(fn))
    return { ...own, prototypeProperties: [], staticPrivate: [] };
  const at: CapturePath = { kind: 'property', key: 'prototype', of: path };
  const above: unknown = Object.getPrototypeOf(prototype);
  return {
    ...own,
    prototypeProperties: graph.properties(prototype, at, (key) => key === 'constructor'),
    ...(above === Object.prototype ? {} : { prototypeParent: above === null ? null : graph.value(above, at) }),
    staticPrivate: [],
  };
}

/** The text of a class makes its methods; what was added later, and static fields as they are now, travel by value. */
export function classParts(
  fn: UserFunction,
  { parsed, classMembers }: FunctionAnalysis,
  path: CapturePath,
  self: NodeIndex,
  graph: Graph,
  reader: FunctionReader,
): FunctionParts {
  const prototype = (fn as unknown as { prototype: object }).prototype;
  const atPrototype: CapturePath = { kind: 'property', key: 'prototype', of: path };
  const prototypeNode = graph.value(prototype, atPrototype);
  const isInText =
    (owner: object, node: NodeIndex) =>
    (key: PropertyKey): boolean => {
      if (key === 'constructor') return owner === prototype;
      const property = Object.getOwnPropertyDescriptor(owner, key);
      const made: unknown = property?.value ?? property?.get ?? property?.set;
      if (property?.enumerable || typeof made !== 'function') return false;
      if (!parsed.text.includes(Function.prototype.toString.call(made))) return false;
      if ('value' in (property ?? {})) graph.method(made, node, key, path);
      return true;
    };
  const isStaticInText = isInText(fn, self);
  return {
    ...objectParts(
      fn,
      Object.getPrototypeOf(fn),
      path,
      graph,
      (key) => madeWithFunction.has(key) || isStaticInText(key),
    ),
    prototypeProperties: graph.properties(prototype, atPrototype, isInText(prototype, prototypeNode)),
    staticPrivate: privateValues(fn, classMembers?.staticPrivateFields ?? [], path, graph, reader),
  };
}

/** The values of private fields, of a class or an object, as nodes. */
export function privateValues(
  owner: object,
  names: readonly string[],
  path: CapturePath,
  graph: Graph,
  reader: FunctionReader,
): (readonly [name: string, value: NodeIndex])[] {
  if (names.length === 0) return [];
  return reader
    .privateFields(owner)
    .map(({ name, value }) => ({ name: name.slice(1), value }))
    .filter(({ name }) => names.includes(name))
    .map(({ name, value }) => [name, graph.value(value, { kind: 'property', key: `#${name}`, of: path })] as const);
}
