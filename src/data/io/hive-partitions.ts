import { MillraceError } from '../../base/errors.ts';
import type { CsvType } from './csv/csv-options.ts';
import { valueOfText } from './csv/csv-values.ts';
import type { FileStatus } from './file-system.ts';
import { describeUri, nameOf, parentOf } from './uri.ts';

/** A value of a partition directory `name=value`. */
export type PartitionValue = string | number | bigint | boolean | Date | null;

/** The values that the directories above a file give to each of its rows. */
export type PartitionValues = Readonly<Record<string, PartitionValue>>;

/** The value of a directory whose rows have none. */
export const hiveNull = '__HIVE_DEFAULT_PARTITION__';

/** `name=value` taken apart, with Hive's %XX escapes undone; undefined for any other name. */
export function partitionPair(directoryName: string): readonly [name: string, value: string | null] | undefined {
  const equals = directoryName.indexOf('=');
  if (equals <= 0) return undefined;
  const value = directoryName.slice(equals + 1);
  return [unescapeName(directoryName.slice(0, equals)), value === hiveNull ? null : unescapeName(value)];
}

/** The directory name for one partition value, as Hive and Spark escape it. */
export function partitionDirectory(name: string, value: string | number | null): string {
  return `${escapeName(name)}=${value === null || value === '' ? hiveNull : escapeName(String(value))}`;
}

/**
 * The partition values of each file: those of the unbroken run of `name=value` directories right above it. `types` says what they
 * are; a name that it leaves out is a number for every file if all its values look like integers (leading zeros allowed, as Spark
 * reads month=01) or decimals, a bigint if some integer is beyond 2**53, else a string. `__HIVE_DEFAULT_PARTITION__` is null.
 *
 * @returns one entry a file, undefined when none of them is partitioned
 * @throws {MillraceError} MR_SCHEMA when the files do not all have the same names, or a value does not fit its type
 */
export function partitionValuesOf(
  files: readonly FileStatus[],
  types: Readonly<Record<string, CsvType>> = {},
): readonly PartitionValues[] | undefined {
  const raw = files.map((file) => pairsAbove(file.uri));
  const [first] = raw;
  const names = first === undefined ? [] : [...first.keys()];
  for (const [index, pairs] of raw.entries())
    if ([...pairs.keys()].join('/') !== names.join('/'))
      throw new MillraceError(
        'MR_SCHEMA',
        `the partition directories differ: ${describeUri(files[0]?.uri ?? '')} has [${names.join(', ')}], ` +
          `${describeUri(files[index]?.uri ?? '')} has [${[...pairs.keys()].join(', ')}]. Read them apart.`,
      );
  if (names.length === 0) return undefined;
  const typeOf = new Map(
    names.map((name) => [
      name,
      Object.hasOwn(types, name) ? types[name] : inferredType(raw.map((pairs) => pairs.get(name) ?? null)),
    ]),
  );
  return raw.map((pairs, index) =>
    Object.fromEntries(
      [...pairs].map(([name, text]) => {
        if (text === null) return [name, null];
        const type = typeOf.get(name) ?? 'string';
        const value = valueOfText(text, type);
        if (value !== undefined) return [name, value];
        throw new MillraceError(
          'MR_SCHEMA',
          `${describeUri(files[index]?.uri ?? '')}: the partition column "${name}" has the value "${text}", which is not a ${type}.`,
        );
      }),
    ),
  );
}

/** Adds the values to rows that are plain objects; rows of other kinds have no columns. */
export function addPartitionValues(rows: readonly unknown[], values: PartitionValues): void {
  for (const row of rows)
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) Object.assign(row, values);
}

function inferredType(values: readonly (string | null)[]): CsvType {
  const present = values.filter((value) => value !== null);
  if (present.length === 0) return 'string';
  if (present.every((value) => /^-?\d+$/.test(value)))
    return present.every((value) => Number.isSafeInteger(Number(value))) ? 'number' : 'bigint';
  const isNumber = (value: string): boolean =>
    /^-?\d+(\.\d+)?$/.test(value) && Number.isSafeInteger(Math.trunc(Number(value)));
  return present.every(isNumber) ? 'number' : 'string';
}

function pairsAbove(uri: string): ReadonlyMap<string, string | null> {
  const pairs: (readonly [string, string | null])[] = [];
  for (let directory = parentOf(uri); ; directory = parentOf(directory)) {
    const pair = partitionPair(nameOf(directory));
    if (pair === undefined) break;
    pairs.push(pair);
  }
  return new Map(pairs.reverse());
}

/** A run of %XX escapes as UTF-8. A % that begins no valid escape stays as it is: other writers do not escape at all. */
function unescapeName(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}

const escaped = '"#%\'*/:=?\\{}[]^';

/** Escapes what Hive escapes: controls and what file systems or shells take for themselves. */
function escapeName(text: string): string {
  return Array.from(text, (char) => {
    const code = char.charCodeAt(0);
    if (code >= 32 && code !== 127 && !escaped.includes(char)) return char;
    return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}
