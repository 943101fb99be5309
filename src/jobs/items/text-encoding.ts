import { isUtf8 } from 'node:buffer';
import { MillraceError } from '../../base/errors.ts';

export type TextEncoding = 'utf-8' | 'utf-16le' | 'latin1';

/** Node's names. */
const nodeNames: Readonly<Record<TextEncoding, BufferEncoding>> = {
  'utf-8': 'utf8',
  'utf-16le': 'utf16le',
  latin1: 'latin1',
};

export interface TextOptions {
  /** Default utf-8. A byte order mark is dropped. */
  readonly encoding?: TextEncoding;
}

const loneSurrogate = /\p{Surrogate}/u;

/** Checks the option and fills in the default. */
export function encodingOf(reader: string, options: TextOptions): TextEncoding {
  const { encoding = 'utf-8' } = options;
  if (Object.hasOwn(nodeNames, encoding)) return encoding;
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `${reader}: encoding must be utf-8, utf-16le or latin1, got ${JSON.stringify(encoding)}.`,
  );
}

export function byteOrderMark(encoding: TextEncoding): Buffer {
  return encoding === 'latin1' ? Buffer.alloc(0) : Buffer.from('\ufeff', nodeNames[encoding]);
}

/** @throws {MillraceError} MR_VALIDATION when the encoding has no such character: it would be written as another one */
export function encodeText(text: string, encoding: TextEncoding): Buffer {
  if (encoding === 'utf-8' && loneSurrogate.test(text)) {
    throw new MillraceError('MR_VALIDATION', 'The text holds half of a surrogate pair, which utf-8 cannot write.');
  }
  if (encoding === 'latin1') {
    const foreign = /[\u0100-\u{10ffff}]/u.exec(text);
    if (foreign) {
      throw new MillraceError(
        'MR_VALIDATION',
        `latin1 has no character ${JSON.stringify(foreign[0])}. Write the file as utf-8.`,
      );
    }
  }
  return Buffer.from(text, nodeNames[encoding]);
}

/**
 * Text as the readers cut it. A character of it is a byte of the file, two for utf-16le, so that positions in it are
 * offsets in the file; the pieces that leave a reader go through {@link decodePiece} first.
 */
export function rawText(bytes: Buffer, encoding: TextEncoding): string {
  return encoding === 'utf-16le' ? bytes.toString('utf16le', 0, bytes.length & ~1) : bytes.toString('latin1');
}

/** Text of a user, such as a delimiter, as it stands in {@link rawText}. */
export function asRawText(text: string, encoding: TextEncoding): string {
  return encoding === 'utf-8' ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

const nonAscii = /[\u0080-\u00ff]/;

/** Whether {@link decodePiece} would change nothing of it. */
export function isRealText(raw: string, encoding: TextEncoding): boolean {
  return encoding !== 'utf-8' || !nonAscii.test(raw);
}

/** A piece of {@link rawText} as real text, or undefined when it is not valid utf-8. */
export function decodePiece(raw: string, encoding: TextEncoding): string | undefined {
  if (isRealText(raw, encoding)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
