import { MillraceError } from '../../base/errors.ts';
import { describeUnsupported, objectKind } from './object-kind.ts';

/**
 * The canonical hash of keys: MurmurHash3 (x86, 32 bits, Austin Appleby) over the little-endian bytes of a canonical form,
 * seeded by the type. It decides partitions, so it is part of the format: test/data/columnar/golden/key-hash.json freezes it.
 *
 * string: its UTF-8 (a lone surrogate as three bytes, as if it were a character). number, Date: 8 bytes of the float64, 0 for -0,
 * one NaN. bigint in int64: 8 bytes. Hence kernels can hash Utf8, Float64 and Int64 buffers without making JS values.
 * Arrays: the items' hashes in order, each one block. Objects, Maps: the sum of their entries' hashes; Sets: of their items'.
 */
const seed = {
  string: 0x73747231,
  number: 0x6e756d31,
  bigint: 0x62696731,
  date: 0x64617431,
  bytes: 0x62797431,
  array: 0x61727231,
  object: 0x6f626a31,
  entry: 0x656e7431,
  map: 0x6d617031,
  set: 0x73657431,
  regExp: 0x72656731,
  error: 0x65727231,
  boxed: 0x626f7831,
} as const;

/** Hashes of the values that have no content; arbitrary, frozen. */
const constantHash = { null: 0x9d4a1c37, undefined: 0x51e8f06b, true: 0xc36b7a95, false: 0x2e95d3f1 } as const;

/** Nesting of a key; a cycle is found by it. */
const maxDepth = 500;

