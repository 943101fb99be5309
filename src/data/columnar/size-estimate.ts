import { objectKind } from './object-kind.ts';

/** Items of an array, Map or Set that are looked at; the others are taken to be like them. */
const sampledItems = 32;
const maxDepth = 8;

/** Sizes of V8's heap objects on 64 bits: header and map word; a slot. */
const headerBytes = 16;
const slotBytes = 8;
/** A number that is not a small integer, in an object or a mixed array. */
const heapNumberBytes = 16;

/**
 * About how many bytes a value holds on the heap. Cheap and never exact: strings count as if they were shared with nobody, and
 * of long arrays, Maps and Sets a sample stands for the rest.
 */
export function estimateBytes(value: unknown): number {
  return slotBytes + bytesBehind(value, 0);
}

/** What a slot that holds `value` points to. */
function bytesBehind(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return headerBytes + value.length * (isProbablyOneByte(value) ? 1 : 2);
    case 'number':
      return (value | 0) === value ? 0 : heapNumberBytes;
    case 'bigint':
      return headerBytes + 8;
    case 'object':
      return value === null ? 0 : objectBytes(value, depth);
    case 'boolean':
    case 'undefined':
    case 'symbol':
    case 'function':
      return 0;
  }
}

function isProbablyOneByte(text: string): boolean {
  const step = Math.max(1, text.length >> 3);
  for (let index = 0; index < text.length; index += step) if (text.charCodeAt(index) > 255) return false;
  return true;
}

function objectBytes(value: object, depth: number): number {
  if (depth >= maxDepth) return headerBytes;
  switch (objectKind(value)) {
    case 'array':
      return 2 * headerBytes + sampledBytes(value as readonly unknown[], (value as readonly unknown[]).length, depth);
    case 'map':
      // An entry has three slots, and the table as many as twice the entries.
      return (
        4 * headerBytes +
        (value as Map<unknown, unknown>).size * 6 * slotBytes +
        mapBytes(value as Map<unknown, unknown>, depth)
      );
    case 'set':
      return (
        4 * headerBytes +
        (value as Set<unknown>).size * 4 * slotBytes +
        sampledBytes(value as Set<unknown>, (value as Set<unknown>).size, depth)
      );
    case 'date':
    case 'boxed':
      return 4 * headerBytes;
    case 'bytes':
    case 'buffer':
    case 'typedArray':
    case 'dataView':
    case 'arrayBuffer':
      return 12 * headerBytes + (value as ArrayBufferView).byteLength;
    case 'plain':
    case 'instance':
    case 'regExp':
    case 'error':
    case 'unsupported': {
      let bytes = 2 * headerBytes;
      for (const key in value) bytes += slotBytes + bytesBehind(Reflect.get(value, key), depth + 1);
      return bytes;
    }
  }
}

/** Slots and what they point to, for `size` items like the first ones. */
function sampledBytes(items: Iterable<unknown>, size: number, depth: number): number {
  let sampled = 0;
  let bytes = 0;
  for (const item of items) {
    if (sampled === sampledItems) break;
    bytes += slotBytes + bytesBehind(item, depth + 1);
    sampled++;
  }
  return sampled === 0 ? 0 : (bytes / sampled) * size;
}

function mapBytes(map: ReadonlyMap<unknown, unknown>, depth: number): number {
  return sampledBytes(map.keys(), map.size, depth) + sampledBytes(map.values(), map.size, depth);
}

/** Every row is measured up to this many, then one in ever more. */
const measuredRows = 32;
const growth = 1.1;
const longestGap = 1024;

/**
 * The size of a growing collection, from samples at growing distance, as Spark's SizeTracker: each sample stands for the rows
 * since the one before. `add` costs a counter's step for most rows.
 */
export class SizeTracker {
  #rows = 0;
  #measured = 0;
  #bytes = 0;
  #next = 1;
  #lastRowBytes = 0;

  /** Counts a row that was added. */
  add(row: unknown): void {
    if (++this.#rows === this.#next) this.#measure(row);
  }

  get rows(): number {
    return this.#rows;
  }

  /** The estimated bytes of all rows added. */
  get bytes(): number {
    return Math.round(this.#bytes + (this.#rows - this.#measured) * this.#lastRowBytes);
  }

  /** Starts again, for an empty collection. */
  reset(): void {
    this.#rows = 0;
    this.#measured = 0;
    this.#bytes = 0;
    this.#next = 1;
    this.#lastRowBytes = 0;
  }

  #measure(row: unknown): void {
    this.#lastRowBytes = estimateBytes(row);
    this.#bytes += this.#lastRowBytes * (this.#rows - this.#measured);
    this.#measured = this.#rows;
    this.#next =
      this.#rows < measuredRows ? this.#rows + 1 : Math.min(Math.ceil(this.#rows * growth), this.#rows + longestGap);
  }
}
