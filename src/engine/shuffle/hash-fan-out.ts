import { hashKey } from '../../data/columnar/key.ts';
import { decodePairBatch, encodePairBatch } from '../../data/columnar/row-codec.ts';
import type { DiskExtent } from '../protocol/block.ts';
import type { BlockFileWriter } from '../storage/block-file.ts';
import { BATCH_ROWS } from '../storage/block-writer.ts';
import { batchBytes } from '../storage/memory-gauge.ts';

/** Buckets that pairs are dealt out to when they do not fit in memory: 2 ** FAN_OUT_BITS. */
const FAN_OUT_BITS = 4;
/** About how much may wait in memory for its bucket to fill. */
const MAX_WAITING_BYTES = 8 * 2 ** 20;

/** Pairs as two arrays of equal length. */
export interface PairBatch {
  readonly keys: readonly unknown[];
  readonly values: readonly unknown[];
}

/** Pairs in a file; they may be read more than once, until the file is discarded. */
export interface Bucket {
  batches(): Iterable<PairBatch>;
}

interface OpenBucket {
  keys: unknown[];
  values: unknown[];
  readonly extents: DiskExtent[];
}

/**
 * Pairs dealt out by the hash of their keys to buckets of one file. Pairs of a bucket come back in the order they went in.
 *
 * @see Goetz Graefe, Query Evaluation Techniques for Large Databases, ACM Computing Surveys 1993, section 4 (hash partitioning)
 */
export class HashFanOut {
  readonly #file: BlockFileWriter;
  readonly #depth: number;
  readonly #buckets: readonly OpenBucket[];
  #waitingBytes = 0;

  /** @param depth how often these pairs have been dealt out before: each time by other bits of the hash */
  constructor(file: BlockFileWriter, depth: number) {
    this.#file = file;
    this.#depth = depth;
    this.#buckets = Array.from({ length: 2 ** FAN_OUT_BITS }, () => ({ keys: [], values: [], extents: [] }));
  }

  add(keys: readonly unknown[], values: readonly unknown[]): void {
    for (let row = 0; row < keys.length; row++) {
      const key = keys[row];
      const bucket = this.#buckets[bucketOf(hashKey(key), this.#depth)] as OpenBucket;
      bucket.values.push(values[row]);
      if (bucket.keys.push(key) >= BATCH_ROWS) this.#write(bucket);
    }
    this.#waitingBytes += batchBytes(keys) + batchBytes(values);
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.flush();
  }

  /** Writes what is still in memory. */
  flush(): void {
    for (const bucket of this.#buckets) if (bucket.keys.length > 0) this.#write(bucket);
    this.#waitingBytes = 0;
  }

  /** Complete once all is flushed. */
  get buckets(): readonly Bucket[] {
    return this.#buckets.map(({ extents }) => ({ batches: () => this.#read(extents) }));
  }

  discard(): void {
    this.#file.discard();
  }

  *#read(extents: readonly DiskExtent[]): Iterable<PairBatch> {
    for (const extent of extents) yield decodePairBatch(this.#file.read(extent));
  }

  #write(bucket: OpenBucket): void {
    bucket.extents.push(this.#file.append(encodePairBatch(bucket.keys, bucket.values, newBytes)));
    bucket.keys = [];
    bucket.values = [];
  }
}

function newBytes(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** Mixes the hash anew at every depth, so that what fell together once (also in a partition) is dealt out the next time. */
function bucketOf(hash: number, depth: number): number {
  let mixed = Math.imul(hash ^ Math.imul(depth + 1, 0x9e3779b9), 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0xc2b2ae35) >>> (32 - FAN_OUT_BITS);
}
