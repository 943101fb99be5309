import { RecordBatchReader, Table } from 'apache-arrow';
import { fromArrowTable } from '../../columnar/arrow-interop.ts';
import type { FileStatus, RandomAccessFile } from '../file-system.ts';
import { defaultMaxSplitBytes, type Split, type SplitSettings, wholeFile } from '../split.ts';
import { type ByteRange, findIpcMessages, malformed, readBytes } from './ipc-messages.ts';

/** Some record batches of an Arrow IPC file or stream, with what is needed to read them alone. */
export interface ArrowSplit extends Split {
  readonly isStream: boolean;
  /** The schema's message. */
  readonly schema: Uint8Array;
  readonly dictionaries: readonly ByteRange[];
  readonly batches: readonly ByteRange[];
}

/** Splits of whole record batches. */
export function planArrow(
  files: readonly FileStatus[],
  settings: SplitSettings,
  open: (file: FileStatus) => RandomAccessFile,
): readonly ArrowSplit[] {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const target = Math.min(Math.ceil(total / settings.minPartitions), settings.maxSplitBytes ?? defaultMaxSplitBytes);
  return files.flatMap((status) => {
    const file = open(status);
    try {
      const { isStream, schema, dictionaries, batches } = findIpcMessages(file);
      return grouped(batches, target).map((group) => ({
        ...wholeFile(status),
        ...extentOf(group),
        isStream,
        schema,
        dictionaries,
        batches: group,
      }));
    } finally {
      file.close();
    }
  });
}

function grouped(batches: readonly ByteRange[], target: number): readonly (readonly ByteRange[])[] {
  const groups: ByteRange[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const batch of batches) {
    if (size + batch.length > target) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(batch);
    size += batch.length;
  }
  return groups;
}

function extentOf(batches: readonly ByteRange[]): { readonly start: number; readonly end: number } {
  const first = batches[0];
  const last = batches.at(-1);
  return { start: first?.offset ?? 0, end: last === undefined ? 0 : last.offset + last.length };
}

/** The rows of each record batch of a split, as objects. Holds one batch and the dictionaries in memory. */
export function* readArrowSplit(file: RandomAccessFile, split: ArrowSplit): Generator<unknown[]> {
  const { isStream, schema } = split;
  const dictionaries = split.dictionaries.map((range) => ({ range, bytes: readBytes(file, range) }));
  for (const range of split.batches) {
    const known = dictionaries.filter((dictionary) => !isStream || dictionary.range.offset < range.offset);
    // Schema, dictionaries and one batch in a row are a stream of their own.
    const bytes = Buffer.concat([schema, ...known.map((dictionary) => dictionary.bytes), readBytes(file, range)]);
    let rows: unknown[];
    try {
      rows = fromArrowTable(new Table([...RecordBatchReader.from(bytes)]));
    } catch (cause) {
      throw malformed(file, range.offset, `the record batch cannot be read: ${(cause as Error).message}`, cause);
    }
    yield rows;
  }
}
