import { bytesOf, checkKeyDepth, hashKey, partitionOfHash, refuseKey, viewName } from './key-hash.ts';
import { type ObjectKind, objectKind } from './object-kind.ts';

export { hashKey, partitionOfHash };

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

/** A Map of V8 holds at most 2**24 entries; the table goes on in another one. */
const mostInMap = 2 ** 24 - 1;

/**
 * Gives each distinct key a slot 0, 1, 2 ... in the order of first sight. Keys are equal as in {@link keysEqual}, and the
 * first of equal keys is the one kept. Primitives go to a Map, whose equality is the same; others to a hash table.
 */
export class KeyTable {
  #primitives: Map<unknown, number> = new Map();
  #full: Map<unknown, number>[] = [];
  #keys: unknown[] = [];
  /** Open addressing with linear probing: slot + 1, or 0; `#hashes` beside it. At most half full. */
  #slots = new Int32Array(16);
  #hashes = new Int32Array(16);
  #numComposites = 0;
  readonly #mostInMap: number;

  /** @param most entries of one Map, smaller only in tests */
  constructor(most: number = mostInMap) {
    this.#mostInMap = most;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The slot of `key`, a new one when it is new. */
  slot(key: unknown): number {
    if (typeof key === 'object' && key !== null) return this.#compositeSlot(key);
    const found = this.#primitives.get(key) ?? this.#findInFull(key);
    return found === undefined ? this.#insertPrimitive(key) : found;
  }

  /** The slot of `key`, or -1. */
  find(key: unknown): number {
    if (typeof key !== 'object' || key === null) return this.#primitives.get(key) ?? this.#findInFull(key) ?? -1;
    const hash = hashKey(key) | 0;
    return this.#slots[this.#probe(key, hash)]! - 1;
  }

  /** The key of a slot: the first that was given. */
  keyAt(slot: number): unknown {
    return this.#keys[slot];
  }

  /** All keys by slot; the caller must not change the array. */
  keys(): unknown[] {
    return this.#keys;
  }

  /** Forgets all keys. Arrays handed out by `keys()` stay as they are. */
  clear(): void {
    this.#primitives = new Map();
    this.#full = [];
    this.#keys = [];
    this.#slots = new Int32Array(16);
    this.#hashes = new Int32Array(16);
    this.#numComposites = 0;
  }

  #findInFull(key: unknown): number | undefined {
    for (const map of this.#full) {
      const slot = map.get(key);
      if (slot !== undefined) return slot;
    }
    return undefined;
  }

  #insertPrimitive(key: unknown): number {
    if (this.#primitives.size === this.#mostInMap) {
      this.#full.push(this.#primitives);
      this.#primitives = new Map();
    }
    const slot = this.#keys.push(key) - 1;
    this.#primitives.set(key, slot);
    return slot;
  }

  #compositeSlot(key: object): number {
    const hash = hashKey(key) | 0;
    const place = this.#probe(key, hash);
    const found = this.#slots[place]!;
    if (found !== 0) return found - 1;
    const slot = this.#keys.push(key) - 1;
    this.#slots[place] = slot + 1;
    this.#hashes[place] = hash;
    if (++this.#numComposites * 2 > this.#slots.length) this.#grow();
    return slot;
  }

  /** The place of `key`, or the free place where it would go. */
  #probe(key: object, hash: number): number {
    const mask = this.#slots.length - 1;
    // The low bits chose the partition: within one they are alike, so the high ones come first.
    let place = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const slot = this.#slots[place]!;
      if (slot === 0 || (this.#hashes[place] === hash && keysEqual(this.#keys[slot - 1], key))) return place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    this.#slots = new Int32Array(slots.length * 2);
    this.#hashes = new Int32Array(slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let from = 0; from < slots.length; from++) {
      if (slots[from] === 0) continue;
      const hash = hashes[from]!;
      let to = (hash ^ (hash >>> 15)) & mask;
      while (this.#slots[to] !== 0) to = (to + 1) & mask;
      this.#slots[to] = slots[from]!;
      this.#hashes[to] = hash;
    }
  }
}
