import { MillraceError } from '../../base/errors.ts';
import { hasLoneSurrogate } from './lone-surrogate.ts';
import { objectKind } from './object-kind.ts';
import { UnsupportedValue } from './unsupported-value.ts';

/** First byte of every written value. Numbers are part of the format: add, never change. */
export const valueTag = {
  null: 0,
  undefined: 1,
  false: 2,
  true: 3,
  integer: 4,
  float: 5,
  latin1: 6,
  utf8: 7,
  utf16: 8,
  bigint: 9,
  date: 10,
  array: 11,
  sparseArray: 12,
  object: 13,
  map: 14,
  set: 15,
  regExp: 16,
  error: 17,
  bytes: 18,
  buffer: 19,
  view: 20,
  arrayBuffer: 21,
  boxed: 22,
  reference: 23,
} as const;

/** Nesting a value may have; the reader and writer recurse, and worker stacks are not large. */
const maxDepth = 1000;

/**
 * Writes any JS value that can be copied to bytes, exactly: -0, lone surrogates, holes, named properties of arrays,
 * cycles and sharing inside one value, errors with their own fields. Objects of classes are written by field.
 * v8.serialize is 15 times slower on small values, drops an error's fields and gives {} for a URL in silence; msgpackr is as
 * fast, but loses -0, holes, lone surrogates and named properties of arrays: to guard it takes a walk as long as this one.
 */
