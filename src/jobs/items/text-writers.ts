import { MillraceError } from '../../base/errors.ts';
import type { ItemWriter } from '../definition/item-writer.ts';
import { FileWriter } from './file-writer.ts';
import { checkFields, type FixedField } from './fixed-length-reader.ts';
import type { OutputOptions } from './staged-file.ts';
import { encodeText, encodingOf, type TextOptions } from './text-encoding.ts';

const nothing = Buffer.alloc(0);

/**
 * One line an item, ended by `\n`. The file appears when the step is complete; until then it grows beside it (ST-50).
 *
 * @throws {MillraceError} MR_OUTPUT_EXISTS when the file exists and no `mode` is given
 */
export function textWriter(path: string, options: OutputOptions & TextOptions = {}): ItemWriter<string> {
  const encoding = encodingOf('textWriter', options);
  const encode = (items: readonly string[]): Buffer => encodeText(items.map((item) => `${item}\n`).join(''), encoding);
  return new FileWriter(
    path,
    { writer: 'textWriter', encoder: () => ({ header: nothing, footer: nothing, encode }) },
    options,
  );
}

/** One JSON value a line. See {@link textWriter} for when the file appears. */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function jsonLinesWriter<O = any>(path: string, options: OutputOptions & TextOptions = {}): ItemWriter<O> {
  const encoding = encodingOf('jsonLinesWriter', options);
  const encode = (items: readonly O[]): Buffer =>
    encodeText(items.map((item) => `${jsonText('jsonLinesWriter', item)}\n`).join(''), encoding);
  return new FileWriter(
    path,
    { writer: 'jsonLinesWriter', encoder: () => ({ header: nothing, footer: nothing, encode }) },
    options,
  );
}

/** One JSON array of all items, an item a line. See {@link textWriter} for when the file appears. */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function jsonWriter<O = any>(path: string, options: OutputOptions & TextOptions = {}): ItemWriter<O> {
  const encoding = encodingOf('jsonWriter', options);
  const encode = (items: readonly O[], isFirst: boolean): Buffer => {
    const texts = items.map((item) => jsonText('jsonWriter', item));
    return encodeText(`${isFirst ? '\n' : ',\n'}${texts.join(',\n')}`, encoding);
  };
  const [header, footer] = [encodeText('[', encoding), encodeText('\n]\n', encoding)];
  return new FileWriter(path, { writer: 'jsonWriter', encoder: () => ({ header, footer, encode }) }, options);
}

function jsonText(writer: string, item: unknown): string {
  const text: string | undefined = JSON.stringify(item);
  if (text !== undefined) return text;
  throw new MillraceError('MR_VALIDATION', `${writer}: ${typeof item} is no JSON value.`);
}

/**
 * One line an item, each field padded with spaces to its length in characters.
 *
 * @throws {MillraceError} MR_VALIDATION for a value that is longer than its field or holds a line end
 */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function fixedLengthWriter<O extends object = any>(
  path: string,
  options: OutputOptions & TextOptions & { readonly fields: readonly FixedField<keyof O & string>[] },
): ItemWriter<O> {
  const { fields } = options ?? {};
  checkFields('fixedLengthWriter', fields);
  const encoding = encodingOf('fixedLengthWriter', options);
  const toLine = (item: O): string =>
    `${fields.map(({ name, length }) => padded(name, plainText(item[name]), length)).join('')}\n`;
  const encode = (items: readonly O[]): Buffer => encodeText(items.map(toLine).join(''), encoding);
  return new FileWriter(
    path,
    { writer: 'fixedLengthWriter', encoder: () => ({ header: nothing, footer: nothing, encode }) },
    options,
  );
}

function padded(name: string, text: string, length: number): string {
  const characters = /[\ud800-\udfff]/.test(text) ? [...text].length : text.length;
  if (characters > length || /[\r\n]/.test(text)) {
    throw new MillraceError(
      'MR_VALIDATION',
      `fixedLengthWriter: field "${name}" has room for ${length} characters of one line, not for ${JSON.stringify(text)}.`,
    );
  }
  return text + ' '.repeat(length - characters);
}

/** A value as it stands in CSV and fixed-length files: nothing for null, UTC for Dates, JSON for objects. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
