import type { RowTest } from '../../../../base/closures/row-tests.ts';
import type { RandomAccessFile } from '../../file-system.ts';
import type { RowUse } from '../../source-spec.ts';
import { type ColumnShape, leavesOf, type ParquetLeaf } from '../column-shape.ts';
import { readParquetMetadata } from '../metadata.ts';
import { inParquetFile } from '../parquet-errors.ts';
import type { ParquetLayout, PlannedParquetOptions } from '../parquet-options.ts';
import type { ParquetSplit } from '../plan.ts';
import { narrowedGroup, type PlannedRowGroup } from '../planned-group.ts';
import type { Predicate } from './predicate.ts';
import { rowsToRead } from './prune.ts';
import { countRows, intersectRanges } from './row-ranges.ts';
import { nullPasses, passes, rowTestPredicate } from './row-test-predicate.ts';

/** A split and the options to read it by. */
export interface SplitReading {
  readonly split: ParquetSplit;
  readonly options: PlannedParquetOptions;
  /** Rows that fulfil no predicate of one of these need not be made. */
  readonly clauses: readonly (readonly Predicate[])[];
}

/**
 * Leaves out of a split what the functions behind it cannot tell is missing: columns that they do not read, and row groups and pages
 * whose every row fails their tests. Reads the footer and indexes only where there are tests that could leave something out.
 */
export function applyRowUse(
  file: RandomAccessFile,
  split: ParquetSplit,
  options: PlannedParquetOptions,
  { properties, clauses = [] }: RowUse,
): SplitReading {
  const layout = options.layouts[split.layout];
  if (layout === undefined || split.groups.length === 0) return { split, options, clauses: [] };
  const wanted = clauses.map((clause) => clausePredicates(clause, split, layout, options));
  const narrow =
    properties === undefined ? { split, options, clauses: [] } : withColumns(new Set(properties), split, options);
  if (wanted.includes('none')) return { ...narrow, split: { ...narrow.split, groups: [] } };
  const predicates = wanted.filter((clause) => typeof clause !== 'string');
  if (predicates.length === 0) return narrow;
  const passing = passingGroups(file, narrow, predicates);
  return { ...narrow, split: { ...narrow.split, groups: passing }, clauses: predicates };
}

/** One of these must hold; `all` where nothing can be told, `none` where no row of the split passes. */
type ClausePredicates = readonly Predicate[] | 'all' | 'none';

function clausePredicates(
  clause: readonly RowTest[],
  { partitionValues = {} }: ParquetSplit,
  layout: ParquetLayout,
  options: PlannedParquetOptions,
): ClausePredicates {
  const predicates: Predicate[] = [];
  for (const test of clause) {
    const [name = ''] = test.path;
    if (Object.hasOwn(partitionValues, name)) {
      if (test.path.length > 1 || passes(test.op, test.value, partitionValues[name])) return 'all';
      continue;
    }
    const position = options.schema.fields.findIndex((field) => field.name === name);
    const shape = layout.columns[position];
    if (shape === undefined) return 'all';
    if (shape === null) {
      if (nullPasses(test)) return 'all';
      continue;
    }
    const leaf = leafAt(shape, test.path.slice(1));
    const predicate = leaf && rowTestPredicate(test, leaf, options.timestamps ?? 'auto');
    if (predicate === undefined) return 'all';
    predicates.push(predicate);
  }
  return predicates.length === 0 ? 'none' : predicates;
}

/** The single value that a path of struct fields leads to. */
function leafAt(shape: ColumnShape, [name, ...rest]: readonly string[]): ParquetLeaf | undefined {
  if (name === undefined) return shape.kind === 'leaf' ? shape.leaf : undefined;
  const field = shape.kind === 'struct' ? shape.fields.find((candidate) => candidate.name === name) : undefined;
  return field && leafAt(field, rest);
}

function withColumns(names: ReadonlySet<string>, split: ParquetSplit, options: PlannedParquetOptions): SplitReading {
  const { fields } = options.schema;
  const isWanted = (index: number): boolean => names.has(fields[index]?.name ?? '');
  const layouts = options.layouts.map((layout) => ({
    ...layout,
    columns: layout.columns.filter((_, index) => isWanted(index)),
  }));
  const layout = layouts[split.layout];
  const leaves = new Set([
    ...(layout?.columns ?? []).flatMap((shape) => (shape === null ? [] : leavesOf(shape).map(({ index }) => index))),
    ...(layout?.conditionLeaves ?? []).flatMap((leaf) => (leaf === null ? [] : [leaf.index])),
  ]);
  const groups = split.groups.map((group) => ({
    ...group,
    chunks: group.chunks.filter(({ leafIndex }) => leaves.has(leafIndex)),
  }));
  const schema = { fields: fields.filter((_, index) => isWanted(index)) };
  return { split: { ...split, groups }, options: { ...options, schema, layouts }, clauses: [] };
}

function passingGroups(
  file: RandomAccessFile,
  { split, options }: SplitReading,
  clauses: readonly (readonly Predicate[])[],
): readonly PlannedRowGroup[] {
  const metadata = readParquetMetadata(file);
  const layout = options.layouts[split.layout];
  return split.groups.flatMap((planned): readonly PlannedRowGroup[] => {
    const group = metadata.rowGroups[planned.index];
    if (group === undefined || layout === undefined) return [planned];
    return inParquetFile({ uri: file.uri, rowGroup: group.index }, () => {
      const source = { file, createdBy: metadata.createdBy };
      const ranges = intersectRanges(planned.ranges, rowsToRead(group, clauses, source));
      if (countRows(ranges) === countRows(planned.ranges)) return [planned];
      return narrowedGroup(group, ranges, { layout, metadata, file });
    });
  });
}
