// XXH64 as 32-bit halves: BigInt would be eighty times slower. https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md

const prime1 = { low: 0x85ebca87, high: 0x9e3779b1 };
const prime2 = { low: 0x27d4eb4f, high: 0xc2b2ae3d };
const prime3 = { low: 0x9e3779f9, high: 0x165667b1 };
const prime4 = { low: 0xc2b2ae63, high: 0x85ebca77 };
const prime5 = { low: 0x165667c5, high: 0x27d4eb2f };

interface Constant {
  readonly low: number;
  readonly high: number;
}

const stripeBytes = 32;

/** The hash of bytes that come in pieces, seed 0. Of the result only the low half is wanted here. */
export class Xxh64 {
  /** The four accumulators, low and high halves in turn. */
  readonly #lanes: Int32Array = new Int32Array(8);
  readonly #tail: Uint8Array = new Uint8Array(stripeBytes);
  #tailBytes = 0;
  #total = 0;
  /** The two halves of the value that the steps below work on. */
  #low = 0;
  #high = 0;

  constructor() {
    this.#set(prime1.low, prime1.high);
    this.#add(prime2.low, prime2.high);
    this.#store(0);
    this.#set(prime2.low, prime2.high);
    this.#store(1);
    this.#set(0, 0);
    this.#store(2);
    this.#set(~prime1.low + 1, ~prime1.high);
    this.#store(3);
  }

  update(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let at = 0;
    if (this.#tailBytes > 0) {
      at = Math.min(stripeBytes - this.#tailBytes, bytes.length);
      this.#tail.set(bytes.subarray(0, at), this.#tailBytes);
      this.#tailBytes += at;
      if (this.#tailBytes < stripeBytes) return;
      this.#stripe(this.#tail, 0);
      this.#tailBytes = 0;
    }
    for (; at + stripeBytes <= bytes.length; at += stripeBytes) this.#stripe(bytes, at);
    this.#tail.set(bytes.subarray(at));
    this.#tailBytes = bytes.length - at;
  }

  /** The low 32 bits of the hash. Call it once, at the end. */
  digestLow(): number {
    if (this.#total >= stripeBytes) this.#mergeLanes();
    else this.#set(prime5.low, prime5.high);
    this.#add(this.#total | 0, Math.floor(this.#total / 2 ** 32));
    const tail = this.#tail;
    let at = 0;
    for (; at + 8 <= this.#tailBytes; at += 8) {
      const low = this.#low;
      const high = this.#high;
      this.#round(0, 0, wordAt(tail, at), wordAt(tail, at + 4));
      this.#set(this.#low ^ low, this.#high ^ high);
      this.#rotate(27);
      this.#multiply(prime1);
      this.#add(prime4.low, prime4.high);
    }
    if (at + 4 <= this.#tailBytes) {
      const low = this.#low;
      const high = this.#high;
      this.#set(wordAt(tail, at), 0);
      this.#multiply(prime1);
      this.#set(this.#low ^ low, this.#high ^ high);
      this.#rotate(23);
      this.#multiply(prime2);
      this.#add(prime3.low, prime3.high);
      at += 4;
    }
    for (; at < this.#tailBytes; at++) {
      const low = this.#low;
      const high = this.#high;
      this.#set(tail[at] as number, 0);
      this.#multiply(prime5);
      this.#set(this.#low ^ low, this.#high ^ high);
      this.#rotate(11);
      this.#multiply(prime1);
    }
    this.#xorShift(33);
    this.#multiply(prime2);
    this.#xorShift(29);
    this.#multiply(prime3);
    this.#xorShift(32);
    return this.#low >>> 0;
  }

  #stripe(bytes: Uint8Array, at: number): void {
    const lanes = this.#lanes;
    for (let lane = 0; lane < 4; lane++) {
      const position = at + 8 * lane;
      this.#round(
        lanes[2 * lane] as number,
        lanes[2 * lane + 1] as number,
        wordAt(bytes, position),
        wordAt(bytes, position + 4),
      );
      this.#store(lane);
    }
  }

  /** rotate(accumulator + input * prime2, 31) * prime1 */
  #round(low: number, high: number, inputLow: number, inputHigh: number): void {
    this.#set(inputLow, inputHigh);
    this.#multiply(prime2);
    this.#add(low, high);
    this.#rotate(31);
    this.#multiply(prime1);
  }

  #mergeLanes(): void {
    const lanes = this.#lanes;
    const rotations = [1, 7, 12, 18];
    let low = 0;
    let high = 0;
    for (let lane = 0; lane < 4; lane++) {
      this.#set(lanes[2 * lane] as number, lanes[2 * lane + 1] as number);
      this.#rotate(rotations[lane] as number);
      this.#add(low, high);
      low = this.#low;
      high = this.#high;
    }
    for (let lane = 0; lane < 4; lane++) {
      this.#round(0, 0, lanes[2 * lane] as number, lanes[2 * lane + 1] as number);
      this.#set(this.#low ^ low, this.#high ^ high);
      this.#multiply(prime1);
      this.#add(prime4.low, prime4.high);
      low = this.#low;
      high = this.#high;
    }
  }

  #set(low: number, high: number): void {
    this.#low = low | 0;
    this.#high = high | 0;
  }

  #store(lane: number): void {
    this.#lanes[2 * lane] = this.#low;
    this.#lanes[2 * lane + 1] = this.#high;
  }

  #add(low: number, high: number): void {
    const sum = (this.#low >>> 0) + (low >>> 0);
    this.#low = sum | 0;
    this.#high = (this.#high + high + (sum > 0xffffffff ? 1 : 0)) | 0;
  }

  #rotate(bits: number): void {
    const low = this.#low;
    const high = this.#high;
    this.#low = (low << bits) | (high >>> (32 - bits));
    this.#high = (high << bits) | (low >>> (32 - bits));
  }

  #xorShift(bits: number): void {
    const low = this.#low;
    const high = this.#high;
    if (bits >= 32) this.#low = low ^ (high >>> (bits - 32));
    else {
      this.#low = low ^ ((low >>> bits) | (high << (32 - bits)));
      this.#high = high ^ (high >>> bits);
    }
  }

  #multiply({ low, high }: Constant): void {
    const a = this.#low;
    const a0 = a & 0xffff;
    const a1 = a >>> 16;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    const p01 = a0 * b1;
    const p10 = a1 * b0;
    const middle = ((a0 * b0) >>> 16) + (p01 & 0xffff) + (p10 & 0xffff);
    const carry = a1 * b1 + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16);
    this.#high = (carry + Math.imul(a, high) + Math.imul(this.#high, low)) | 0;
    this.#low = Math.imul(a, low);
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