/** Mixes one 32-bit block into a running hash. */
function mix(hash: number, block: number): number {
  let k = Math.imul(block, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Mixes the last one to three bytes in. */
function mixTail(hash: number, tail: number): number {
  const k = Math.imul(tail, 0xcc9e2d51);
  return hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

/** Ends a hash over `byteLength` bytes: uint32. */
function finish(hash: number, byteLength: number): number {
  let h = hash ^ byteLength;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** MurmurHash3_x86_32 of `bytes[start..end)`. */
export function murmur3(bytes: Uint8Array, start: number, end: number, from: number): number {
  let hash = from;
  const whole = start + ((end - start) & ~3);
  let index = start;
  for (; index < whole; index += 4) {
    hash = mix(hash, bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24));
  }
  if (index < end) {
    let tail = bytes[index]!;
    if (index + 1 < end) tail |= bytes[index + 1]! << 8;
    if (index + 2 < end) tail |= bytes[index + 2]! << 16;
    hash = mixTail(hash, tail);
  }
  return finish(hash, end - start);
}

/** `hashKey` of the string whose UTF-8 is `bytes[start..end)`, without making the string. */
export function hashUtf8(bytes: Uint8Array, start: number, end: number): number {
  return murmur3(bytes, start, end, seed.string);
}

/** UTF-8 of a string, lone surrogates as three bytes each (WTF-8). */
function wtf8(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(text.length * 3);
  let to = 0;
  for (let index = 0; index < text.length; index++) {
    const point = text.codePointAt(index)!;
    if (point < 0x80) {
      bytes[to++] = point;
    } else if (point < 0x800) {
      bytes[to++] = 0xc0 | (point >> 6);
      bytes[to++] = 0x80 | (point & 63);
    } else if (point < 0x10000) {
      bytes[to++] = 0xe0 | (point >> 12);
      bytes[to++] = 0x80 | ((point >> 6) & 63);
      bytes[to++] = 0x80 | (point & 63);
    } else {
      bytes[to++] = 0xf0 | (point >> 18);
      bytes[to++] = 0x80 | ((point >> 12) & 63);
      bytes[to++] = 0x80 | ((point >> 6) & 63);
      bytes[to++] = 0x80 | (point & 63);
      index++;
    }
  }
  return bytes.subarray(0, to);
}

function hashString(text: string): number {
  const length = text.length;
  const whole = length & ~3;
  let hash: number = seed.string;
  let index = 0;
  for (; index < whole; index += 4) {
    const a = text.charCodeAt(index);
    const b = text.charCodeAt(index + 1);
    const c = text.charCodeAt(index + 2);
    const d = text.charCodeAt(index + 3);
    if ((a | b | c | d) > 127) return hashNonAscii(text);
    hash = mix(hash, a | (b << 8) | (c << 16) | (d << 24));
  }
  if (index < length) {
    let all = text.charCodeAt(index);
    let tail = all;
    for (let shift = 8; ++index < length; shift += 8) {
      const unit = text.charCodeAt(index);
      all |= unit;
      tail |= unit << shift;
    }
    if (all > 127) return hashNonAscii(text);
    hash = mixTail(hash, tail);
  }
  return finish(hash, length);
}

function hashNonAscii(text: string): number {
  const bytes = wtf8(text);
  return murmur3(bytes, 0, bytes.length, seed.string);
}

/** One float64 and its halves: the low one first, as every platform that Node supports on servers and desktops stores it. */
const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

function hashNumber(value: number, from: number): number {
  float[0] = value + 0; // -0 becomes 0
  if (Number.isNaN(value)) return finish(mix(mix(from, 0), 0x7ff80000), 8);
  return finish(mix(mix(from, halves[0]!), halves[1]!), 8);
}

/** Two's complement of 64 bits; of a bigint that does not fit, as many blocks of 32 bits as it needs, then its sign. */
function hashBigint(value: bigint): number {
  let hash: number = seed.bigint;
  if (BigInt.asIntN(64, value) === value) {
    hash = mix(hash, Number(BigInt.asIntN(32, value)));
    return finish(mix(hash, Number(value >> 32n)), 8);
  }
  let rest = value;
  let blocks = 1;
  for (; rest !== 0n && rest !== -1n; blocks++) {
    hash = mix(hash, Number(BigInt.asIntN(32, rest)));
    rest >>= 32n;
  }
  return finish(mix(hash, Number(rest)), blocks * 4);
}

function hashEntry(keyHash: number, valueHash: number): number {
  return finish(mix(mix(seed.entry, keyHash), valueHash), 8);
}

/** @throws {MillraceError} MR_SCHEMA */
export function refuseKey(value: unknown): never {
  throw new MillraceError(
    'MR_SCHEMA',
    `A key is or contains ${describeUnsupported(value)}, which has no value to compare. Use a string, number or plain data as key.`,
  );
}

/** Guards recursion into keys. @throws {MillraceError} MR_SCHEMA */
export function checkKeyDepth(depth: number): void {
  if (depth > maxDepth) {
    throw new MillraceError(
      'MR_SCHEMA',
      `A key is nested more than ${maxDepth} levels deep, or contains itself. Use a part of it as key, such as an id.`,
    );
  }
}

function hashObject(value: object, depth: number): number {
  checkKeyDepth(depth);
  const kind = objectKind(value);
  switch (kind) {
    case 'array': {
      const items = value as readonly unknown[];
      let hash: number = seed.array;
      for (let index = 0; index < items.length; index++) hash = mix(hash, hashAt(items[index], depth + 1));
      return finish(hash, items.length * 4);
    }
    case 'plain':
    case 'instance': {
      const keys = Object.keys(value);
      let sum = 0;
      for (const key of keys) sum = (sum + hashEntry(hashString(key), hashAt(Reflect.get(value, key), depth + 1))) | 0;
      return finish(mix(seed.object, sum), keys.length);
    }
    case 'date':
      return hashNumber((value as Date).getTime(), seed.date);
    case 'bytes':
    case 'buffer':
      return murmur3(value as Uint8Array, 0, (value as Uint8Array).length, seed.bytes);
    case 'map': {
      const map = value as ReadonlyMap<unknown, unknown>;
      let sum = 0;
      for (const [key, item] of map) sum = (sum + hashEntry(hashAt(key, depth + 1), hashAt(item, depth + 1))) | 0;
      return finish(mix(seed.map, sum), map.size);
    }
    case 'set': {
      const set = value as ReadonlySet<unknown>;
      let sum = 0;
      for (const item of set) sum = (sum + hashEntry(hashAt(item, depth + 1), 0)) | 0;
      return finish(mix(seed.set, sum), set.size);
    }
    case 'regExp': {
      const { source, flags } = value as RegExp;
      return finish(mix(mix(seed.regExp, hashString(source)), hashString(flags)), 8);
    }
    case 'error': {
      const { name, message } = value as Error;
      return finish(mix(mix(seed.error, hashAt(name, depth + 1)), hashAt(message, depth + 1)), 8);
    }
    case 'boxed':
      return finish(mix(seed.boxed, hashAt(value.valueOf(), depth + 1)), 4);
    case 'typedArray':
    case 'dataView':
    case 'arrayBuffer':
      return murmur3(bytesOf(value), 0, bytesOf(value).length, hashString(viewName(value)));
    case 'unsupported':
      return refuseKey(value);
  }
}

/** "Float32Array", "DataView", "ArrayBuffer". */
export function viewName(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** The bytes of a typed array, DataView or ArrayBuffer. */
export function bytesOf(value: object): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value as ArrayBuffer);
}

function hashAt(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return hashString(value);
    case 'number':
      return hashNumber(value, seed.number);
    case 'bigint':
      return hashBigint(value);
    case 'boolean':
      return value ? constantHash.true : constantHash.false;
    case 'undefined':
      return constantHash.undefined;
    case 'object':
      return value === null ? constantHash.null : hashObject(value, depth);
    case 'function':
    case 'symbol':
      return refuseKey(value);
  }
}

/**
 * The canonical hash of a key, uint32: the same in every process, platform and version, and equal for keys that `keysEqual`.
 * @throws {MillraceError} MR_SCHEMA for functions, symbols, what holds them, and cycles
 */
export function hashKey(value: unknown): number {
  return hashAt(value, 0);
}

/** The partition of a key with this hash: 0 to numPartitions - 1. */
export function partitionOfHash(hash: number, numPartitions: number): number {
  return hash % numPartitions;
}
