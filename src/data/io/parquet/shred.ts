import { MillraceError } from '../../../base/errors.ts';
import type { ColumnShape, ParquetLeaf } from './column-shape.ts';
import { describeValue, isPlainObject } from './describe-value.ts';
import { RowBuffer } from './row-buffer.ts';
import { pathText } from './value-path.ts';

/** The entries of one leaf: levels for all, values for those that have one. */
export interface ShreddedLeaf {
  readonly leaf: ParquetLeaf;
  /** How messages name it. */
  readonly field: string;
  readonly numLevels: number;
  readonly definitions: Uint8Array;
  /** Undefined where nothing above the leaf repeats: then every entry is a row. */
  readonly repetitions: Uint8Array | undefined;
  /** The values that are there, one behind the other. */
  readonly values: readonly unknown[];
}

/** The entries at one place of the schema on their way down: values, or `absent` where something above is null or empty. */
interface Entries {
  readonly values: readonly unknown[];
  readonly definitions: Uint8Array;
  readonly repetitions: Uint8Array | undefined;
}

const absent: unique symbol = Symbol('absent');

/**
 * Takes a column of values apart into its leaves with their levels.
 *
 * @param firstRow the number of the first value's row, for messages
 * @throws {MillraceError} MR_SCHEMA naming row and field for a value that is not what the column holds
 * @see Melnik et al., Dremel, VLDB 2010, section 4.2
 */
export function shred(shape: ColumnShape, values: readonly unknown[], firstRow: number): readonly ShreddedLeaf[] {
  const leaves: ShreddedLeaf[] = [];
  const entries = { values, definitions: new Uint8Array(values.length), repetitions: undefined };
  shredAt(shape, entries, [shape.name], firstRow, leaves);
  return leaves;
}

function shredAt(
  shape: ColumnShape,
  entries: Entries,
  path: readonly string[],
  firstRow: number,
  leaves: ShreddedLeaf[],
): void {
  switch (shape.kind) {
    case 'leaf':
      leaves.push(shredLeaf(shape, entries, path, firstRow));
      return;
    case 'struct': {
      const structs = checked(shape, entries, path, firstRow, isPlainObject, 'an object');
      const names = shape.fields.map(({ name }) => name);
      const columns = fieldsOf(structs.values, names, pathText(path));
      for (const [index, field] of shape.fields.entries()) {
        const below = { ...structs, values: columns[index] ?? [], definitions: structs.definitions.slice() };
        shredAt(field, below, [...path, field.name], firstRow, leaves);
      }
      return;
    }
    case 'list': {
      const lists = checked(shape, entries, path, firstRow, Array.isArray, 'an array');
      const elements = expand(lists, shape.elementRepetition, shape.elementDefinition, (value) => value as unknown[]);
      shredAt(shape.element, elements, [...path, '[]'], firstRow, leaves);
      return;
    }
    case 'map': {
      const maps = checked(shape, entries, path, firstRow, (value) => value instanceof Map, 'a Map');
      const { elementRepetition, elementDefinition } = shape;
      const keys = expand(maps, elementRepetition, elementDefinition, (value) => [
        ...(value as Map<unknown, unknown>).keys(),
      ]);
      shredAt(shape.key, keys, [...path, '{key}'], firstRow, leaves);
      const values = expand(maps, elementRepetition, elementDefinition, (value) => [
        ...(value as Map<unknown, unknown>).values(),
      ]);
      shredAt(shape.value, values, [...path, '{value}'], firstRow, leaves);
    }
  }
}

function shredLeaf(
  shape: ColumnShape & { kind: 'leaf' },
  entries: Entries,
  path: readonly string[],
  firstRow: number,
): ShreddedLeaf {
  const { values, definitions, repetitions } = entries;
  const { leaf, definition } = shape;
  const field = pathText(path);
  let index = 0;
  while (index < values.length && isThere(values[index])) index++;
  if (index === values.length) {
    definitions.fill(definition);
    return { leaf, field, numLevels: values.length, definitions, repetitions, values };
  }
  const present = values.slice(0, index);
  definitions.fill(definition, 0, index);
  for (; index < values.length; index++) {
    const value = values[index];
    if (isThere(value)) {
      present.push(value);
      definitions[index] = definition;
    } else if (value !== absent && !shape.isNullable) throw missing(entries, index, path, firstRow);
  }
  return { leaf, field, numLevels: values.length, definitions, repetitions, values: present };
}

