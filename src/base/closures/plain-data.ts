import { types } from 'node:util';

/**
 * Tells what V8's structured clone copies faithfully: primitives but symbols, plain objects and arrays, Map, Set, Date,
 * RegExp, boxed primitives, ArrayBuffers and their views. Not plain, and so captured part by part: functions, class
 * instances, accessors, frozen objects, objects with symbol keys or hidden properties, Buffers, shared memory, errors.
 */
export class PlainData {
  /** Proven plain with all they hold, in this capture. Views hold no objects, and so are looked at again each time. */
  readonly #plain = new Set<object>();
  /** Known to hold something that is not plain. */
  readonly #mixed = new Set<object>();

  /** The ArrayBuffers that plain data holds, itself or in views; undefined when `root` is not plain. */
  buffersOf(root: object): ReadonlySet<ArrayBuffer> | undefined {
    const buffers = new Set<ArrayBuffer>();
    const holders = new Map<object, object | undefined>();
    const pending: Contents = [root];
    const pendingHolders: (object | undefined)[] = [undefined];
    const pendingDepths: number[] = [0];
    while (pending.length > 0) {
      const value = pending.pop();
      const holder = pendingHolders[pending.length];
      const depth = pendingDepths[pending.length] ?? 0;
      if (typeof value !== 'object' || depth > deepest) return this.#markMixed(holder, holders);
      if (holders.has(value) || this.#plain.has(value)) continue;
      const before = pending.length;
      if (this.#mixed.has(value) || !addContents(value, pending, buffers)) {
        this.#markMixed(holder, holders);
        return this.#markMixed(value, holders);
      }
      if (pending.length === before && isRecord(value)) continue; // cheaper to look at again than to remember
      holders.set(value, holder);
      for (let index = before; index < pending.length; index++) {
        pendingHolders[index] = value;
        pendingDepths[index] = depth + 1;
      }
      reverse(pending, before); // so that the depth here is that of V8's recursion
    }
    for (const object of holders.keys()) this.#plain.add(object);
    return buffers;
  }

  /** One walk for a whole chain: whatever holds a mixed object is mixed. */
  #markMixed(found: object | undefined, holders: ReadonlyMap<object, object | undefined>): undefined {
    for (let object = found; object !== undefined; object = holders.get(object)) this.#mixed.add(object);
  }
}

/** V8 copies plain data by recursion, and some 2000 levels overflow the stack. What is deeper travels part by part. */
const deepest = 400;

function reverse(items: Contents, from: number): void {
  for (let low = from, high = items.length - 1; low < high; low++, high--) {
    const item = items[low] as object;
    items[low] = items[high] as object;
    items[high] = item;
  }
}

/** Objects, functions and symbols to look at; other primitives are plain. */
type Contents = (object | symbol)[];

function isRecord(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}

/** Adds what a plain object holds to `pending`; false when it is not plain itself. */
function addContents(value: object, pending: Contents, buffers: Set<ArrayBuffer>): boolean {
  if (types.isProxy(value) || !Object.isExtensible(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return prototype === Array.prototype && arrayContents(value, pending);
  if (prototype === Object.prototype) return !hasHiddenState(value) && objectContents(value, pending);
  if (ArrayBuffer.isView(value)) {
    if (!viewPrototypes.has(prototype) || !types.isArrayBuffer(value.buffer) || isDressedView(value)) return false;
    buffers.add(value.buffer);
    return true;
  }
  if (Reflect.ownKeys(value).length > (types.isRegExp(value) ? 1 : 0)) return false;
  if (prototype === Map.prototype && types.isMap(value)) {
    for (const [key, item] of value) {
      addContent(key, pending);
      addContent(item, pending);
    }
    return true;
  }
  if (prototype === Set.prototype && types.isSet(value)) {
    for (const item of value) addContent(item, pending);
    return true;
  }
  if (types.isArrayBuffer(value)) {
    buffers.add(value);
    return Object.hasOwn(Object(prototype), Symbol.toStringTag); // not so for a class that extends ArrayBuffer
  }
  if (prototype === Date.prototype) return types.isDate(value);
  return prototype === RegExp.prototype && types.isRegExp(value) && value.lastIndex === 0;
}

function addContent(value: unknown, pending: Contents): void {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol')
    pending.push(value);
}

const viewPrototypes: ReadonlySet<unknown> = new Set([
  DataView.prototype,
  Int8Array.prototype,
  Uint8Array.prototype,
  Uint8ClampedArray.prototype,
  Int16Array.prototype,
  Uint16Array.prototype,
  Int32Array.prototype,
  Uint32Array.prototype,
  BigInt64Array.prototype,
  BigUint64Array.prototype,
  Float32Array.prototype,
  Float64Array.prototype,
]);

/** Whether a view has properties beyond its elements. Long ones are not asked: it would list every element's name. */
function isDressedView(value: ArrayBufferView): boolean {
  if (Object.getOwnPropertySymbols(value).length > 0) return true;
  const length = types.isTypedArray(value) ? value.length : 0;
  return length < 64 && Object.getOwnPropertyNames(value).length > length;
}

/** Objects that look plain by their prototype but carry a hidden slot. */
function hasHiddenState(value: object): boolean {
  return (
    Object.prototype.toString.call(value) !== '[object Object]' || types.isExternal(value) || types.isPromise(value)
  );
}

/** Arrays above this length are not asked for names beyond their elements, which costs more than copying them. */
const longArray = 100_000;

function arrayContents(value: readonly unknown[], pending: Contents): boolean {
  for (let index = 0; index < value.length; index++) addContent(value[index], pending);
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  return value.length > longArray || Object.keys(value).every(isIndex);
}

function isIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 48 && first <= 57;
}

/** All own properties must be enumerable, writable and configurable values under string keys. */
function objectContents(value: object, pending: Contents): boolean {
  const keys = Object.keys(value);
  if (Reflect.ownKeys(value).length !== keys.length) return false;
  for (const key of keys) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (property === undefined || !('value' in property) || !property.writable || !property.configurable) return false;
    addContent(property.value, pending);
  }
  return true;
}
