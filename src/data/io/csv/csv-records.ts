import { MillraceError } from '../../../base/errors.ts';
import type { SequentialInput } from '../sequential-input.ts';
import { regionEncoding, skipByteOrderMark } from '../text-decoding.ts';
import { describeUri } from '../uri.ts';
import { type CsvOptions, csvDialect } from './csv-options.ts';
import { CsvTokenizer, tokenizerSlack } from './csv-tokenizer.ts';

/** Some records in a buffer, tokenized; the buffer and the tokenizer's arrays are reused for the next ones. */
export interface CsvRecords {
  readonly buffer: Buffer;
  /** Where `buffer[0]` stands in the (decompressed) file. */
  readonly base: number;
  readonly tokenizer: CsvTokenizer;
  /** False when all bytes are ASCII or the file is latin1. */
  readonly isUtf8: boolean;
}

const bufferBytes = 1024 * 1024;
const maxRecordBytes = 256 * 1024 * 1024;

/** The records of `input`, whose first byte is the beginning of a record and stands at `start` in the file. */
export function* csvRecords(
  input: SequentialInput,
  uri: string,
  start: number,
  options: CsvOptions,
  maxRecords = 1024,
): Generator<CsvRecords> {
  const tokenizer = new CsvTokenizer(csvDialect(options), maxRecords);
  let buffer = Buffer.allocUnsafeSlow(bufferBytes);
  let base = start;
  let have = 0;
  for (let isEnd = false; !isEnd; ) {
    const count = input.read(buffer.subarray(have, buffer.length - tokenizerSlack));
    isEnd = count === 0;
    const isFirst = base === 0 && have === 0;
    have += count;
    let at = isFirst ? skipByteOrderMark(buffer, have, uri, options) : 0;
    for (;;) {
      const next = tokenizer.scan(buffer, at, have, isEnd);
      if (tokenizer.numRecords > 0) {
        const isUtf8 = regionEncoding(buffer, at, next, uri, base + at, options) === 'utf8';
        yield { buffer, base, tokenizer, isUtf8 };
      }
      if (next === at) break;
      at = next;
    }
    buffer.copyWithin(0, at, have);
    base += at;
    have -= at;
    if (have >= buffer.length / 2) {
      if (buffer.length >= maxRecordBytes) throw endlessRecord(uri, base);
      const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
      buffer.copy(larger, 0, 0, have);
      buffer = larger;
    }
  }
}

function endlessRecord(uri: string, offset: number): MillraceError {
  return new MillraceError(
    'MR_PARSE',
    `${describeUri(uri)}: the record that begins at byte ${offset} is longer than 128 MiB. Is one of its quotes never closed? Files that do not quote by RFC 4180 can be read with quote: ''.`,
    { details: { uri, byteOffset: offset } },
  );
}
