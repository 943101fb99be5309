import type { MillraceContext } from '../../api/context.ts';
import type { RDD } from '../../api/rdd.ts';
import { rowsOfValue, runPartitions } from '../../api/rdd-core.ts';
import { MillraceError } from '../../base/errors.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import { checkFunctionOption } from './option-checks.ts';

type RddPosition = { readonly partition: number; readonly row: number; readonly partitions: number };

/**
 * The rows of an RDD, partition by partition: no more than one is held. A restart computes the partition it was in again
 * and drops what was read of it, so the RDD must give the same rows in the same order each time.
 *
 * @param make gets the operator's context, which is made at its first use
 * @throws {MillraceError} MR_INPUT_CHANGED when a restart finds another number of partitions
 */
export function rddReader<I>(make: (sc: MillraceContext) => RDD<I> | Promise<RDD<I>>): ItemReader<I> {
  checkFunctionOption('rddReader', 'its argument', make);
  return {
    async open(position, c) {
      const rdd = await make(await c.millrace());
      const partitions = rdd.getNumPartitions();
      const from = (position as RddPosition | undefined) ?? { partition: 0, row: 0, partitions };
      if (from.partitions !== partitions) {
        throw new MillraceError(
          'MR_INPUT_CHANGED',
          `rddReader: the RDD had ${from.partitions} partitions in the last run, which had read a part of it, and has ${partitions} now. Give it a fixed number, or launch with force: true.`,
        );
      }
      return new RddStream(rdd, from, c.signal);
    },
  };
}

class RddStream<I> implements ItemStream<I> {
  readonly #rdd: RDD<I>;
  readonly #partitions: number;
  readonly #signal: AbortSignal;
  #partition: number;
  #row: number;
  /** Those of `#partition`, once it is computed. */
  #rows: readonly I[] | undefined;

  constructor(rdd: RDD<I>, { partition, row, partitions }: RddPosition, signal: AbortSignal) {
    this.#rdd = rdd;
    this.#partitions = partitions;
    this.#signal = signal;
    this.#partition = partition;
    this.#row = row;
  }

  async read(size: number): Promise<readonly I[]> {
    while (this.#partition < this.#partitions) {
      this.#rows ??= await this.#compute(this.#partition);
      const batch = this.#rows.slice(this.#row, this.#row + size);
      if (batch.length > 0) {
        this.#row += batch.length;
        return batch;
      }
      this.#partition += 1;
      this.#row = 0;
      this.#rows = undefined;
    }
    return [];
  }

  position(): JsonValue {
    return { partition: this.#partition, row: this.#row, partitions: this.#partitions };
  }

  progress(): { current: number; total: number } {
    return { current: this.#partition, total: this.#partitions };
  }

  async #compute(partition: number): Promise<readonly I[]> {
    const call = { name: 'rddReader', callSite: undefined, partitions: [partition], signal: this.#signal };
    const [rows = []] = await runPartitions(this.#rdd, call, () => ({ kind: 'collect' }), rowsOfValue);
    return rows as I[];
  }
}
