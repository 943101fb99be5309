/**
 * XXH64 with seed 0, which Parquet's bloom filters use. 64-bit numbers as two halves, because BigInt is twenty times slower.
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export interface Hash64 {
  readonly low: number;
  readonly high: number;
}

type Halves = [low: number, high: number];

const prime1: Halves = [0x85ebca87, 0x9e3779b1];
const prime2: Halves = [0x27d4eb4f, 0xc2b2ae3d];
const prime3: Halves = [0x9e3779f9, 0x165667b1];
const prime4: Halves = [0xc2b2ae63, 0x85ebca77];
const prime5: Halves = [0x165667c5, 0x27d4eb2f];

export function xxHash64(bytes: Uint8Array): Hash64 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  const word = (at: number): Halves => [view.getUint32(at, true), view.getUint32(at + 4, true)];
  let position = 0;
  let hash: Halves;
  if (length >= 32) {
    let v1 = add(prime1, prime2);
    let v2: Halves = [...prime2];
    let v3: Halves = [0, 0];
    let v4 = subtract([0, 0], prime1);
    for (; position + 32 <= length; position += 32) {
      v1 = round(v1, word(position));
      v2 = round(v2, word(position + 8));
      v3 = round(v3, word(position + 16));
      v4 = round(v4, word(position + 24));
    }
    hash = add(add(rotate(v1, 1), rotate(v2, 7)), add(rotate(v3, 12), rotate(v4, 18)));
    for (const lane of [v1, v2, v3, v4]) hash = add(multiply(xor(hash, round([0, 0], lane)), prime1), prime4);
  } else hash = [...prime5];
  hash = add(hash, [length, 0]);
  for (; position + 8 <= length; position += 8)
    hash = add(multiply(rotate(xor(hash, round([0, 0], word(position))), 27), prime1), prime4);
  if (position + 4 <= length) {
    hash = add(multiply(rotate(xor(hash, multiply([view.getUint32(position, true), 0], prime1)), 23), prime2), prime3);
    position += 4;
  }
  for (; position < length; position++)
    hash = multiply(rotate(xor(hash, multiply([bytes[position]!, 0], prime5)), 11), prime1);
  hash = multiply(xor(hash, shiftRight(hash, 33)), prime2);
  hash = multiply(xor(hash, shiftRight(hash, 29)), prime3);
  hash = xor(hash, shiftRight(hash, 32));
  return { low: hash[0] >>> 0, high: hash[1] >>> 0 };
}

function round(accumulator: Halves, input: Halves): Halves {
  return multiply(rotate(add(accumulator, multiply(input, prime2)), 31), prime1);
}

function add(a: Halves, b: Halves): Halves {
  const low = (a[0] >>> 0) + (b[0] >>> 0);
  return [low | 0, (a[1] + b[1] + (low > 0xffffffff ? 1 : 0)) | 0];
}

function subtract(a: Halves, b: Halves): Halves {
  const low = (a[0] >>> 0) - (b[0] >>> 0);
  return [low | 0, (a[1] - b[1] - (low < 0 ? 1 : 0)) | 0];
}

function xor(a: Halves, b: Halves): Halves {
  return [a[0] ^ b[0], a[1] ^ b[1]];
}

/** The low 64 bits of the product, from products of 16 bits, which a double holds exactly. */
function multiply(a: Halves, b: Halves): Halves {
  const [a0, a1] = [a[0] & 0xffff, a[0] >>> 16];
  const [b0, b1] = [b[0] & 0xffff, b[0] >>> 16];
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const crossed = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(crossed / 0x10000);
  const high = Math.imul(a[0], b[1]) + Math.imul(a[1], b[0]) + carry;
  return [((crossed & 0xffff) << 16) | (low & 0xffff), high | 0];
}

function rotate(a: Halves, bits: number): Halves {
  return bits < 32
    ? [(a[0] << bits) | (a[1] >>> (32 - bits)), (a[1] << bits) | (a[0] >>> (32 - bits))]
    : [(a[1] << (bits - 32)) | (a[0] >>> (64 - bits)), (a[0] << (bits - 32)) | (a[1] >>> (64 - bits))];
}

function shiftRight(a: Halves, bits: number): Halves {
  if (bits === 32) return [a[1], 0];
  if (bits > 32) return [a[1] >>> (bits - 32), 0];
  return [(a[0] >>> bits) | (a[1] << (32 - bits)), a[1] >>> bits];
}
