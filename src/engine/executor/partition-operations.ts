import { defined } from '../../base/defined.ts';
import { MillraceError } from '../../base/errors.ts';
import { Random } from '../../base/random.ts';
import { addToSketch, type DistinctSketch, newSketch } from '../../data/columnar/distinct-sketch.ts';
import { hashKey, KeyTable } from '../../data/columnar/key.ts';
import { compareValues } from '../../data/columnar/ordering.ts';
import { pairOf } from '../../data/columnar/pair.ts';
import type { PartitionOperation } from '../../plan/lineage/partition-operation.ts';

export interface OperationPlace {
  readonly partition: number;
  readonly numPartitions: number;
  /** The rows in the partitions before this one. */
  readonly rowsBefore: () => number;
}

type Rows = readonly unknown[];

/** The batches of a partition after `operation`. */
export function operateOn(
  operation: PartitionOperation,
  batches: Iterable<Rows>,
  place: OperationPlace,
): Iterable<unknown[]> {
  switch (operation.kind) {
    case 'sample': {
      const take = sampler(operation.withReplacement, randomOf(operation.seed, place.partition));
      return batchwise(batches, (rows) => repeated(rows, () => take(operation.fraction)));
    }
    case 'split': {
      const random = randomOf(operation.seed, place.partition);
      return batchwise(batches, (rows) =>
        rows.filter(() => {
          const at = random.next();
          return at >= operation.from && at < operation.to;
        }),
      );
    }
    case 'sampleByKey':
      return sampleByKey(operation, batches, place.partition);
    case 'index': {
      let next = place.rowsBefore();
      return batchwise(batches, (rows) => rows.map((row) => [row, next++]));
    }
    case 'uniqueId': {
      let next = place.partition;
      return batchwise(batches, (rows) =>
        rows.map((row) => {
          const id = next;
          next += place.numPartitions;
          return [row, id];
        }),
      );
    }
    case 'keyRange': {
      const { lower, upper } = operation;
      return batchwise(batches, (rows) =>
        rows.filter((row) => {
          const [key] = pairOf(row);
          return compareValues(key, lower) >= 0 && compareValues(key, upper) <= 0;
        }),
      );
    }
    case 'sketch':
      return operation.of === 'rows'
        ? sketchRows(batches, operation.precision)
        : sketchValues(batches, operation.precision);
  }
}

/** Both sides row by row; they must be equally long. */
export function* zipRows(left: Iterable<unknown>, right: Iterable<unknown>, partition: number): Iterable<unknown> {
  const rights = right[Symbol.iterator]();
  for (const row of left) {
    const other = rights.next();
    if (other.done === true) throw unequalLengths('first', partition);
    yield [row, other.value];
  }
  if (rights.next().done !== true) throw unequalLengths('second', partition);
}

function unequalLengths(longer: string, partition: number): MillraceError {
  return new MillraceError(
    'MR_SCHEMA',
    `zip: partition ${partition} of the ${longer} RDD has more rows than that of the other. Zip RDDs of which one is a map of the other, or join them by zipWithIndex.`,
  );
}

function* batchwise(batches: Iterable<Rows>, change: (rows: Rows) => unknown[]): Iterable<unknown[]> {
  for (const rows of batches) {
    const out = change(rows);
    if (out.length > 0) yield out;
  }
}

function repeated(rows: Rows, times: (row: unknown) => number): unknown[] {
  const out: unknown[] = [];
  for (const row of rows) for (let left = times(row); left > 0; left--) out.push(row);
  return out;
}

/** A stream for each partition, unlike those of its neighbours. */
function randomOf(seed: number, partition: number): Random {
  return new Random(Math.trunc(seed) ^ Math.trunc(seed / 2 ** 32) ^ Math.imul(partition + 1, 0x9e3779b1));
}

/** How often a row is taken, given its fraction: 0 or 1, or drawn from a Poisson distribution (events until time `fraction`). */
function sampler(withReplacement: boolean, random: Random): (fraction: number) => number {
  if (!withReplacement) return (fraction) => Number(random.next() < fraction);
  return (fraction) => {
    const untilNext = (): number => -Math.log(1 - random.next());
    let events = 0;
    for (let time = untilNext(); time < fraction; time += untilNext()) events++;
    return events;
  };
}

function sampleByKey(
  operation: Extract<PartitionOperation, { readonly kind: 'sampleByKey' }>,
  batches: Iterable<Rows>,
  partition: number,
): Iterable<unknown[]> {
  const keys = new KeyTable();
  const fractions: number[] = [];
  for (const [key, fraction] of operation.fractions) fractions[keys.slot(key)] = fraction;
  const take = sampler(operation.withReplacement, randomOf(operation.seed, partition));
  return batchwise(batches, (rows) =>
    repeated(rows, (row) => {
      const [key] = pairOf(row);
      const fraction = fractions[keys.find(key)];
      if (fraction !== undefined) return take(fraction);
      throw new MillraceError('MR_OPTION_INVALID', `sampleByKey: no fraction is given for the key ${shown(key)}.`);
    }),
  );
}

function shown(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(key);
}

function* sketchRows(batches: Iterable<Rows>, precision: number): Iterable<unknown[]> {
  const sketch = newSketch(precision);
  for (const rows of batches) for (const row of rows) addToSketch(sketch, hashKey(row));
  yield [sketch];
}

function* sketchValues(batches: Iterable<Rows>, precision: number): Iterable<unknown[]> {
  const keys = new KeyTable();
  const sketches: DistinctSketch[] = [];
  for (const rows of batches)
    for (const row of rows) {
      const [key, value] = pairOf(row);
      const slot = keys.slot(key);
      sketches[slot] ??= newSketch(precision);
      addToSketch(defined(sketches[slot], 'sketch'), hashKey(value));
    }
  if (sketches.length > 0) yield sketches.map((sketch, slot) => [keys.keyAt(slot), sketch]);
}