export class ValueWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(1024);
  #position = 0;
  #depth = 0;
  #ids: Map<object, number> | undefined;
  #first: object | undefined;
  #count = 0;

  get position(): number {
    return this.#position;
  }

  /** The bytes written so far; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#position);
  }

  /** Appends one value. @throws UnsupportedValue for functions, symbols, promises and the like */
  write(value: unknown): void {
    this.#ids = undefined;
    this.#first = undefined;
    this.#count = 0;
    this.#depth = 0;
    this.#value(value);
  }

  #reserve(size: number): void {
    if (this.#position + size <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#position + size));
    grown.set(this.#bytes.subarray(0, this.#position));
    this.#bytes = grown;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#position++] = byte;
  }

  /** Unsigned LEB128, up to 2**53. */
  #size(size: number): void {
    this.#reserve(8);
    let rest = size;
    while (rest >= 128) {
      this.#bytes[this.#position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#position++] = rest;
  }

  #double(value: number): void {
    this.#reserve(8);
    this.#position = this.#bytes.writeDoubleLE(value, this.#position);
  }

  #raw(bytes: Uint8Array): void {
    this.#size(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#byte(valueTag.integer);
      this.#size(value < 0 ? -value * 2 - 1 : value * 2);
    } else {
      this.#byte(valueTag.float);
      this.#double(value);
    }
  }

  #string(value: string): void {
    const length = value.length;
    this.#reserve(length * 3 + 9);
    let latin1 = true;
    for (let index = 0; index < length && latin1; index++) latin1 = value.charCodeAt(index) < 256;
    if (latin1) {
      this.#byte(valueTag.latin1);
      this.#size(length);
      this.#reserve(length);
      this.#position += this.#bytes.write(value, this.#position, 'latin1');
      return;
    }
    const wellFormed = !hasLoneSurrogate(value);
    this.#byte(wellFormed ? valueTag.utf8 : valueTag.utf16);
    this.#raw(Buffer.from(value, wellFormed ? 'utf8' : 'utf16le'));
  }

  #bigint(value: bigint): void {
    this.#byte(valueTag.bigint);
    const hex = (value < 0n ? -value : value).toString(16);
    this.#byte(value < 0n ? 1 : 0);
    this.#raw(Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex'));
  }

  /** True when `value` was written before in this value: then only its number was written. */
  #seen(value: object): boolean {
    if (this.#first === undefined) {
      this.#first = value;
      this.#count = 1;
      return false;
    }
    this.#ids ??= new Map([[this.#first, 0]]);
    const id = this.#ids.get(value);
    if (id === undefined) {
      this.#ids.set(value, this.#count++);
      return false;
    }
    this.#byte(valueTag.reference);
    this.#size(id);
    return true;
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return;
      case 'string':
        this.#string(value);
        return;
      case 'boolean':
        this.#byte(value ? valueTag.true : valueTag.false);
        return;
      case 'bigint':
        this.#bigint(value);
        return;
      case 'undefined':
        this.#byte(valueTag.undefined);
        return;
      case 'object':
        if (value === null) this.#byte(valueTag.null);
        else if (!this.#seen(value)) this.#object(value);
        return;
      case 'function':
      case 'symbol':
        throw new UnsupportedValue(value);
    }
  }

  #object(value: object): void {
    if (++this.#depth > maxDepth) {
      throw new MillraceError(
        'MR_SCHEMA',
        `A value is nested more than ${maxDepth} levels deep (a linked list?), which cannot be stored. Use an array of items instead.`,
      );
    }
    switch (objectKind(value)) {
      case 'plain':
      case 'instance':
        this.#byte(valueTag.object);
        this.#fields(value, Object.keys(value));
        break;
      case 'array':
        this.#array(value as unknown[]);
        break;
      case 'date':
        this.#byte(valueTag.date);
        this.#double((value as Date).getTime());
        break;
      case 'bytes':
        this.#byte(valueTag.bytes);
        this.#raw(value as Uint8Array);
        break;
      case 'buffer':
        this.#byte(valueTag.buffer);
        this.#raw(value as Uint8Array);
        break;
      case 'map':
        this.#byte(valueTag.map);
        this.#size((value as Map<unknown, unknown>).size);
        for (const [key, item] of value as Map<unknown, unknown>) {
          this.#value(key);
          this.#value(item);
        }
        break;
      case 'set':
        this.#byte(valueTag.set);
        this.#size((value as Set<unknown>).size);
        for (const item of value as Set<unknown>) this.#value(item);
        break;
      case 'regExp':
        this.#byte(valueTag.regExp);
        this.#string((value as RegExp).source);
        this.#string((value as RegExp).flags);
        this.#number((value as RegExp).lastIndex);
        break;
      case 'error':
        this.#error(value as Error);
        break;
      case 'typedArray':
      case 'dataView': {
        const view = value as ArrayBufferView;
        this.#byte(valueTag.view);
        this.#string(Object.prototype.toString.call(view).slice(8, -1));
        this.#raw(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        break;
      }
      case 'arrayBuffer':
        this.#byte(valueTag.arrayBuffer);
        this.#raw(new Uint8Array(value as ArrayBuffer));
        break;
      case 'boxed':
        this.#byte(valueTag.boxed);
        this.#value(value.valueOf());
        break;
      case 'unsupported':
        throw new UnsupportedValue(value);
    }
    this.#depth--;
  }

  #fields(value: object, keys: readonly string[]): void {
    this.#size(keys.length);
    for (const key of keys) {
      this.#string(key);
      this.#value(Reflect.get(value, key));
    }
  }

  #array(value: readonly unknown[]): void {
    const keys = Object.keys(value);
    if (keys.length === value.length && (keys.length === 0 || keys[keys.length - 1] === String(value.length - 1))) {
      this.#byte(valueTag.array);
      this.#size(value.length);
      for (let index = 0; index < value.length; index++) this.#value(value[index]);
    } else {
      this.#byte(valueTag.sparseArray);
      this.#size(value.length);
      this.#fields(value, keys);
    }
  }

  /** Class name, name, message, stack, then cause and errors (not enumerable in errors of the platform) and own fields. */
  #error(value: Error): void {
    const keys = Object.keys(value).filter((key) => !['name', 'message', 'stack', 'cause', 'errors'].includes(key));
    for (const key of ['errors', 'cause']) if (Object.hasOwn(value, key)) keys.unshift(key);
    this.#byte(valueTag.error);
    this.#string(errorClass(value));
    this.#value(value.name);
    this.#value(value.message);
    this.#value(value.stack);
    this.#fields(value, keys);
  }
}

const errorClasses = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
]);

/** The platform's error class that `value` extends: users' classes do not exist where it is read. */
function errorClass(value: Error): string {
  for (let proto: unknown = Object.getPrototypeOf(value); proto !== null; proto = Object.getPrototypeOf(proto)) {
    const name: unknown = (proto as { constructor?: { name?: unknown } }).constructor?.name;
    if (typeof name === 'string' && errorClasses.has(name)) return name;
  }
  return 'Error';
}
