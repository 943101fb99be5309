import { keysEqual } from './key-equality.ts';
import { hashKey } from './key-hash.ts';

/**
 * Hash tables from keys to slots by open addressing with linear probing, at most half full. A place holds slot + 1, or 0.
 * Over a Map of V8: two to four times faster from some ten thousand keys on, and not limited to 2**24 entries.
 */
const firstPlaces = 64;

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

/** Spreads a number over int32: of its value if it is an int32, else of its bits. Not the canonical hash, and never stored. */
function spread(key: number): number {
  let hash = key | 0;
  if (hash !== key) {
    float[0] = key;
    hash = halves[0]! ^ Math.imul(halves[1]!, 0x85ebca6b);
  }
  hash = Math.imul(hash, 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** Slots of numbers; never NaN. -0 is 0. */
export class NumberSlots {
  #slots = new Int32Array(firstPlaces);
  #keys = new Float64Array(firstPlaces);
  #size = 0;

  /** The slot of `key`, or -1. */
  find(key: number): number {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    let place = spread(key) & mask;
    for (;;) {
      const slot = slots[place]!;
      if (slot === 0 || keys[place] === key) return slot - 1;
      place = (place + 1) & mask;
    }
  }

  /** The slot of `key`, which is `next` when it is new. */
  add(key: number, next: number): number {
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    let place = spread(key) & mask;
    for (;;) {
      const slot = slots[place]!;
      if (slot === 0) break;
      if (keys[place] === key) return slot - 1;
      place = (place + 1) & mask;
    }
    slots[place] = next + 1;
    keys[place] = key;
    if (++this.#size * 2 > slots.length) this.#grow();
    return next;
  }

  #grow(): void {
    const slots = this.#slots;
    const keys = this.#keys;
    const moreSlots = new Int32Array(slots.length * 2);
    const moreKeys = new Float64Array(slots.length * 2);
    const mask = moreSlots.length - 1;
    for (let from = 0; from < slots.length; from++) {
      if (slots[from] === 0) continue;
      let to = spread(keys[from]!) & mask;
      while (moreSlots[to] !== 0) to = (to + 1) & mask;
      moreSlots[to] = slots[from]!;
      moreKeys[to] = keys[from]!;
    }
    this.#slots = moreSlots;
    this.#keys = moreKeys;
  }
}

/** The low bits of the canonical hash chose the partition, so that within one they are alike: the high ones come in. */
function firstPlace(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask;
}

/** Slots of keys of any kind, by the canonical hash and equality. The keys themselves stand in `keys`, by slot. */
export class HashedSlots {
  readonly #keys: readonly unknown[];
  #slots = new Int32Array(firstPlaces);
  #hashes = new Int32Array(firstPlaces);
  #size = 0;

  constructor(keys: readonly unknown[]) {
    this.#keys = keys;
  }

  /** The slot of `key`, or -1. */
  find(key: unknown): number {
    return this.#slots[this.#probe(key, hashKey(key) | 0)]! - 1;
  }

  /** The slot of `key`, which is `next` when it is new; the caller then puts the key there. */
  add(key: unknown, next: number): number {
    const hash = hashKey(key) | 0;
    const place = this.#probe(key, hash);
    const slot = this.#slots[place]!;
    if (slot !== 0) return slot - 1;
    this.#slots[place] = next + 1;
    this.#hashes[place] = hash;
    if (++this.#size * 2 > this.#slots.length) this.#grow();
    return next;
  }

  /** The place of `key`, or the free one where it would go. */
  #probe(key: unknown, hash: number): number {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    let place = firstPlace(hash, mask);
    for (;;) {
      const slot = slots[place]!;
      if (slot === 0 || (hashes[place] === hash && keysEqual(this.#keys[slot - 1], key))) return place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const moreSlots = new Int32Array(slots.length * 2);
    const moreHashes = new Int32Array(slots.length * 2);
    const mask = moreSlots.length - 1;
    for (let from = 0; from < slots.length; from++) {
      if (slots[from] === 0) continue;
      let to = firstPlace(hashes[from]!, mask);
      while (moreSlots[to] !== 0) to = (to + 1) & mask;
      moreSlots[to] = slots[from]!;
      moreHashes[to] = hashes[from]!;
    }
    this.#slots = moreSlots;
    this.#hashes = moreHashes;
  }
}
