import { inputStart, lineRegions } from './line-regions.ts';
import { openSplit } from './open-split.ts';
import type { ReadSettings, TextOptions } from './source-spec.ts';
import type { Split } from './split.ts';
import { type RegionEncoding, regionEncoding, skipByteOrderMark } from './text-decoding.ts';

const batchRows = 1024;

/**
 * Lines are made from windows of this size: one string a window, split at \n, is three times as fast as one string a
 * line. V8 makes the lines slices of the window's string, so a line that the user keeps keeps 4 KiB, not the whole chunk.
 */
const windowBytes = 4096;
const newline = 10;
const carriageReturn = 13;

/**
 * The lines of a split, in batches. A line ends with \n or \r\n, which are not part of it; a \r alone is an ordinary
 * character. The last line of a file need not end with \n. Empty lines are kept; a byte order mark is not text.
 */
export function* readTextSplit(split: Split, options: TextOptions, settings: ReadSettings): Generator<string[]> {
  const { file, input, end } = openSplit(split, inputStart(split.start), settings);
  try {
    let batch: string[] = [];
    for (const { buffer, from, to, offset } of lineRegions(input, split.uri, split.start, end)) {
      const first = offset === 0 ? from + skipByteOrderMark(buffer, to, split.uri, options) : from;
      const encoding = regionEncoding(buffer, first, to, split.uri, offset + first - from, options);
      const hasCarriageReturns = buffer.subarray(first, to).includes(carriageReturn);
      for (let at = first; at < to; ) {
        const windowEnd = endOfWindow(buffer, at, to);
        const isTerminated = buffer[windowEnd - 1] === newline;
        const text = slice(buffer, at, isTerminated ? windowEnd - 1 : windowEnd, encoding);
        const lines = text.split('\n');
        if (hasCarriageReturns) stripCarriageReturns(lines, isTerminated);
        for (let index = 0; index < lines.length; index++) batch.push(lines[index] as string);
        at = windowEnd;
        if (batch.length >= batchRows) {
          yield batch;
          batch = [];
        }
      }
    }
    if (batch.length > 0) yield batch;
    file.checkUnchanged();
  } finally {
    input.close();
  }
}

/** The end of a window of whole lines that begins at `at`: after a newline near at + windowBytes, or `to`. */
function endOfWindow(buffer: Buffer, at: number, to: number): number {
  if (to - at <= windowBytes) return to;
  const last = buffer.lastIndexOf(newline, at + windowBytes - 1);
  if (last >= at) return last + 1;
  const next = buffer.indexOf(newline, at + windowBytes);
  return next < 0 || next >= to ? to : next + 1;
}

function slice(buffer: Buffer, from: number, to: number, encoding: RegionEncoding): string {
  return encoding === 'utf8' ? buffer.toString('utf8', from, to) : buffer.toString('latin1', from, to);
}

function stripCarriageReturns(lines: string[], isTerminated: boolean): void {
  const last = isTerminated ? lines.length : lines.length - 1;
  for (let index = 0; index < last; index++) {
    const line = lines[index] as string;
    if (line.charCodeAt(line.length - 1) === carriageReturn) lines[index] = line.slice(0, -1);
  }
}
