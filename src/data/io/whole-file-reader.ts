import { MillraceError } from '../../base/errors.ts';
import { openPlanned, openSplit } from './open-split.ts';
import type { BinaryRecordsOptions, ReadSettings, TextOptions } from './source-spec.ts';
import type { Split } from './split.ts';
import { regionEncoding, skipByteOrderMark } from './text-decoding.ts';
import { describeUri } from './uri.ts';

/** One row: the path (or URI) of the file and its whole text. */
export function* readWholeTextSplit(
  split: Split,
  options: TextOptions,
  settings: ReadSettings,
): Generator<[string, string][]> {
  const bytes = readWhole(split, settings);
  const from = skipByteOrderMark(bytes, bytes.length, split.uri, options);
  const encoding = regionEncoding(bytes, from, bytes.length, split.uri, from, options);
  const text =
    encoding === 'utf8' ? bytes.toString('utf8', from, bytes.length) : bytes.toString('latin1', from, bytes.length);
  yield [[describeUri(split.uri), text]];
}

/** One row: the path (or URI) of the file and its bytes, decompressed if its suffix says so. */
export function* readBinaryFileSplit(split: Split, settings: ReadSettings): Generator<[string, Uint8Array][]> {
  const bytes = readWhole(split, settings);
  yield [[describeUri(split.uri), new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)]];
}

const recordBatchBytes = 1024 * 1024;

/** Records of a fixed length, each a Uint8Array of its own. The splits begin at multiples of the length. */
export function* readBinaryRecordsSplit(
  split: Split,
  { recordLength }: BinaryRecordsOptions,
  settings: ReadSettings,
): Generator<Uint8Array[]> {
  const file = openPlanned(split, settings);
  try {
    const perBatch = Math.max(1, Math.floor(recordBatchBytes / recordLength));
    for (let at = split.start; at < split.end; at += perBatch * recordLength) {
      const count = Math.min(perBatch, (split.end - at) / recordLength);
      const bytes = new Uint8Array(count * recordLength);
      file.readInto(bytes, at);
      yield Array.from({ length: count }, (_, index) => bytes.slice(index * recordLength, (index + 1) * recordLength));
    }
    file.checkUnchanged();
  } finally {
    file.close();
  }
}

/** Splits at multiples of the record length; a file that is no multiple of it is MR_PARSE. */
export function alignToRecords(splits: readonly Split[], recordLength: number): readonly Split[] {
  return splits.map((split) => {
    if (split.sizeBytes % recordLength !== 0)
      throw new MillraceError(
        'MR_PARSE',
        `${describeUri(split.uri)} has ${split.sizeBytes} bytes, which is no multiple of the record length ${recordLength}: its last record would have ${split.sizeBytes % recordLength}.`,
        { details: { uri: split.uri } },
      );
    const align = (at: number): number => Math.min(split.sizeBytes, Math.ceil(at / recordLength) * recordLength);
    return { ...split, start: align(split.start), end: align(split.end) };
  });
}

function readWhole(split: Split, settings: ReadSettings): Buffer {
  const { file, input } = openSplit(split, 0, settings);
  try {
    let buffer: Buffer = Buffer.allocUnsafeSlow(Math.max(1024, split.sizeBytes + 1));
    let have = 0;
    for (;;) {
      const count = input.read(buffer.subarray(have));
      if (count === 0) break;
      have += count;
      if (have < buffer.length) continue;
      const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
      buffer.copy(larger);
      buffer = larger;
    }
    file.checkUnchanged();
    return buffer.subarray(0, have);
  } finally {
    input.close();
  }
}