function isThere(value: unknown): boolean {
  return value !== absent && value !== null && value !== undefined;
}

/** The fields of structs, one column each, absent where the struct is. */
function fieldsOf(
  structs: readonly unknown[],
  names: readonly string[],
  field: string,
): readonly (readonly unknown[])[] {
  const objects = structs.filter((struct) => struct !== absent);
  const buffer = new RowBuffer(names, objects.length, `an object in field ${field}`);
  buffer.append(objects, 0, objects.length, 0);
  return names.map((name) => {
    const values = buffer.column(name);
    if (objects.length === structs.length) return values;
    let next = 0;
    return structs.map((struct) => (struct === absent ? absent : values[next++]));
  });
}

/** The entries of a nested column with nulls made absent and every other value checked for its kind. */
function checked(
  shape: ColumnShape,
  entries: Entries,
  path: readonly string[],
  firstRow: number,
  fits: (value: unknown) => boolean,
  expected: string,
): Entries {
  const { definitions } = entries;
  const values = entries.values.map((value, index) => {
    if (value === absent) return absent;
    if (value === null || value === undefined) {
      if (!shape.isNullable) throw missing(entries, index, path, firstRow);
      return absent;
    }
    if (!fits(value))
      throw misfit(
        rowOf(entries.repetitions, index, firstRow),
        pathText(path),
        `it is ${describeValue(value)}, its column holds ${expected}`,
      );
    definitions[index] = shape.definition;
    return value;
  });
  return { ...entries, values };
}

/** One entry an element; one for an empty list, which has none. */
function expand(
  { values, definitions, repetitions }: Entries,
  elementRepetition: number,
  elementDefinition: number,
  elementsOf: (value: unknown) => readonly unknown[],
): Entries {
  let total = 0;
  const lists = values.map((value) => {
    const elements = value === absent ? [] : elementsOf(value);
    total += Math.max(elements.length, 1);
    return elements;
  });
  const expanded = new Array<unknown>(total).fill(absent);
  const newDefinitions = new Uint8Array(total);
  const newRepetitions = new Uint8Array(total);
  let end = 0;
  for (let index = 0; index < lists.length; index++) {
    const elements = lists[index] ?? [];
    newRepetitions[end] = repetitions?.[index] ?? 0;
    newDefinitions[end] = definitions[index] ?? 0;
    for (let element = 0; element < elements.length; element++) {
      if (element > 0) newRepetitions[end] = elementRepetition;
      newDefinitions[end] = elementDefinition;
      expanded[end++] = elements[element];
    }
    if (elements.length === 0) end++;
  }
  return { values: expanded, definitions: newDefinitions, repetitions: newRepetitions };
}

/** The row that an entry belongs to. */
export function rowOf(repetitions: Uint8Array | undefined, entry: number, firstRow: number): number {
  if (repetitions === undefined) return firstRow + entry;
  let row = firstRow - 1;
  for (let index = 0; index <= entry; index++) if (repetitions[index] === 0) row++;
  return row;
}

function missing(entries: Entries, index: number, path: readonly string[], firstRow: number): MillraceError {
  return misfit(
    rowOf(entries.repetitions, index, firstRow),
    pathText(path),
    'it is null, and the schema says that it never is',
  );
}

/** A value that does not fit where it is to be written. */
export function misfit(row: number, field: string, reason: string): MillraceError {
  return new MillraceError(
    'MR_SCHEMA',
    `row ${row}, field ${field}: ${reason}. Convert it first, or give a schema that holds it.`,
    {
      details: { row, field },
    },
  );
}
