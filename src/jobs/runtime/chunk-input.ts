import { MillraceError } from '../../base/errors.ts';
import type { ItemStream } from '../definition/item-reader.ts';
import { notJson } from '../definition/json-text.ts';
import type { JsonValue } from '../definition/json-value.ts';

/** Where a restart goes on: a position of the reader and the records behind it that are resolved already (ST-200). */
export interface InputPlace {
  readonly position: JsonValue;
  readonly drop: number;
}

/** One record of the input: an item, or one that could not be read. */
export interface InputEntry {
  readonly index: number;
  readonly item: unknown;
  /** Of a record that could not be read. */
  readonly error: unknown;
  readonly isReadSkip: boolean;
  readonly batch: Batch;
  /** In the batch. */
  readonly offset: number;
}

/** What one call of `read` gave. */
interface Batch {
  readonly position: JsonValue;
  readonly after: JsonValue;
  readonly count: number;
}

/** The place behind an entry. */
export function placeBehind({ batch, offset }: InputEntry): InputPlace {
  return offset + 1 === batch.count
    ? { position: batch.after, drop: 0 }
    : { position: batch.position, drop: offset + 1 };
}

/**
 * A stream read in batches and taken in chunks of any other size.
 *
 * Positions are taken between reads only; a place inside a batch is the one before it and a number to drop.
 */
export class ChunkInput {
  readonly #stream: ItemStream<unknown>;
  readonly #fetchSize: number;
  readonly #what: string;
  #position: JsonValue;
  #batch: Batch | undefined;
  #items: readonly unknown[] = [];
  #offset = 0;
  #index: number;
  #isEnd = false;

  constructor(stream: ItemStream<unknown>, fetchSize: number, index: number, what: string) {
    this.#stream = stream;
    this.#fetchSize = fetchSize;
    this.#index = index;
    this.#what = what;
    this.#position = this.#positionNow();
  }

  /** Index of the next record. */
  get index(): number {
    return this.#index;
  }

  /** The place in front of the next read. */
  get place(): InputPlace {
    return { position: this.#position, drop: 0 };
  }

  /** One read of at most `count` records that were resolved before a restart. @returns how many it gave */
  async drop(count: number): Promise<number> {
    const { length } = await this.#stream.read(Math.min(count, this.#fetchSize));
    if (length === 0) {
      throw new MillraceError(
        'MR_INPUT_CHANGED',
        `${this.#what}: the input is shorter than in the last run: ${count} records that it had read are not there. Put them back, or launch with force: true.`,
      );
    }
    this.#position = this.#positionNow();
    return length;
  }

  /** Puts up to `most` items behind `entries`; undefined when a read is needed first, by {@link fetch}. 0 at the end. */
  take(most: number, entries: InputEntry[]): number {
    const batch = this.#batch;
    if (batch === undefined) return 0;
    const count = Math.min(most, batch.count - this.#offset);
    for (let n = 0; n < count; n++) {
      const offset = this.#offset++;
      entries.push({
        index: this.#index++,
        item: this.#items[offset],
        error: undefined,
        isReadSkip: false,
        batch,
        offset,
      });
    }
    if (this.#offset === batch.count) this.#batch = undefined;
    return count;
  }

  /** Whether items are waiting to be taken. */
  get hasItems(): boolean {
    return this.#batch !== undefined;
  }

  get isEnd(): boolean {
    return this.#isEnd;
  }

  /** One call of `read`. What it throws leaves this input as it was. */
  fetch(): undefined | Promise<undefined> {
    const read = this.#stream.read(this.#fetchSize);
    if (Array.isArray(read)) return this.#accept(read);
    return Promise.resolve(read).then((items) => this.#accept(items));
  }

  /** The stream has moved past a record that could not be read: an entry of its own. */
  skipRecord(error: unknown): InputEntry {
    const after = this.#positionNow();
    const batch: Batch = { position: this.#position, after, count: 1 };
    this.#position = after;
    return { index: this.#index++, item: undefined, error, isReadSkip: true, batch, offset: 0 };
  }

  /** What a restart could not read back is refused now: it would begin anew and double its items. */
  #positionNow(): JsonValue {
    const position = this.#stream.position();
    const wrong = notJson(position);
    if (wrong === undefined) return position;
    throw new MillraceError(
      'MR_NOT_JSON',
      `${this.#what}: the position of its reader is not JSON: ${wrong}. Return what open() needs to go on, as null, booleans, finite numbers, strings, arrays and plain objects.`,
    );
  }

  #accept(items: readonly unknown[]): undefined {
    if (!Array.isArray(items) || items.length > this.#fetchSize) {
      const got = Array.isArray(items) ? `${items.length} items` : `${typeof items}, no array`;
      throw new MillraceError(
        'MR_JOB_DEFINITION',
        `${this.#what}: its reader was asked for at most ${this.#fetchSize} items and returned ${got}. Return an array of at most that many, empty at the end.`,
      );
    }
    if (items.length === 0) {
      this.#isEnd = true;
      return undefined;
    }
    const after = this.#positionNow();
    this.#batch = { position: this.#position, after, count: items.length };
    this.#items = items;
    this.#offset = 0;
    this.#position = after;
    return undefined;
  }
}
