import { keysEqual } from './key-equality.ts';
import { hashKey, partitionOfHash, refuseKey } from './key-hash.ts';
import { HashedSlots, NumberSlots } from './slot-tables.ts';

export { hashKey, keysEqual, partitionOfHash };

/** Up to this many strings a Map of V8 is faster, as it finds their hashes in them; then all go to the hash table. */
const mostInMap = 32768;

/**
 * Gives each distinct key a slot 0, 1, 2 ... in the order of first sight. Keys are equal as in {@link keysEqual}, and the
 * first of equal keys is the one kept. Up to 2**29 keys.
 */
export class KeyTable {
  readonly #mostInMap: number;
  #keys: unknown[] = [];
  #numbers = new NumberSlots();
  /** Strings and other primitives; its equality is that of keys. Undefined when there are too many: then they are hashed. */
  #primitives: Map<unknown, number> | undefined = new Map();
  #hashed = new HashedSlots(this.#keys);

  /** @param most strings kept in a Map, other than the default only in tests */
  constructor(most: number = mostInMap) {
    this.#mostInMap = most;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The slot of `key`, a new one when it is new. @throws {MillraceError} MR_SCHEMA as `hashKey` */
  slot(key: unknown): number {
    const next = this.#keys.length;
    const slot = this.#add(key, next);
    if (slot === next) this.#keys.push(key);
    return slot;
  }

  /** The slot of `key`, or -1. */
  find(key: unknown): number {
    if (typeof key === 'number' && !Number.isNaN(key)) return this.#numbers.find(key);
    if (this.#primitives === undefined || (typeof key === 'object' && key !== null)) return this.#hashed.find(key);
    return this.#primitives.get(key) ?? -1;
  }

  /** The key of a slot: the first that was given. */
  keyAt(slot: number): unknown {
    return this.#keys[slot];
  }

  /** All keys by slot. The caller must not change the array. */
  keys(): unknown[] {
    return this.#keys;
  }

  /** Forgets all keys. Arrays handed out by `keys()` stay as they are. */
  clear(): void {
    this.#keys = [];
    this.#numbers = new NumberSlots();
    this.#primitives = new Map();
    this.#hashed = new HashedSlots(this.#keys);
  }

  #add(key: unknown, next: number): number {
    if (typeof key === 'number' && !Number.isNaN(key)) return this.#numbers.add(key, next);
    if (this.#primitives === undefined || (typeof key === 'object' && key !== null)) return this.#hashed.add(key, next);
    const slot = this.#primitives.get(key);
    if (slot !== undefined) return slot;
    if (typeof key === 'function' || typeof key === 'symbol') refuseKey(key);
    if (this.#primitives.size < this.#mostInMap) {
      this.#primitives.set(key, next);
      return next;
    }
    for (const [primitive, at] of this.#primitives) this.#hashed.add(primitive, at);
    this.#primitives = undefined;
    return this.#hashed.add(key, next);
  }
}
