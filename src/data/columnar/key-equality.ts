import { bytesOf, checkKeyDepth, hashKey, refuseKey, viewName } from './key-hash.ts';
import { type ObjectKind, objectKind } from './object-kind.ts';

/**
 * Equality of keys, by value. 1, '1' and 1n differ; NaN equals NaN; -0 equals 0; null and undefined differ. Arrays are equal
 * item by item (a hole is undefined), objects by their own enumerable fields in any order (a missing field is not an undefined
 * one; the class does not matter), Dates by time (invalid ones are equal), Uint8Arrays and Buffers by bytes, other binary by
 * class and bytes, Maps and Sets by content in any order, RegExps by source and flags, errors by name and message.
 */
export function keysEqual(a: unknown, b: unknown): boolean {
  return equalAt(a, b, 0);
}

function equalAt(a: unknown, b: unknown, depth: number): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  return equalObjects(a, b, depth + 1);
}

/** Kinds that compare with each other are one. */
function comparedAs(value: object): ObjectKind {
  const kind = objectKind(value);
  if (kind === 'instance') return 'plain';
  return kind === 'buffer' ? 'bytes' : kind;
}

function equalObjects(a: object, b: object, depth: number): boolean {
  checkKeyDepth(depth);
  const kind = comparedAs(a);
  if (kind !== comparedAs(b)) return false;
  switch (kind) {
    case 'array':
      return equalArrays(a as readonly unknown[], b as readonly unknown[], depth);
    case 'plain':
    case 'instance':
      return equalFields(a, b, depth);
    case 'date':
      return equalAt((a as Date).getTime(), (b as Date).getTime(), depth);
    case 'bytes':
    case 'buffer':
      return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
    case 'map':
      return equalMembers([...(a as Map<unknown, unknown>)], [...(b as Map<unknown, unknown>)], depth);
    case 'set':
      return equalMembers([...(a as Set<unknown>)], [...(b as Set<unknown>)], depth);
    case 'regExp':
      return (a as RegExp).source === (b as RegExp).source && (a as RegExp).flags === (b as RegExp).flags;
    case 'error':
      return (
        equalAt((a as Error).name, (b as Error).name, depth) &&
        equalAt((a as Error).message, (b as Error).message, depth)
      );
    case 'boxed':
      return equalAt(a.valueOf(), b.valueOf(), depth);
    case 'typedArray':
    case 'dataView':
    case 'arrayBuffer':
      return viewName(a) === viewName(b) && Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
    case 'unsupported':
      return refuseKey(a);
  }
}

function equalArrays(a: readonly unknown[], b: readonly unknown[], depth: number): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!equalAt(a[index], b[index], depth)) return false;
  return true;
}

function equalFields(a: object, b: object, depth: number): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.prototype.propertyIsEnumerable.call(b, key)) return false;
    if (!equalAt(Reflect.get(a, key), Reflect.get(b, key), depth)) return false;
  }
  return true;
}

/** The same members, as often, in any order. Sorted by hash first: members are compared only with those of equal hash. */
function equalMembers(a: readonly unknown[], b: readonly unknown[], depth: number): boolean {
  if (a.length !== b.length) return false;
  const byHash = new Map<number, unknown[]>();
  for (const item of b) {
    const hash = hashKey(item);
    const bucket = byHash.get(hash);
    if (bucket === undefined) byHash.set(hash, [item]);
    else bucket.push(item);
  }
  for (const item of a) {
    const bucket = byHash.get(hashKey(item)) ?? [];
    const found = bucket.findIndex((other) => equalAt(item, other, depth));
    if (found < 0) return false;
    bucket.splice(found, 1);
  }
  return true;
}
