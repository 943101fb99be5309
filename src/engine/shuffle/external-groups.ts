import { hashKey, type KeyTable } from '../../data/columnar/key.ts';
import { decodePairBatch, encodePairBatch } from '../../data/columnar/row-codec.ts';
import type { DiskExtent } from '../protocol/block.ts';
import { BlockFileReader, BlockFileWriter } from '../storage/block-file.ts';
import { BATCH_ROWS } from '../storage/block-writer.ts';

/** Files a table of groups is dealt out to when it does not fit: by other bits of the hash than partitions use. */
const FAN_OUT = 16;
/** Rounds of dealing out after which the groups of a bucket are taken to be few and large. */
const MAX_DEPTH = 6;

export interface Groups {
  table: KeyTable;
  states: unknown[];
}

/** Groups being built: what is in memory, how to take in spilled ones, and how much that amounts to. */
export interface GroupBuilder {
  readonly groups: Groups;
  /** Merges states that were spilled into those in memory. */
  merge(keys: readonly unknown[], states: readonly unknown[]): void;
  /** About how many bytes the groups in memory hold. */
  bytes(): number;
  reset(): void;
}

export interface ExternalGroupsSettings {
  /** Groups in memory beyond this are spilled. */
  readonly memoryBytes: number;
  readonly newPath: () => string;
  readonly newBuilder: () => GroupBuilder;
  /** Called when one bucket cannot be made smaller: throws if its greatest group is too large to go on. */
  readonly onLargeGroups: (groups: Groups) => void;
  readonly onSpill: (bytes: number) => void;
}

/**
 * Aggregation in bounded memory: when the groups outgrow it, they are dealt out to files by hash, and each file is aggregated by itself
 * in the end, again in bounded memory.
 *
 * @see Goetz Graefe, Query Evaluation Techniques for Large Databases, ACM Computing Surveys 1993, section 4 (hybrid hashing)
 */
export class ExternalGroups {
  readonly #settings: ExternalGroupsSettings;
  readonly #depth: number;
  readonly #builder: GroupBuilder;
  readonly #buckets: DiskExtent[][] = Array.from({ length: FAN_OUT }, () => []);
  #file: BlockFileWriter | undefined;

  constructor(settings: ExternalGroupsSettings, builder: GroupBuilder, depth = 0) {
    this.#settings = settings;
    this.#builder = builder;
    this.#depth = depth;
  }

  /** To be called after every batch that went into the builder. */
  afterBatch(): void {
    if (this.#builder.bytes() <= this.#settings.memoryBytes) return;
    if (this.#depth < MAX_DEPTH) this.#spill();
    else this.#settings.onLargeGroups(this.#builder.groups);
  }

  /** All groups, in batches: those in memory if nothing was spilled, else bucket by bucket. */
  *finish(): Iterable<unknown[]> {
    if (this.#file === undefined) {
      yield* rowsOfGroups(this.#builder.groups);
      return;
    }
    this.#spill();
    this.#file.close();
    const reader = new BlockFileReader(this.#file.path);
    try {
      for (const extents of this.#buckets) {
        const builder = this.#settings.newBuilder();
        const bucket = new ExternalGroups(this.#settings, builder, this.#depth + 1);
        for (const extent of extents) {
          const { keys, values } = decodePairBatch(reader.read(extent));
          builder.merge(keys, values);
          bucket.afterBatch();
        }
        yield* bucket.finish();
      }
    } finally {
      reader.close();
    }
  }

  #spill(): void {
    const { groups } = this.#builder;
    if (groups.states.length === 1) this.#settings.onLargeGroups(groups);
    this.#file ??= new BlockFileWriter(this.#settings.newPath());
    const before = this.#file.sizeBytes;
    const keys: unknown[][] = Array.from({ length: FAN_OUT }, () => []);
    const states: unknown[][] = Array.from({ length: FAN_OUT }, () => []);
    for (let slot = 0; slot < groups.states.length; slot++) {
      const key = groups.table.keyAt(slot);
      const bucket = bucketOf(hashKey(key), this.#depth);
      keys[bucket]?.push(key);
      states[bucket]?.push(groups.states[slot]);
      if ((keys[bucket]?.length ?? 0) >= BATCH_ROWS) this.#flush(bucket, keys, states);
    }
    for (let bucket = 0; bucket < FAN_OUT; bucket++) this.#flush(bucket, keys, states);
    this.#settings.onSpill(this.#file.sizeBytes - before);
    this.#builder.reset();
  }

  #flush(bucket: number, keys: unknown[][], states: unknown[][]): void {
    const bucketKeys = keys[bucket] ?? [];
    if (bucketKeys.length === 0 || this.#file === undefined) return;
    const bytes = encodePairBatch(bucketKeys, states[bucket] ?? [], (length) => new Uint8Array(length));
    this.#buckets[bucket]?.push(this.#file.append(bytes));
    keys[bucket] = [];
    states[bucket] = [];
  }
}

/** Mixes the hash anew at every depth, so that what fell together once is dealt out the next time. */
function bucketOf(hash: number, depth: number): number {
  let mixed = Math.imul(hash ^ Math.imul(depth + 1, 0x9e3779b9), 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0xc2b2ae35) >>> 28;
}

function* rowsOfGroups({ table, states }: Groups): Iterable<unknown[]> {
  for (let first = 0; first < states.length; first += BATCH_ROWS) {
    const rows: unknown[] = [];
    for (let slot = first; slot < Math.min(first + BATCH_ROWS, states.length); slot++)
      rows.push([table.keyAt(slot), states[slot]]);
    yield rows;
  }
}
