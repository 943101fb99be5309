import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import { analyzeFunction } from './analyze.ts';
import type { BuiltinExports } from './builtin-modules.ts';
import type { FunctionReader } from './function-reader.ts';
import { globalPath } from './globals.ts';
import { isNativeText } from './parse-function.ts';
import { openInside } from './refusal.ts';
import type { UserFunction } from './user-function.ts';

/** Why an object cannot travel: what it is, and how to mend it. */
export interface ObjectRefusal {
  readonly what: string;
  readonly mend: string;
}

export interface ClassSources {
  readonly reader: FunctionReader;
  readonly builtins: BuiltinExports;
}

/** Objects that the language itself keeps from being copied. */
export function refusedByKind(value: object): ObjectRefusal | undefined {
  if (types.isProxy(value)) return { what: 'a Proxy', mend: 'Capture a plain copy of what it stands for.' };
  if (types.isPromise(value)) return { what: 'a Promise', mend: 'Await it first and capture its value.' };
  if (types.isGeneratorObject(value)) return { what: 'a running generator', mend: 'Collect it into an array first.' };
  if (types.isMapIterator(value) || types.isSetIterator(value))
    return { what: 'a running iterator', mend: 'Collect it into an array first.' };
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef)
    return { what: withArticle(className(value)), mend: 'Use a Map or Set, or make it inside mapPartitions.' };
  if (types.isExternal(value)) return { what: 'a native handle', mend: openInside };
  return undefined;
}

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

/** Objects whose class, or one above it, is Node's or native, and so keeps state that JavaScript cannot see. */
export function refusedByClass(value: object, sources: ClassSources): ObjectRefusal | undefined {
  for (let prototype = prototypeOf(value); prototype !== null; prototype = prototypeOf(prototype)) {
    if (copied.has(prototype)) continue;
    const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    if (typeof made !== 'function' || made.prototype !== prototype) {
      if (globalPath(prototype) !== undefined) return { what: withArticle(className(value)), mend: openInside };
      continue;
    }
    const isForeign = isNativeText(Function.prototype.toString.call(made)) || isFromNode(made as UserFunction, sources);
    if (isForeign) return { what: withArticle(className(value)), mend: openInside };
    const names = analyzeFunction(Function.prototype.toString.call(made)).instancePrivateNames;
    if (names.length > 0)
      return {
        what: `an object of class ${made.name} with private fields`,
        mend: 'Make it inside the function or mapPartitions, or use ordinary fields.',
      };
  }
  return undefined;
}

function isFromNode(made: UserFunction, { reader, builtins }: ClassSources): boolean {
  return builtins.find(made) !== undefined || reader.read(made).script.url.startsWith('node:');
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
