import { closestName } from '../../../base/close-name.ts';
import { MillraceError } from '../../../base/errors.ts';
import { describeUri } from '../uri.ts';
import type { ColumnShape } from './column-shape.ts';
import type { ParquetMetadata } from './metadata.ts';
import type { ParquetReadOptions } from './parquet-options.ts';

/** Parts of a column that were asked for, by name; undefined means all of it. */
type Selection = Map<string, Selection> | undefined;

/**
 * The columns of each file that the option `columns` asks for, pruned to the parts it names, in its order.
 * A name with dots is a column of that very name where there is one, else a path into structs, through lists and maps.
 *
 * @throws {MillraceError} MR_OPTION_INVALID for a name that no file has, or, without mergeSchema, that one file lacks
 */
export function selectColumns(
  files: readonly ParquetMetadata[],
  { columns, mergeSchema }: ParquetReadOptions,
): readonly (readonly ColumnShape[])[] {
  for (const file of files) refuseDuplicates(file);
  if (columns === undefined) return files.map(({ shapes }) => shapes);
  const found = new Set<string>();
  const selected = files.map((file) => {
    const wanted: Map<string, Selection> = new Map();
    for (const column of columns) {
      const path = file.shapes.some(({ name }) => name === column) ? [column] : column.split('.');
      const shape = file.shapes.find(({ name }) => name === path[0]);
      if (shape !== undefined && reaches(shape, path.slice(1))) {
        found.add(column);
        select(wanted, path);
      } else if (mergeSchema !== true) throw noSuchColumn(column, [file]);
    }
    return [...wanted].flatMap(([name, selection]) => {
      const shape = file.shapes.find((candidate) => candidate.name === name);
      return shape === undefined ? [] : [prune(shape, selection)];
    });
  });
  const missing = columns.find((column) => !found.has(column));
  if (missing !== undefined && files.length > 0) throw noSuchColumn(missing, files);
  return selected;
}

function select(wanted: Map<string, Selection>, [name = '', ...rest]: readonly string[]): void {
  if (rest.length === 0) {
    wanted.set(name, undefined);
    return;
  }
  if (wanted.has(name) && wanted.get(name) === undefined) return;
  const inner = wanted.get(name) ?? new Map<string, Selection>();
  wanted.set(name, inner);
  select(inner, rest);
}

/** Whether a path leads somewhere: through structs by name, through lists and the values of maps without one. */
function reaches(shape: ColumnShape, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return true;
  switch (shape.kind) {
    case 'leaf':
      return false;
    case 'struct': {
      const field = shape.fields.find((candidate) => candidate.name === name);
      return field !== undefined && reaches(field, rest);
    }
    case 'list':
      return reaches(shape.element, path);
    case 'map':
      return reaches(shape.value, path);
  }
}

function prune(shape: ColumnShape, selection: Selection): ColumnShape {
  if (selection === undefined) return shape;
  switch (shape.kind) {
    case 'leaf':
      return shape;
    case 'struct': {
      const fields = shape.fields.flatMap((field) =>
        selection.has(field.name) ? [prune(field, selection.get(field.name))] : [],
      );
      return { ...shape, fields };
    }
    case 'list':
      return { ...shape, element: prune(shape.element, selection) };
    case 'map':
      return { ...shape, value: prune(shape.value, selection) };
  }
}

/** Rows are objects: of two columns with one name, one would be lost. */
function refuseDuplicates({ uri, shapes }: ParquetMetadata): void {
  const seen = new Set<string>();
  const check = (shape: ColumnShape): void => {
    if (shape.kind === 'list') check(shape.element);
    else if (shape.kind === 'map') check(shape.value);
    else if (shape.kind === 'struct') checkAll(shape.fields);
  };
  const checkAll = (fields: readonly ColumnShape[]): void => {
    const names = new Set<string>();
    for (const field of fields) {
      if (names.has(field.name)) seen.add(field.name);
      names.add(field.name);
      check(field);
    }
  };
  checkAll(shapes);
  for (const name of seen)
    throw new MillraceError(
      'MR_UNSUPPORTED',
      `${describeUri(uri)}: two columns have the name "${name}", of which a row could hold one only.`,
    );
}

export function noSuchColumn(column: string, files: readonly ParquetMetadata[]): MillraceError {
  const names = [...new Set(files.flatMap(({ shapes }) => shapes.map(({ name }) => name)))];
  const close = closestName(column, names);
  const where = files.length === 1 ? describeUri(files[0]?.uri ?? '') : `${files.length} files`;
  return new MillraceError(
    'MR_OPTION_INVALID',
    `${where}: no column "${column}". Columns are: ${names.join(', ')}.${close === undefined ? '' : ` Did you mean "${close}"?`}`,
    { details: { column } },
  );
}
