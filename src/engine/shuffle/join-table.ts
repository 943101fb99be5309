import { KeyTable } from '../../data/columnar/key.ts';
import { estimateBytes } from '../../data/columnar/size-estimate.ts';
import type { JoinType } from '../../plan/lineage/node.ts';
import { BATCH_ROWS } from '../storage/block-writer.ts';
import { batchBytes } from '../storage/memory-gauge.ts';
import type { PairBatch } from './hash-fan-out.ts';

type JoinSide = 'left' | 'right';

/** What a row costs beside its key and value: places of the hash table, links, room for growth. */
const BYTES_PER_ROW = 64;
/** Joined rows that are handed on at once. */
const OUT_ROWS = 4096;

/**
 * A hash table of the rows of one side of a join: a chain of rows for each key, in the order they came. Of a side of which it only
 * matters whether a key is there, the first row of each key.
 */
export class JoinTable {
  readonly #keys = new KeyTable();
  /** First and last row of each key. */
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  /** The next row of the same key, or -1; and the value: of each row. */
  readonly #next: number[] = [];
  readonly #values: unknown[] = [];
  readonly #firstOnly: boolean;
  #bytes = 0;

  constructor(firstOnly = false) {
    this.#firstOnly = firstOnly;
  }

  /** About how many bytes the table takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The one key there is, if there is one only. */
  get onlyKey(): { readonly key: unknown } | undefined {
    return this.#keys.size === 1 ? { key: this.#keys.keyAt(0) } : undefined;
  }

  add({ keys, values }: PairBatch): void {
    const before = this.#values.length;
    for (let at = 0; at < keys.length; at++) {
      const slot = this.#keys.slot(keys[at]);
      const isNew = slot === this.#first.length;
      if (this.#firstOnly && !isNew) continue;
      const row = this.#values.push(values[at]) - 1;
      this.#next.push(-1);
      if (isNew) {
        this.#first.push(row);
        this.#last.push(row);
      } else {
        this.#next[this.#last[slot] as number] = row;
        this.#last[slot] = row;
      }
    }
    const added = this.#values.length - before;
    const share = keys.length === 0 ? 0 : added / keys.length;
    this.#bytes += share * (batchBytes(keys) + batchBytes(values)) + added * BYTES_PER_ROW;
  }

  /** The rows again, key by key. */
  *batches(): Iterable<PairBatch> {
    let keys: unknown[] = [];
    let values: unknown[] = [];
    for (let slot = 0; slot < this.#first.length; slot++)
      for (let row = this.#first[slot] as number; row >= 0; row = this.#next[row] as number) {
        values.push(this.#values[row]);
        if (keys.push(this.#keys.keyAt(slot)) < BATCH_ROWS) continue;
        yield { keys, values };
        keys = [];
        values = [];
      }
    if (keys.length > 0) yield { keys, values };
  }

  /** The key with the most rows, and about how many bytes those take. */
  greatestGroup(): { readonly key: unknown; readonly bytes: number } {
    let greatest: { key: unknown; bytes: number } = { key: undefined, bytes: 0 };
    for (let slot = 0; slot < this.#first.length; slot++) {
      const values: unknown[] = [];
      for (let row = this.#first[slot] as number; row >= 0; row = this.#next[row] as number)
        values.push(this.#values[row]);
      const bytes = estimateBytes(values);
      if (bytes > greatest.bytes) greatest = { key: this.#keys.keyAt(slot), bytes };
    }
    return greatest;
  }

  /** Joins the rows of the other side, `side`, with those of the table: `[key, [left, right]]`, as they come. */
  *probe(batches: Iterable<PairBatch>, side: JoinSide, join: JoinType): Iterable<unknown[]> {
    const isLeft = side === 'left';
    const keepsGiven = join === 'fullOuter' || join === (isLeft ? 'leftOuter' : 'rightOuter');
    const keepsHeld = join === 'fullOuter' || join === (isLeft ? 'rightOuter' : 'leftOuter');
    if (join === 'leftSemi' || join === 'leftAnti') {
      yield* isLeft ? this.#givenThat(batches, join) : this.#heldThat(batches, join);
      return;
    }
    const isMatched = new Uint8Array(keepsHeld ? this.#keys.size : 0);
    const pair = (given: unknown, held: unknown): unknown[] => (isLeft ? [given, held] : [held, given]);
    let out: unknown[] = [];
    for (const { keys, values } of batches)
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at];
        const slot = this.#keys.find(key);
        if (slot < 0) {
          if (keepsGiven) out.push([key, pair(values[at], null)]);
        } else {
          if (keepsHeld) isMatched[slot] = 1;
          for (let row = this.#first[slot] as number; row >= 0; row = this.#next[row] as number) {
            out.push([key, pair(values[at], this.#values[row])]);
            if (out.length < OUT_ROWS) continue;
            yield out;
            out = [];
          }
        }
        if (out.length < OUT_ROWS) continue;
        yield out;
        out = [];
      }
    for (let slot = 0; slot < isMatched.length; slot++) {
      if (isMatched[slot] === 1) continue;
      for (let row = this.#first[slot] as number; row >= 0; row = this.#next[row] as number)
        out.push([this.#keys.keyAt(slot), pair(null, this.#values[row])]);
      if (out.length < OUT_ROWS) continue;
      yield out;
      out = [];
    }
    if (out.length > 0) yield out;
  }
  /** The left rows that are given and have a partner here, or have none. */
  *#givenThat(batches: Iterable<PairBatch>, join: 'leftSemi' | 'leftAnti'): Iterable<unknown[]> {
    for (const { keys, values } of batches) {
      const out: unknown[] = [];
      for (let at = 0; at < keys.length; at++)
        if (this.#keys.find(keys[at]) >= 0 === (join === 'leftSemi')) out.push([keys[at], [values[at], null]]);
      if (out.length > 0) yield out;
    }
  }

  /** The left rows that are held here and have a partner among those given, or have none. */
  *#heldThat(batches: Iterable<PairBatch>, join: 'leftSemi' | 'leftAnti'): Iterable<unknown[]> {
    const isMatched = new Uint8Array(this.#keys.size);
    for (const { keys } of batches)
      for (const key of keys) {
        const slot = this.#keys.find(key);
        if (slot >= 0) isMatched[slot] = 1;
      }
    let out: unknown[] = [];
    for (let slot = 0; slot < isMatched.length; slot++) {
      if ((isMatched[slot] === 1) !== (join === 'leftSemi')) continue;
      for (let row = this.#first[slot] as number; row >= 0; row = this.#next[row] as number)
        out.push([this.#keys.keyAt(slot), [this.#values[row], null]]);
      if (out.length < OUT_ROWS) continue;
      yield out;
      out = [];
    }
    if (out.length > 0) yield out;
  }
}
