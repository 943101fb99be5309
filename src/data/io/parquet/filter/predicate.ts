import { MillraceError } from '../../../../base/errors.ts';
import type { ColumnShape, ParquetLeaf } from '../column-shape.ts';
import { type Comparable, compareValues, domainOf, type ValueDomain } from '../encodings/value-domain.ts';
import { describeType } from '../schema.ts';
import { describeCondition, type ParquetCondition } from './condition.ts';

/** A condition made ready for the values of one leaf. */
export interface Predicate {
  readonly op: ParquetCondition['op'];
  readonly leaf: ParquetLeaf;
  readonly domain: ValueDomain;
  /** What values are compared with; several for `in`, none for isNull and isNotNull. */
  readonly literals: readonly Comparable[];
  /** Whether a value that is not null fulfils the condition. */
  readonly matches: (value: Comparable) => boolean;
  /** Whether null fulfils it as well: never so in SQL, often in JavaScript. */
  readonly nullMatches: boolean;
}

/**
 * Makes a condition ready for a leaf.
 *
 * @throws {MillraceError} MR_OPTION_INVALID where the column cannot be compared with the value
 */
export function predicateOf(condition: ParquetCondition, leaf: ParquetLeaf): Predicate {
  const { op } = condition;
  const domain = domainOf(leaf);
  if (domain === undefined && op !== 'isNull' && op !== 'isNotNull')
    throw invalid(condition, `a column of ${describeType(leaf.type)} has no order to compare by`);
  const values = !('value' in condition) ? [] : condition.op === 'in' ? condition.value : [condition.value];
  const literals = values.map((value) => {
    const literal = domain?.literal(value);
    if (literal !== undefined) return literal;
    throw invalid(
      condition,
      `its column holds ${describeType(leaf.readAs ?? leaf.type)}, and a value of it must be given exactly`,
    );
  });
  return {
    op,
    leaf,
    domain: domain ?? anything,
    literals,
    matches: matcher(op, literals),
    nullMatches: op === 'isNull',
  };
}

/** For conditions that look at nulls only. */
export const anything: ValueDomain = { literal: () => undefined, stored: () => undefined, slots: () => () => 0 };

/** Whether a value fulfils a comparison with these. */
export function matcher(op: ParquetCondition['op'], literals: readonly Comparable[]): (value: Comparable) => boolean {
  const literal = literals[0] ?? 0;
  switch (op) {
    case '=':
      return (value) => compareValues(value, literal) === 0;
    case '!=':
      return (value) => compareValues(value, literal) !== 0;
    case '<':
      return (value) => compareValues(value, literal) < 0;
    case '<=':
      return (value) => compareValues(value, literal) <= 0;
    case '>':
      return (value) => compareValues(value, literal) > 0;
    case '>=':
      return (value) => compareValues(value, literal) >= 0;
    case 'in':
      return (value) => literals.some((candidate) => compareValues(value, candidate) === 0);
    case 'isNull':
      return () => false;
    case 'isNotNull':
      return () => true;
  }
}

/** The leaf that a condition's column names among these, or undefined. */
export function conditionLeaf(condition: ParquetCondition, shapes: readonly ColumnShape[]): ParquetLeaf | undefined {
  const path = shapes.some(({ name }) => name === condition.column) ? [condition.column] : condition.column.split('.');
  let candidates: readonly ColumnShape[] = shapes;
  for (const [depth, name] of path.entries()) {
    const shape = candidates.find((candidate) => candidate.name === name);
    if (shape === undefined) return undefined;
    if (depth === path.length - 1) {
      if (shape.kind === 'leaf') return shape.leaf;
      throw invalid(condition, `the column is a ${shape.kind}, and only columns of single values can be compared`);
    }
    if (shape.kind !== 'struct') return undefined;
    candidates = shape.fields;
  }
  return undefined;
}

function invalid(condition: ParquetCondition, reason: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `filter ${describeCondition(condition)}: ${reason}.`, {
    details: { column: condition.column },
  });
}
