import { compressionOf, decompressed } from './compression.ts';
import type { RandomAccessFile } from './file-system.ts';
import { FileSystems } from './file-systems.ts';
import { RangeInput, type SequentialInput } from './sequential-input.ts';
import type { ReadSettings } from './source-spec.ts';
import { plannedStatus, type Split } from './split.ts';

/** An open split: `input` delivers its bytes from `start` on, decompressed; `end` is Infinity when only the data knows it. */
export interface OpenSplit {
  readonly file: RandomAccessFile;
  readonly input: SequentialInput;
  readonly end: number;
}

/** Opens the file of a split; `position` is where to begin when the file is not compressed. Close `input` in `finally`. */
export function openSplit(split: Split, position: number, settings: ReadSettings): OpenSplit {
  const file = openPlanned(split, settings);
  const compression = compressionOf(split.uri);
  return compression === 'none'
    ? { file, input: new RangeInput(file, position, split.end), end: split.end }
    : { file, input: decompressed(file, compression), end: Number.POSITIVE_INFINITY };
}

/** Opens the file of a split, or throws MR_INPUT_CHANGED if it is not the one that was planned. */
export function openPlanned(split: Split, settings: ReadSettings): RandomAccessFile {
  const fileSystems = settings.fileSystems ?? new FileSystems();
  return fileSystems.of(split.uri).openRead(split.uri, plannedStatus(split));
}
