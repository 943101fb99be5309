import type { RandomAccessFile } from '../file-system.ts';
import type { ByteRange } from './metadata.ts';
import { readRange } from './metadata.ts';

/** Ranges closer than this are one read: a round trip to a far store costs more than the bytes between. */
const maxGapBytes = 64 * 1024;
/** Of what is read no more than this part may be gaps. */
const maxGapPart = 0.1;

interface Run {
  readonly offset: number;
  end: number;
  wanted: number;
}

/** The bytes of each range, in few reads. Ranges may come in any order. */
export function readRanges(file: RandomAccessFile, ranges: readonly ByteRange[]): readonly Uint8Array[] {
  const results = new Array<Uint8Array>(ranges.length);
  const order = ranges.map((range, index) => ({ range, index })).sort((a, b) => a.range.offset - b.range.offset);
  let pending: typeof order = [];
  let run: Run | undefined;
  const flush = (): void => {
    if (run === undefined) return;
    const { offset, end } = run;
    const bytes = readRange(file, offset, end - offset);
    for (const { range, index } of pending)
      results[index] = bytes.subarray(range.offset - offset, range.offset - offset + range.length);
    pending = [];
  };
  for (const entry of order) {
    const { range } = entry;
    const end = range.offset + range.length;
    if (run !== undefined && isNear(run, range)) {
      run.end = Math.max(run.end, end);
      run.wanted += range.length;
    } else {
      flush();
      run = { offset: range.offset, end, wanted: range.length };
    }
    pending.push(entry);
  }
  flush();
  return results;
}

function isNear(run: Run, range: ByteRange): boolean {
  const gap = range.offset - run.end;
  const total = Math.max(run.end, range.offset + range.length) - run.offset;
  return gap <= maxGapBytes && total - run.wanted - range.length <= total * maxGapPart;
}
