import { decodeBatch, encodeBatch } from '../../data/columnar/row-codec.ts';
import type { DiskExtent } from '../protocol/block.ts';
import { BlockFileReader, BlockFileWriter } from '../storage/block-file.ts';
import { batchBytes } from './memory-gauge.ts';

/** Rows of a run that are read at once when runs are merged: all runs have such a batch in memory. */
const RUN_BATCH_ROWS = 2048;

export interface ExternalSortSettings {
  readonly memoryBytes: number;
  readonly newPath: () => string;
  readonly onSpill: (bytes: number) => void;
  readonly compare: (a: unknown, b: unknown) => number;
}

/**
 * A stable sort in bounded memory: sorted runs go to files when rows outgrow it, and are merged in the end.
 *
 * @see Knuth, The Art of Computer Programming, volume 3, section 5.4
 */
export function* externalSort(
  batches: Iterable<readonly unknown[]>,
  settings: ExternalSortSettings,
): Iterable<unknown[]> {
  const { memoryBytes, newPath, onSpill, compare } = settings;
  const runs: { readonly path: string; readonly extents: readonly DiskExtent[] }[] = [];
  let rows: unknown[] = [];
  let bytes = 0;
  const spill = (): void => {
    rows.sort(compare);
    const writer = new BlockFileWriter(newPath());
    for (let first = 0; first < rows.length; first += RUN_BATCH_ROWS) {
      const end = Math.min(first + RUN_BATCH_ROWS, rows.length);
      writer.append(encodeBatch(rows, first, end, (length) => new Uint8Array(length)));
    }
    writer.close();
    onSpill(writer.sizeBytes);
    runs.push({ path: writer.path, extents: writer.extents });
    rows = [];
    bytes = 0;
  };
  for (const batch of batches) {
    for (const row of batch) rows.push(row);
    bytes += batchBytes(batch);
    if (bytes > memoryBytes) spill();
  }
  if (runs.length === 0) {
    rows.sort(compare);
    if (rows.length > 0) yield rows;
    return;
  }
  if (rows.length > 0) spill();
  yield* merged(
    runs.map(({ path, extents }) => runRows(path, extents)),
    compare,
  );
}

function* runRows(path: string, extents: readonly DiskExtent[]): IterableIterator<unknown> {
  const reader = new BlockFileReader(path);
  try {
    for (const extent of extents) yield* decodeBatch(reader.read(extent));
  } finally {
    reader.close();
  }
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
