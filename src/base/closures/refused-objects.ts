import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import { globalPath } from './globals.ts';
import type { KnownClass, KnownClasses } from './known-classes.ts';
import { openInside } from './refusal.ts';
import type { UserFunction } from './user-function.ts';

/** Why an object cannot travel: what it is, and how to mend it. */
export interface ObjectRefusal {
  readonly what: string;
  readonly mend: string;
}

/** Objects that the language itself keeps from being copied. */
export function refusedByKind(value: object): ObjectRefusal | undefined {
  if (types.isProxy(value)) return { what: 'a Proxy', mend: 'Capture a plain copy of what it stands for.' };
  if (types.isPromise(value)) return { what: 'a Promise', mend: 'Await it first and capture its value.' };
  if (types.isGeneratorObject(value)) return { what: 'a running generator', mend: 'Collect it into an array first.' };
  if (types.isMapIterator(value) || types.isSetIterator(value) || iterators.has(Object.getPrototypeOf(value)))
    return { what: 'a running iterator', mend: 'Collect it into an array first.' };
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef)
    return { what: withArticle(className(value)), mend: 'Use a Map or Set, or make it inside mapPartitions.' };
  if (types.isBoxedPrimitive(value))
    return { what: `a boxed primitive (${className(value)})`, mend: 'Capture its valueOf().' };
  if (types.isExternal(value)) return { what: 'a native handle', mend: openInside };
  return undefined;
}

/** The prototypes of running iterators over arrays, strings and matches. */
const iterators: ReadonlySet<unknown> = new Set([
  Object.getPrototypeOf([][Symbol.iterator]()),
  Object.getPrototypeOf(''[Symbol.iterator]()),
  Object.getPrototypeOf(''.matchAll(/./g)),
]);

/** Prototypes of the language whose objects are captured by their contents. */
const copied: ReadonlySet<unknown> = new Set(
  [Object, Array, Map, Set, Date, RegExp, ArrayBuffer, SharedArrayBuffer, DataView, Function, Buffer]
    .map((made): unknown => made.prototype)
    .concat(
      [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
        (made) => made.prototype,
      ),
    )
    .concat([BigInt64Array, BigUint64Array, Float32Array, Float64Array].map((made) => made.prototype))
    .concat([Object.getPrototypeOf(Uint8Array.prototype), EventEmitter.prototype])
    .concat(
      [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError].map(
        (made) => made.prototype,
      ),
    ),
);

/** The classes above an object, the nearest first; or a refusal when one is Node's or native, with hidden state. */
export function classesAbove(value: object, known: KnownClasses): readonly KnownClass[] | ObjectRefusal {
  const classes: KnownClass[] = [];
  for (let prototype = prototypeOf(value); prototype !== null; prototype = prototypeOf(prototype)) {
    if (copied.has(prototype)) continue;
    const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    const isClass = typeof made === 'function' && made.prototype === prototype;
    const found = isClass ? known.get(made as UserFunction) : undefined;
    if (found?.analysis !== undefined) classes.push(found);
    else if (isClass || globalPath(prototype) !== undefined)
      return { what: withArticle(className(value)), mend: openInside };
  }
  return classes;
}

export function privateStateRefusal(value: object): ObjectRefusal {
  return {
    what: `an object of class ${className(value)} with private members in a class that extends another`,
    mend: 'Make it inside the function or mapPartitions, or use ordinary fields.',
  };
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

function withArticle(name: string): string {
  return `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${name}`;
}

function className(value: object): string {
  const made: unknown = (value as { constructor?: unknown }).constructor;
  return typeof made === 'function' && made.name !== '' ? made.name : 'object without a class';
}
