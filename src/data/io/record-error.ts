import { MillraceError } from '../../base/errors.ts';
import { compressionOf, decompressed } from './compression.ts';
import { FileSystems } from './file-systems.ts';
import type { ReadSettings } from './source-spec.ts';
import type { Split } from './split.ts';
import { describeUri } from './uri.ts';

/** Where a malformed record begins: its line, counted from 1, and its byte offset in the (decompressed) file. */
export interface RecordPosition {
  readonly line: number;
  readonly byteOffset: number;
}

const newline = 10;

/**
 * The position of what begins at a byte offset. Splits carry no line numbers: the file is read again up to the record
 * only when there is an error to report, so a good file never pays for it.
 */
export function positionOfOffset(split: Split, byteOffset: number, settings: ReadSettings): RecordPosition {
  return find(split, settings, (line, start) => start >= byteOffset && { line, byteOffset });
}

/** The position of the line with this index (from 0) among the lines of a split. */
export function positionOfLine(split: Split, index: number, settings: ReadSettings): RecordPosition {
  let seen = 0;
  return find(
    split,
    settings,
    (line, start) => start >= split.start && seen++ === index && { line, byteOffset: start },
  );
}

/** MR_PARSE at a record: `file:line: what is wrong. How to go on.` */
export function recordError(
  split: Split,
  { line, byteOffset }: RecordPosition,
  reason: string,
  advice: string,
  cause?: unknown,
): MillraceError {
  return new MillraceError('MR_PARSE', `${describeUri(split.uri)}:${line}: ${reason} (byte ${byteOffset}). ${advice}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { uri: split.uri, line, byteOffset },
  });
}

/** Asks `match` with the number and the first byte of each line, until it answers. */
function find(
  split: Split,
  settings: ReadSettings,
  match: (line: number, start: number) => RecordPosition | false,
): RecordPosition {
  const file = (settings.fileSystems ?? new FileSystems()).of(split.uri).openRead(split.uri);
  const input = decompressed(file, compressionOf(split.uri));
  try {
    const buffer = Buffer.allocUnsafe(256 * 1024);
    let line = 1;
    let found = match(line, 0);
    for (let position = 0; found === false; ) {
      const count = input.read(buffer);
      if (count === 0) break;
      for (
        let at = buffer.indexOf(newline);
        found === false && at >= 0 && at < count;
        at = buffer.indexOf(newline, at + 1)
      )
        found = match(++line, position + at + 1);
      position += count;
    }
    return found === false ? { line, byteOffset: split.end } : found;
  } finally {
    input.close();
  }
}
