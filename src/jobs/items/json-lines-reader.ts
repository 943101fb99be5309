import type { ItemReader } from '../definition/item-reader.ts';
import type { SchemaOutput, StandardSchemaV1 } from '../definition/standard-schema.ts';
import { startLines } from './lines-reader.ts';
import { checkPath, checkSchema } from './option-checks.ts';
import { encodingOf, type TextOptions } from './text-encoding.ts';
import { TextFileReader } from './text-records.ts';
import { validateItem } from './validation.ts';

/**
 * The values of a JSON lines file: one value a line, empty lines left out, or what `schema` makes of them.
 *
 * @throws {MillraceError} MR_PARSE for a line that is no JSON, with `details: { path, line }`; MR_INPUT_CHANGED when a restart finds another file
 */
export function jsonLinesReader<S extends StandardSchemaV1>(
  path: string,
  options: TextOptions & { readonly schema: S },
): ItemReader<SchemaOutput<S>>;
// biome-ignore lint/suspicious/noExplicitAny: what a file holds is the user's knowledge, as with JSON.parse
export function jsonLinesReader<I = any>(path: string, options?: TextOptions): ItemReader<I>;
export function jsonLinesReader(
  path: string,
  options: TextOptions & { readonly schema?: StandardSchemaV1 } = {},
): ItemReader<unknown> {
  checkPath('jsonLinesReader', path);
  checkSchema('jsonLinesReader', options.schema);
  const encoding = encodingOf('jsonLinesReader', options);
  const { schema } = options;
  return new TextFileReader<unknown>(path, {
    encoding,
    start: (file, from) => startLines<unknown>(file, encoding, from, toValue),
    check:
      schema &&
      ((value, { path: name, line }) => validateItem(schema, value, `${name}, line ${line}`, { path: name, line })),
  });
}

function toValue(line: string, fail: (reason: string, cause?: unknown) => Error): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (line.trim() === '') return undefined;
    throw fail(`${(error as Error).message}.`, error);
  }
}
