import { type ColumnShape, fieldOf, type ParquetLeaf } from './column-shape.ts';
import { widenedLeaf, widenedShape } from './encodings/widened.ts';
import { conditionLeaf } from './filter/predicate.ts';
import { bigintPaths, pathsOf } from './integer-width.ts';
import type { ParquetMetadata } from './metadata.ts';
import type { ParquetLayout, ParquetReadOptions } from './parquet-options.ts';
import type { ParquetField, ParquetSchema, ParquetType } from './schema.ts';
import { mergeFields, mergeTypes } from './schema-merge.ts';
import { noSuchColumn, selectColumns } from './select-columns.ts';

export interface PlannedColumns {
  readonly schema: ParquetSchema;
  readonly layouts: readonly ParquetLayout[];
  /** For each file the position of its layout. */
  readonly layoutIndexes: readonly number[];
}

/** The columns that rows will have, and where each file has them. */
export function planColumns(files: readonly ParquetMetadata[], options: ParquetReadOptions): PlannedColumns {
  const selected = selectColumns(files, options);
  const bigints = bigintPaths(files, selected, options.int64 ?? 'auto');
  const fields = mergeFields(
    files.map(({ uri }, index) => ({ uri, fields: (selected[index] ?? []).map(fieldOf) })),
    options.mergeSchema === true || options.columns !== undefined,
    (path) => !bigints.has(path),
  );
  const conditionTypes = conditionTypesOf(files, options);
  const layouts: ParquetLayout[] = [];
  const known = new Map<string, number>();
  const layoutIndexes = selected.map((shapes, index) => {
    const conditionLeaves = conditionLeavesOf(files[index], options, conditionTypes);
    const key = JSON.stringify([shapes, conditionLeaves]);
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, layouts.length);
    return layouts.push({ ...layoutOf(shapes, fields, bigints), conditionLeaves }) - 1;
  });
  return { schema: { fields }, layouts, layoutIndexes };
}

function layoutOf(
  shapes: readonly ColumnShape[],
  fields: readonly ParquetField[],
  bigints: ReadonlySet<string>,
): Omit<ParquetLayout, 'conditionLeaves'> {
  const columns = fields.map((field) => {
    const shape = shapes.find(({ name }) => name === field.name);
    return shape === undefined ? null : widenedShape(shape, field.type);
  });
  const bigintLeaves = shapes
    .flatMap(pathsOf)
    .filter(({ path, leaf }) => leaf.type.kind === 'int' && bigints.has(path))
    .map(({ leaf }) => leaf.index);
  return { columns, bigintLeaves };
}

/** @throws {MillraceError} MR_OPTION_INVALID for a condition on a column that is not there, unless files may differ */
function conditionLeavesOf(
  file: ParquetMetadata | undefined,
  { filter = [], mergeSchema }: ParquetReadOptions,
  types: readonly (ParquetType | undefined)[],
): readonly (ParquetLeaf | null)[] {
  if (file === undefined) return [];
  return filter.map((condition, index) => {
    const leaf = conditionLeaf(condition, file.shapes);
    if (leaf === undefined && mergeSchema !== true) throw noSuchColumn(condition.column, [file]);
    const type = types[index];
    return leaf === undefined || type === undefined ? (leaf ?? null) : widenedLeaf(leaf, type);
  });
}

/** For each condition the type of its column in all files together, also where the rows do not have it. */
function conditionTypesOf(
  files: readonly ParquetMetadata[],
  { filter = [] }: ParquetReadOptions,
): readonly (ParquetType | undefined)[] {
  return filter.map((condition) => {
    const types = files.flatMap(({ shapes }) => conditionLeaf(condition, shapes)?.type ?? []);
    // Numbers of all kinds compare with each other as they are.
    const merge = (a: ParquetType | undefined, b: ParquetType): ParquetType | undefined =>
      a && mergeTypes(a, b, () => true, condition.column);
    return types.reduce<ParquetType | undefined>(merge, types[0]);
  });
}
