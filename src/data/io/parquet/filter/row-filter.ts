import type { ParquetLeaf } from '../column-shape.ts';
import { ParquetFormatError } from '../format/parquet-format-error.ts';
import type { ParquetLayout } from '../parquet-options.ts';
import { type RowGroupReader, slotShift } from '../read-row-group.ts';
import type { ParquetCondition } from './condition.ts';
import { predicateOf } from './predicate.ts';

/** The rows from `start` to before `end` of a row group that fulfil a filter, counted from `start`. */
export type RowFilter = (start: number, end: number) => readonly number[];

/** Whether a condition holds for rows from `start` on: a test of their distance from it. */
type RowsTest = (start: number) => (distance: number) => boolean;

/** Loads the columns that conditions look at; undefined without conditions. */
export function rowFilter(
  conditions: readonly ParquetCondition[],
  layout: ParquetLayout,
  reader: RowGroupReader,
): RowFilter | undefined {
  if (conditions.length === 0) return undefined;
  const tests = conditions.map((condition, index) =>
    rowsTest(condition, layout.conditionLeaves[index] ?? null, reader),
  );
  return (start, end) => {
    const fulfils = tests.map((test) => test(start));
    const kept: number[] = [];
    for (let distance = 0; distance < end - start; distance++)
      if (fulfils.every((test) => test(distance))) kept.push(distance);
    return kept;
  };
}

function rowsTest(condition: ParquetCondition, leaf: ParquetLeaf | null, reader: RowGroupReader): RowsTest {
  const wantsNull = condition.op === 'isNull';
  if (leaf === null) return () => () => wantsNull;
  const isNullable = leaf.maxDefinition > 0;
  const { vector, runs } = reader.column({
    kind: 'leaf',
    name: condition.column,
    isNullable,
    definition: leaf.maxDefinition,
    leaf,
  });
  if (vector.kind !== 'leaf') throw new ParquetFormatError(`column ${condition.column} is no single value`);
  const { domain, matches } = predicateOf(condition, leaf);
  const read = domain.slots(vector);
  const { present } = vector;
  return (start) => {
    const first = start + (runs === undefined ? 0 : slotShift(runs, start));
    return (distance) => {
      const slot = first + distance;
      return present === undefined || present[slot] === 1 ? matches(read(slot)) : wantsNull;
    };
  };
}
