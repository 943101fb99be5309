import { types } from 'node:util';
import { isShippable } from '../../base/closures/shippable.ts';

/**
 * What an object is, for the codec, for keys and for the order of values.
 * `instance` is an object of a user's class: it is treated by its fields. `unsupported` cannot be stored at all.
 */
export type ObjectKind =
  | 'plain'
  | 'instance'
  | 'array'
  | 'date'
  | 'bytes'
  | 'buffer'
  | 'map'
  | 'set'
  | 'regExp'
  | 'error'
  | 'typedArray'
  | 'dataView'
  | 'arrayBuffer'
  | 'boxed'
  | 'unsupported';

const known = new Map<object | null, ObjectKind>([
  [Object.prototype, 'plain'],
  [null, 'plain'],
  [Date.prototype, 'date'],
  [Uint8Array.prototype, 'bytes'],
  [Buffer.prototype, 'buffer'],
  [Map.prototype, 'map'],
  [Set.prototype, 'set'],
  [RegExp.prototype, 'regExp'],
]);

/** A class of the platform (URL, AbortSignal, WeakRef) keeps its state where no field shows it. */
const hidesItsState = new WeakMap<object, boolean>();

function hidesState(prototype: object): boolean {
  let answer = hidesItsState.get(prototype);
  if (answer === undefined) {
    const owner: unknown = Reflect.get(prototype, 'constructor');
    answer =
      typeof owner === 'function' &&
      owner !== Object &&
      (Reflect.get(globalThis, owner.name) === owner ||
        Function.prototype.toString.call(owner).endsWith('{ [native code] }'));
    hidesItsState.set(prototype, answer);
  }
  return answer;
}

function kindByBrand(value: object, prototype: object): ObjectKind {
  if (types.isDate(value)) return 'date';
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isRegExp(value)) return 'regExp';
  if (types.isNativeError(value) || value instanceof Error) return 'error';
  if (types.isUint8Array(value)) return 'bytes';
  if (types.isTypedArray(value)) return 'typedArray';
  if (types.isDataView(value)) return 'dataView';
  if (types.isArrayBuffer(value)) return 'arrayBuffer';
  if (types.isSymbolObject(value)) return 'unsupported';
  if (types.isBoxedPrimitive(value)) return 'boxed';
  if (
    types.isPromise(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isSharedArrayBuffer(value) ||
    types.isGeneratorObject(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    types.isExternal(value) ||
    isShippable(value) ||
    hidesState(prototype)
  ) {
    return 'unsupported';
  }
  return 'instance';
}

/** The kind of an object (never of null or a function). Constant time. */
export function objectKind(value: object): ObjectKind {
  if (Array.isArray(value)) return 'array';
  const prototype = Object.getPrototypeOf(value) as object | null;
  return known.get(prototype) ?? kindByBrand(value, prototype as object);
}

/** A name for people of something that cannot be stored: "a function", "a Promise", "a URL". */
export function describeUnsupported(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : `a function (${value.name})`;
  if (typeof value === 'symbol') return `a symbol (${value.description ?? ''})`;
  const name = Object.prototype.toString.call(value).slice(8, -1);
  const className: unknown = name === 'Object' ? Reflect.get(value as object, 'constructor')?.name : name;
  return `${/^(?:A|RDD$)/.test(String(className)) ? 'an' : 'a'} ${String(className)}`;
}
