import { MillraceError } from '../../base/errors.ts';
import type { ItemReader } from '../definition/item-reader.ts';
import type { SchemaOutput, StandardSchemaV1 } from '../definition/standard-schema.ts';
import { startLines } from './lines-reader.ts';
import { checkOption, checkPath, checkSchema } from './option-checks.ts';
import { encodingOf, type TextOptions } from './text-encoding.ts';
import { TextFileReader } from './text-records.ts';
import { validateItem } from './validation.ts';

/** A column of a fixed-length file: so many characters. */
export interface FixedField<N extends string = string> {
  readonly name: N;
  readonly length: number;
}

/**
 * Lines of text columns of fixed lengths, in characters, trimmed; or what `schema` makes of them. Empty lines are no records.
 *
 * @throws {MillraceError} MR_PARSE for a line that is shorter than its columns, or longer by more than spaces, with `details: { path, line }`
 */
export function fixedLengthReader<S extends StandardSchemaV1>(
  path: string,
  options: TextOptions & { readonly fields: readonly FixedField[]; readonly schema: S },
): ItemReader<SchemaOutput<S>>;
export function fixedLengthReader<const N extends string>(
  path: string,
  options: TextOptions & { readonly fields: readonly FixedField<N>[] },
): ItemReader<{ [K in N]: string }>;
export function fixedLengthReader(
  path: string,
  options: TextOptions & { readonly fields: readonly FixedField[]; readonly schema?: StandardSchemaV1 },
): ItemReader<unknown> {
  const { fields, schema } = options ?? {};
  const total = checkFields('fixedLengthReader', fields);
  checkPath('fixedLengthReader', path);
  checkSchema('fixedLengthReader', options.schema);
  const encoding = encodingOf('fixedLengthReader', options);
  const toRecord = (line: string, fail: (reason: string) => Error): unknown => {
    if (line === '') return undefined;
    // Surrogate pairs are one character.
    const characters = /[\ud800-\udfff]/.test(line) ? [...line] : line;
    if (characters.length < total) throw fail(`the line has ${characters.length} characters, its columns ${total}.`);
    const rest = text(characters, total, characters.length);
    if (rest.trim() !== '') throw fail(`behind the ${total} characters of the columns stands ${JSON.stringify(rest)}.`);
    let at = 0;
    return Object.fromEntries(
      fields.map(({ name, length }) => {
        at += length;
        return [name, text(characters, at - length, at).trim()];
      }),
    );
  };
  return new TextFileReader<unknown>(path, {
    encoding,
    start: (file, from) => startLines<unknown>(file, encoding, from, toRecord),
    check:
      schema &&
      ((record, { path: name, line }) => validateItem(schema, record, `${name}, line ${line}`, { path: name, line })),
  });
}

function text(characters: string | readonly string[], from: number, to: number): string {
  const part = characters.slice(from, to);
  return typeof part === 'string' ? part : part.join('');
}

/** Checks the option and returns the length of a record. */
export function checkFields(where: string, fields: readonly FixedField[] | undefined): number {
  if (!Array.isArray(fields))
    throw new MillraceError('MR_OPTION_INVALID', `${where}: fields must be an array of { name, length }.`);
  let total = 0;
  const names = new Set<string>();
  for (const field of fields) {
    const { name, length } = field ?? {};
    checkOption(typeof name === 'string' && name !== '', where, 'the name of a field', name, 'text');
    if (!(Number.isInteger(length) && length >= 1)) {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `${where}: the length of field "${name}" must be an integer of at least 1, got ${length}.`,
      );
    }
    if (names.has(name)) throw new MillraceError('MR_OPTION_INVALID', `${where}: two fields are named "${name}".`);
    names.add(name);
    total += length;
  }
  if (total === 0) throw new MillraceError('MR_OPTION_INVALID', `${where}: fields is empty. Name at least one.`);
  return total;
}
