/** Murmur3's finalizer: 32 bits in, 32 well mixed bits out. native-bench/src/sales.cpp holds the same function. */
export function mix32(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A seeded sequence, the same on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = mix32(seed + 0x9e3779b9);
  }

  /** An unsigned integer of 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    return mix32(this.#state);
  }

  /** An integer from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }
}
