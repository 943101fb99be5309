/** Names that every worker has by itself: those of the language, then those of Node. */
const languageNames = [
  ...['AggregateError', 'Array', 'ArrayBuffer', 'Atomics', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'Boolean'],
  ...['DataView', 'Date', 'Error', 'EvalError', 'FinalizationRegistry', 'Float32Array', 'Float64Array', 'Function'],
  ...['Infinity', 'Int16Array', 'Int32Array', 'Int8Array', 'Intl', 'Iterator', 'JSON', 'Map', 'Math', 'NaN', 'Number'],
  ...['Object', 'Promise', 'Proxy', 'RangeError', 'ReferenceError', 'Reflect', 'RegExp', 'Set', 'SharedArrayBuffer'],
  ...['String', 'Symbol', 'SyntaxError', 'TypeError', 'URIError', 'Uint16Array', 'Uint32Array', 'Uint8Array'],
  ...['Uint8ClampedArray', 'WeakMap', 'WeakRef', 'WeakSet', 'WebAssembly', 'decodeURI', 'decodeURIComponent'],
  ...['encodeURI', 'encodeURIComponent', 'escape', 'eval', 'globalThis', 'isFinite', 'isNaN', 'parseFloat', 'parseInt'],
  ...['undefined', 'unescape'],
];
const nodeNames = [
  ...['AbortController', 'AbortSignal', 'Blob', 'BroadcastChannel', 'Buffer', 'ByteLengthQueuingStrategy'],
  ...['CompressionStream', 'CountQueuingStrategy', 'Crypto', 'CryptoKey', 'CustomEvent', 'DOMException'],
  ...['DecompressionStream', 'Event', 'EventTarget', 'File', 'FormData', 'Headers', 'MessageChannel', 'MessageEvent'],
  ...['MessagePort', 'Navigator', 'Performance', 'ReadableStream', 'Request', 'Response', 'TextDecoder'],
  ...['TextDecoderStream', 'TextEncoder', 'TextEncoderStream', 'TransformStream', 'URL', 'URLSearchParams'],
  ...['WebSocket', 'WritableStream', 'atob', 'btoa', 'clearImmediate', 'clearInterval', 'clearTimeout', 'console'],
  ...['crypto', 'fetch', 'global', 'navigator', 'performance', 'process', 'queueMicrotask', 'setImmediate'],
  ...['setInterval', 'setTimeout', 'structuredClone'],
];
const standardNames: ReadonlySet<string> = new Set([...languageNames, ...nodeNames]);

/** Whether a worker has this global without our help. One that the program itself defined is no standard global. */
export function isStandardGlobal(name: string): boolean {
  return standardNames.has(name) && name in globalThis;
}

/** Not searched: their properties are state or the whole world. */
const opaque: ReadonlySet<string> = new Set(['process', 'globalThis', 'global']);

let paths: ReadonlyMap<unknown, readonly string[]> | undefined;

/** How to reach a built-in value from `globalThis`: `Math.floor`, `Array.prototype.map`, `Intl.NumberFormat`. */
export function globalPath(value: unknown): readonly string[] | undefined {
  paths ??= findGlobalPaths();
  return paths.get(value);
}

function findGlobalPaths(): ReadonlyMap<unknown, readonly string[]> {
  const found = new Map<unknown, readonly string[]>();
  const search = (owner: object, path: readonly string[], depth: number): void => {
    for (const key of Object.getOwnPropertyNames(owner)) {
      const value: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
      if (!isObject(value) || found.has(value) || (path.length === 0 && !standardNames.has(key))) continue;
      const here = [...path, key];
      found.set(value, here);
      if (depth > 0 && !opaque.has(key)) search(value, here, depth - 1);
    }
  };
  search(globalThis, [], 2);
  for (const name of getterNames) {
    const value: unknown = Reflect.get(globalThis, name);
    if (isObject(value) && !found.has(value)) found.set(value, [name]);
  }
  return found;
}

/** Globals of Node behind getters whose values programs hold. Others (fetch, crypto) would load much when asked. */
const getterNames = ['Buffer', 'process', 'URL', 'URLSearchParams', 'performance'];

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
