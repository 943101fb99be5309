import { decodeBatch, encodeBatch } from '../../data/columnar/row-codec.ts';
import type { DiskExtent } from '../protocol/block.ts';
import type { BlockFileWriter } from '../storage/block-file.ts';
import { batchBytes } from '../storage/memory-gauge.ts';

/** Rows of a run that are read at once when runs are merged, at most; and in how many parts of the memory such a batch must fit. */
const RUN_BATCH_ROWS = 2048;
const MERGED_RUNS = 64;

export interface ExternalSortSettings {
  readonly memoryBytes: number;
  readonly newFile: () => BlockFileWriter;
  readonly compare: (a: unknown, b: unknown) => number;
}

/**
 * A stable sort in bounded memory: sorted runs go to a file when rows outgrow it, and are merged in the end.
 *
 * @see Knuth, The Art of Computer Programming, volume 3, section 5.4
 */
export function* externalSort(
  batches: Iterable<readonly unknown[]>,
  { memoryBytes, newFile, compare }: ExternalSortSettings,
): Iterable<unknown[]> {
  const runs: (readonly DiskExtent[])[] = [];
  let file: BlockFileWriter | undefined;
  let rows: unknown[] = [];
  let bytes = 0;
  const spill = (to: BlockFileWriter): void => {
    rows.sort(compare);
    const fitting = Math.floor((memoryBytes / MERGED_RUNS / bytes) * rows.length);
    const batchRows = Math.max(1, Math.min(RUN_BATCH_ROWS, fitting));
    const run: DiskExtent[] = [];
    for (let first = 0; first < rows.length; first += batchRows) {
      const end = Math.min(first + batchRows, rows.length);
      run.push(to.append(encodeBatch(rows, first, end, (length) => new Uint8Array(length))));
    }
    runs.push(run);
    rows = [];
    bytes = 0;
  };
  for (const batch of batches) {
    for (const row of batch) rows.push(row);
    bytes += batchBytes(batch);
    if (bytes <= memoryBytes) continue;
    file ??= newFile();
    spill(file);
  }
  if (file === undefined) {
    rows.sort(compare);
    if (rows.length > 0) yield rows;
    return;
  }
  if (rows.length > 0) spill(file);
  const spilled = file;
  yield* merged(
    runs.map((run) => runRows(spilled, run)),
    compare,
  );
  spilled.discard();
}

function* runRows(file: BlockFileWriter, run: readonly DiskExtent[]): IterableIterator<unknown> {
  for (const extent of run) yield* decodeBatch(file.read(extent));
}

interface Head {
  row: unknown;
  /** Of equal rows the one of the earlier run comes first. */
  readonly run: number;
  readonly rest: IterableIterator<unknown>;
}

/** A binary heap of the runs' next rows. */
function* merged(
  runs: readonly IterableIterator<unknown>[],
  compare: (a: unknown, b: unknown) => number,
): Iterable<unknown[]> {
  const heap: Head[] = [];
  const isBefore = (a: Head, b: Head): boolean => {
    const order = compare(a.row, b.row);
    return order < 0 || (order === 0 && a.run < b.run);
  };
  const sink = (from: number): void => {
    let at = from;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const [a, b] = [heap[child], heap[least]];
        if (a !== undefined && b !== undefined && isBefore(a, b)) least = child;
      }
      const [a, b] = [heap[at], heap[least]];
      if (least === at || a === undefined || b === undefined) return;
      heap[at] = b;
      heap[least] = a;
      at = least;
    }
  };
  runs.forEach((rest, run) => {
    const first = rest.next();
    if (first.done !== true) heap.push({ row: first.value, run, rest });
  });
  for (let at = heap.length >> 1; at >= 0; at--) sink(at);
  let out: unknown[] = [];
  for (let head = heap[0]; head !== undefined; head = heap[0]) {
    out.push(head.row);
    if (out.length === RUN_BATCH_ROWS) {
      yield out;
      out = [];
    }
    const next = head.rest.next();
    if (next.done !== true) head.row = next.value;
    else {
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) heap[0] = last;
    }
    sink(0);
  }
  if (out.length > 0) yield out;
}
