import type { KeyTable } from '../../data/columnar/key.ts';
import type { BlockFileWriter } from '../storage/block-file.ts';
import { BATCH_ROWS } from '../storage/block-writer.ts';
import { HashFanOut } from './hash-fan-out.ts';

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
  readonly newFile: () => BlockFileWriter;
  readonly newBuilder: () => GroupBuilder;
  /** Called when one bucket cannot be made smaller: throws if its greatest group is too large to go on. */
  readonly onLargeGroups: (groups: Groups) => void;
}

/**
 * Aggregation in bounded memory: when the groups outgrow it, they are dealt out to files by hash, and each bucket is aggregated by
 * itself in the end, again in bounded memory.
 *
 * @see Goetz Graefe, Query Evaluation Techniques for Large Databases, ACM Computing Surveys 1993, section 4 (hybrid hashing)
 */
export class ExternalGroups {
  readonly #settings: ExternalGroupsSettings;
  readonly #depth: number;
  readonly #builder: GroupBuilder;
  #spilled: HashFanOut | undefined;

  constructor(settings: ExternalGroupsSettings, builder: GroupBuilder, depth = 0) {
    this.#settings = settings;
    this.#builder = builder;
    this.#depth = depth;
  }

  /** To be called after every batch that went into the builder. */
  afterBatch(): void {
    if (this.#builder.bytes() <= this.#settings.memoryBytes) return;
    const { groups } = this.#builder;
    // A single group is one wherever it lies: it may take what there is for a group.
    if (groups.states.length === 1 || this.#depth >= MAX_DEPTH) this.#settings.onLargeGroups(groups);
    else this.#spill();
  }

  /** All groups, in batches: those in memory if nothing was spilled, else bucket by bucket. */
  *finish(): Iterable<unknown[]> {
    if (this.#spilled === undefined) {
      yield* rowsOfGroups(this.#builder.groups);
      return;
    }
    this.#spilled.add(this.#builder.groups.table.keys(), this.#builder.groups.states);
    this.#spilled.flush();
    this.#builder.reset();
    for (const { batches } of this.#spilled.buckets) {
      const builder = this.#settings.newBuilder();
      const bucket = new ExternalGroups(this.#settings, builder, this.#depth + 1);
      for (const { keys, values } of batches()) {
        builder.merge(keys, values);
        bucket.afterBatch();
      }
      yield* bucket.finish();
    }
    this.#spilled.discard();
  }

  #spill(): void {
    const { groups } = this.#builder;
    this.#spilled ??= new HashFanOut(this.#settings.newFile(), this.#depth);
    this.#spilled.add(groups.table.keys(), groups.states);
    this.#spilled.flush();
    this.#builder.reset();
  }
}

function* rowsOfGroups({ table, states }: Groups): Iterable<unknown[]> {
  for (let first = 0; first < states.length; first += BATCH_ROWS) {
    const rows: unknown[] = [];
    for (let slot = first; slot < Math.min(first + BATCH_ROWS, states.length); slot++)
      rows.push([table.keyAt(slot), states[slot]]);
    yield rows;
  }
}
