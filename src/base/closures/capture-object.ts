import { type TextDecoder as Decoder, types } from 'node:util';
import { privateValues } from './function-parts.ts';
import type { FunctionReader } from './function-reader.ts';
import { globalPath } from './globals.ts';
import type { Graph } from './graph.ts';
import { type InstanceState, instanceState } from './instance-state.ts';
import type { KnownClasses } from './known-classes.ts';
import { objectParts } from './object-parts.ts';
import type { ClosureNode, NodeIndex } from './payload.ts';
import { type CapturePath, refuseByItself, refuseValue } from './refusal.ts';
import { classesAbove, privateStateRefusal, refusedByKind } from './refused-objects.ts';
import { isShippable, SHIP } from './shippable.ts';

export interface ObjectSources {
  readonly reader: FunctionReader;
  readonly classes: KnownClasses;
}

/** What an object that is not plain data becomes in the payload: its contents part by part. */
export function captureObject(value: object, path: CapturePath, graph: Graph, sources: ObjectSources): ClosureNode {
  const refused = refusedByKind(value);
  if (refused !== undefined) return refuseValue(path, refused.what, refused.mend);
  if (isShippable(value)) {
    const order = value[SHIP]();
    if (order.kind === 'refuse') return refuseByItself(path, order.reason);
    return { kind: 'revived', reviver: order.reviver, data: graph.value(order.data, path) };
  }
  const construct = constructorArguments(value);
  if (construct !== undefined)
    return { kind: 'construct', constructor: construct.constructor, args: graph.data(construct.args) };
  const classes = classesAbove(value, sources.classes);
  if ('what' in classes) return refuseValue(path, classes.what, classes.mend);
  const state = instanceState(value, classes);
  if (state === 'unreachable') {
    const { what, mend } = privateStateRefusal(value);
    return refuseValue(path, what, mend);
  }
  return state === undefined
    ? captureContents(value, path, graph)
    : captureInstance(value, state, path, graph, sources);
}

/** An object whose class makes it anew, without running the constructor, before it gets its present values. */
function captureInstance(
  value: object,
  { made, privateFields, initialised }: InstanceState,
  path: CapturePath,
  graph: Graph,
  { reader }: ObjectSources,
): ClosureNode {
  const instance = {
    class: graph.reviver(made, { kind: 'property', key: 'constructor', of: path }),
    privateValues: privateValues(value, privateFields, path, graph, reader),
    initialised,
  };
  const parts = objectParts(value, undefined, path, graph, (key) => initialised.includes(String(key)));
  return { kind: 'object', instance, ...parts };
}

function captureContents(value: object, path: CapturePath, graph: Graph): ClosureNode {
  const part = (text: string): CapturePath => ({ kind: 'part', text, of: path });
  if (Buffer.isBuffer(value) && types.isArrayBuffer(value.buffer))
    return { kind: 'nodeBuffer', bytes: graph.data(new Uint8Array(value)) };
  if (types.isSharedArrayBuffer(value)) return { kind: 'sharedBuffer', shared: graph.sharedMemory(value) };
  if (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer)) return viewOfShared(value, path, graph);
  if (Array.isArray(value)) {
    return {
      kind: 'array',
      length: value.length,
      ...objectParts(value, Array.prototype, path, graph, (key) => key === 'length'),
    };
  }
  if (types.isMap(value)) {
    const entries = [...value].map(([key, item], index): [NodeIndex, NodeIndex] => [
      graph.value(key, part(` (its key ${index + 1})`)),
      graph.value(item, part(`.get(${keyText(key)})`)),
    ]);
    return { kind: 'map', entries, ...objectParts(value, Map.prototype, path, graph) };
  }
  if (types.isSet(value)) {
    const values = [...value].map((item, index) => graph.value(item, part(` (its item ${index + 1})`)));
    return { kind: 'set', values, ...objectParts(value, Set.prototype, path, graph) };
  }
  if (types.isNativeError(value)) {
    const stack = typeof value.stack === 'string' ? value.stack : undefined;
    return { kind: 'error', stack, ...objectParts(value, Error.prototype, path, graph, (key) => key === 'stack') };
  }
  const bare = withoutProperties(value);
  if (bare !== undefined) {
    const isElement = (key: PropertyKey): boolean => ArrayBuffer.isView(value) && /^\d+$/.test(String(key));
    return {
      kind: 'dressed',
      data: graph.data(bare),
      ...objectParts(value, Object.getPrototypeOf(bare), path, graph, isElement),
    };
  }
  return { kind: 'object', ...objectParts(value, Object.prototype, path, graph) };
}

/** A Date, RegExp, ArrayBuffer or view with the same hidden slot, but no properties of its own and the usual prototype. */
function withoutProperties(value: object): object | undefined {
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isRegExp(value)) return new RegExp(value.source, value.flags);
  if (types.isArrayBuffer(value)) return value;
  if (types.isDataView(value)) return new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (!types.isTypedArray(value)) return undefined;
  const made: unknown = Reflect.get(globalThis, viewName(value));
  if (typeof made !== 'function') return undefined;
  return Reflect.construct(made, [value.buffer, value.byteOffset, value.length]) as object;
}

function viewOfShared(value: ArrayBufferView, path: CapturePath, graph: Graph): ClosureNode {
  const buffer = graph.value(value.buffer, path);
  const length = types.isTypedArray(value) ? value.length : value.byteLength;
  return { kind: 'view', constructor: viewName(value), buffer, byteOffset: value.byteOffset, length };
}

/** `Float64Array`, also for objects of a class that extends it. */
function viewName(value: ArrayBufferView): string {
  return types.isDataView(value) ? 'DataView' : Object.prototype.toString.call(value).slice(8, -1);
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  return typeof key === 'object' || typeof key === 'function' ? '...' : String(key);
}

/** Built-in objects with hidden state that tell by what arguments they can be made again. */
function constructorArguments(
  value: object,
): { readonly constructor: readonly string[]; readonly args: readonly unknown[] } | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  switch (prototype) {
    case URL.prototype:
    case URLSearchParams.prototype:
      return { constructor: [prototype === URL.prototype ? 'URL' : 'URLSearchParams'], args: [String(value)] };
    case TextEncoder.prototype:
      return { constructor: ['TextEncoder'], args: [] };
    case TextDecoder.prototype: {
      const { encoding, fatal, ignoreBOM } = value as Decoder;
      return { constructor: ['TextDecoder'], args: [encoding, { fatal, ignoreBOM }] };
    }
  }
  const [owner, name] = globalPath(prototype) ?? [];
  if (owner !== 'Intl' || name === undefined || !('resolvedOptions' in value)) return undefined;
  const options = (value as Intl.NumberFormat).resolvedOptions();
  return { constructor: ['Intl', name], args: [options.locale, { ...options }] };
}
