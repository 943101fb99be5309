import type { ParquetLeaf } from '../column-shape.ts';
import { ParquetFormatError } from '../format/parquet-format-error.ts';
import type { ParquetLayout } from '../parquet-options.ts';
import { type RowGroupReader, slotShift } from '../read-row-group.ts';
import type { ParquetCondition } from './condition.ts';
import { type Predicate, predicateOf } from './predicate.ts';

/** The rows from `start` to before `end` of a row group that fulfil a filter, counted from `start`. */
export type RowFilter = (start: number, end: number) => readonly number[];

/** Whether a condition holds for rows from `start` on: a test of their distance from it. */
type RowsTest = (start: number) => (distance: number) => boolean;

/** Makes what a row must fulfil ready: one of the tests of each clause. Undefined without any. */
export function rowFilter(
  conditions: readonly ParquetCondition[],
  clauses: readonly (readonly Predicate[])[],
  layout: ParquetLayout,
  reader: RowGroupReader,
): RowFilter | undefined {
  const tests = [
    ...conditions.map((condition, index) => conditionTest(condition, layout.conditionLeaves[index] ?? null, reader)),
    ...clauses.map((clause) => clauseTest(clause, reader)),
  ];
  if (tests.length === 0) return undefined;
  return (start, end) => {
    const fulfils = tests.map((test) => test(start));
    const kept: number[] = [];
    for (let distance = 0; distance < end - start; distance++)
      if (fulfils.every((test) => test(distance))) kept.push(distance);
    return kept;
  };
}

function clauseTest(clause: readonly Predicate[], reader: RowGroupReader): RowsTest {
  const tests = clause.map((predicate) => rowsTest(predicate, reader));
  const [only] = tests;
  if (tests.length === 1 && only !== undefined) return only;
  return (start) => {
    const fulfils = tests.map((test) => test(start));
    return (distance) => fulfils.some((test) => test(distance));
  };
}

function conditionTest(condition: ParquetCondition, leaf: ParquetLeaf | null, reader: RowGroupReader): RowsTest {
  const wantsNull = condition.op === 'isNull';
  return leaf === null ? () => () => wantsNull : rowsTest(predicateOf(condition, leaf), reader);
}

/** Loads the column that a predicate looks at. */
function rowsTest({ leaf, domain, matches, nullMatches }: Predicate, reader: RowGroupReader): RowsTest {
  const name = leaf.path.join('.');
  const isNullable = leaf.maxDefinition > 0;
  const { vector, runs } = reader.column({ kind: 'leaf', name, isNullable, definition: leaf.maxDefinition, leaf });
  if (vector.kind !== 'leaf') throw new ParquetFormatError(`column ${name} is no single value`);
  const read = domain.slots(vector);
  const { present } = vector;
  return (start) => {
    const first = start + (runs === undefined ? 0 : slotShift(runs, start));
    return (distance) => {
      const slot = first + distance;
      return present === undefined || present[slot] === 1 ? matches(read(slot)) : nullMatches;
    };
  };
}
