import { keysEqual } from '../../data/columnar/key.ts';
import type { JoinType } from '../../plan/lineage/node.ts';
import type { BlockFileWriter } from '../storage/block-file.ts';
import { type Bucket, HashFanOut, type PairBatch } from './hash-fan-out.ts';
import { JoinTable } from './join-table.ts';
import { largeGroupError } from './large-group.ts';

/** Times that pairs are dealt out by hash, after which the keys of a bucket are taken to be few and often repeated. */
const MAX_DEPTH = 6;

export interface ExternalJoinSettings {
  readonly join: JoinType;
  /** A table larger than this is not built: both sides are dealt out to files instead. */
  readonly memoryBytes: number;
  /** Memory for the rows of one key, on the side that has fewer of them. */
  readonly groupBytes: number;
  readonly newFile: () => BlockFileWriter;
}

/**
 * Joins pairs by key in bounded memory: a hash table of the right side, through which the left side streams. If the table does not
 * fit, both sides are dealt out to files by hash, and the buckets are joined one by one in the same way. The rows of a key are held
 * for one side only, and joined rows not at all.
 *
 * Gives `[key, [left, right]]`: for every left row in its order, its partners in theirs; rows without a partner as the join type says.
 *
 * @see Goetz Graefe, Query Evaluation Techniques for Large Databases, ACM Computing Surveys 1993, section 5.3 (hybrid hash join)
 */
export function* externalJoin(
  left: Iterable<PairBatch>,
  right: Iterable<PairBatch>,
  settings: ExternalJoinSettings,
): Iterable<unknown[]> {
  const built = tableOrBuckets(right, settings);
  if (built instanceof JoinTable) yield* built.probe(left, 'left', settings.join);
  else yield* joinBuckets(dealOut(left, settings, 0), built, settings, 1);
}

function tableOrBuckets(right: Iterable<PairBatch>, settings: ExternalJoinSettings): JoinTable | HashFanOut {
  const table = new JoinTable(asksPresence(settings));
  const rest = right[Symbol.iterator]();
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    table.add(next.value);
    if (table.bytes > settings.memoryBytes) return dealOut(chained(table.batches(), remaining(rest)), settings, 0);
  }
  return table;
}

/** Whether it only matters which keys the right side has. */
function asksPresence({ join }: ExternalJoinSettings): boolean {
  return join === 'leftSemi' || join === 'leftAnti';
}

function dealOut(pairs: Iterable<PairBatch>, { newFile }: ExternalJoinSettings, depth: number): HashFanOut {
  const buckets = new HashFanOut(newFile(), depth);
  for (const { keys, values } of pairs) buckets.add(keys, values);
  buckets.flush();
  return buckets;
}

function* joinBuckets(
  left: HashFanOut,
  right: HashFanOut,
  settings: ExternalJoinSettings,
  depth: number,
): Iterable<unknown[]> {
  const rights = right.buckets;
  for (const [index, bucket] of left.buckets.entries())
    yield* joinBucket(bucket, rights[index] as Bucket, settings, depth);
  left.discard();
  right.discard();
}

/** The table is made of the right rows, or of the left ones if only those fit. */
function* joinBucket(left: Bucket, right: Bucket, settings: ExternalJoinSettings, depth: number): Iterable<unknown[]> {
  const ofRight = tableOf(right, settings, asksPresence(settings));
  if (ofRight.isComplete) {
    yield* ofRight.table.probe(left.batches(), 'left', settings.join);
    return;
  }
  const ofLeft = tableOf(left, settings, false);
  if (ofLeft.isComplete) {
    yield* ofLeft.table.probe(right.batches(), 'right', settings.join);
    return;
  }
  refuseCommonKey(ofLeft.table, ofRight.table, settings);
  if (depth < MAX_DEPTH) {
    yield* joinBuckets(
      dealOut(left.batches(), settings, depth),
      dealOut(right.batches(), settings, depth),
      settings,
      depth + 1,
    );
    return;
  }
  yield* fewKeysTable(right, settings).probe(left.batches(), 'left', settings.join);
}

/** As much of a bucket as fits; of a single key as much as fits for a group. */
function tableOf(
  bucket: Bucket,
  { memoryBytes, groupBytes }: ExternalJoinSettings,
  firstOnly: boolean,
): { readonly table: JoinTable; readonly isComplete: boolean } {
  const table = new JoinTable(firstOnly);
  for (const batch of bucket.batches()) {
    table.add(batch);
    if (table.bytes > memoryBytes && (table.onlyKey === undefined || table.bytes > groupBytes))
      return { table, isComplete: false };
  }
  return { table, isComplete: true };
}

/** Both sides hold more of one key than fits: dealing them out again would change nothing. */
function refuseCommonKey(left: JoinTable, right: JoinTable, { groupBytes }: ExternalJoinSettings): void {
  const [ofLeft, ofRight] = [left.onlyKey, right.onlyKey];
  if (ofLeft !== undefined && ofRight !== undefined && keysEqual(ofLeft.key, ofRight.key))
    throw largeGroupError(ofLeft.key, Math.min(left.bytes, right.bytes), groupBytes);
}

/** All rows of a bucket that cannot be divided any more; keys that are merely many go on. */
function fewKeysTable(bucket: Bucket, settings: ExternalJoinSettings): JoinTable {
  const { groupBytes } = settings;
  const table = new JoinTable(asksPresence(settings));
  let checkAt = groupBytes;
  for (const batch of bucket.batches()) {
    table.add(batch);
    if (table.bytes <= checkAt) continue;
    const { key, bytes } = table.greatestGroup();
    if (bytes > groupBytes) throw largeGroupError(key, bytes, groupBytes);
    checkAt *= 2;
  }
  return table;
}

function* chained<T>(first: Iterable<T>, second: Iterable<T>): Iterable<T> {
  yield* first;
  yield* second;
}

function* remaining<T>(iterator: Iterator<T>): Iterable<T> {
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value;
}
