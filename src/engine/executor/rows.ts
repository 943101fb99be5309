/** Rows per batch where an iterator of single rows is cut into batches. */
const BATCH = 2048;

/** The rows of a partition one by one: what functions over whole partitions get. */
export function* rowsOf(batches: Iterable<readonly unknown[]>): IterableIterator<unknown> {
  for (const batch of batches) yield* batch;
}

/** Single rows gathered into batches, of no more rows than `limit`. */
export function* batchesOf(rows: Iterable<unknown>, limit: number = BATCH): Iterable<unknown[]> {
  if (Array.isArray(rows)) {
    if (rows.length > 0) yield rows;
    return;
  }
  const size = Math.min(BATCH, limit);
  let batch: unknown[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
