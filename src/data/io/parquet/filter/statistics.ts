import type { ParquetLeaf } from '../column-shape.ts';
import { type Comparable, compareValues } from '../encodings/value-domain.ts';
import type { FormatColumnIndex, FormatStatistics } from '../format/parquet-format.ts';
import type { ParquetChunk } from '../metadata.ts';
import type { Predicate } from './predicate.ts';

/** What is known of some values: everything may be unknown, nothing may be wrong. */
export interface Summary {
  readonly count: number;
  readonly nullCount: number | undefined;
  readonly least: Comparable | undefined;
  readonly most: Comparable | undefined;
}

/** What the footer says of a chunk. */
export function chunkSummary(
  { statistics, numLevels }: ParquetChunk,
  { leaf, domain }: Predicate,
  createdBy: string | undefined,
): Summary {
  const bounds = statistics === undefined ? [] : trustedBounds(statistics, leaf, createdBy);
  const [least, most] = bounds.map((bytes) => bytes && domain.stored(bytes));
  return { count: numLevels, nullCount: statistics?.nullCount, least, most };
}

/**
 * The deprecated pair of bounds is in the order of signed bytes, so it counts for signed numbers only; and parquet.js
 * compares texts in an order of its own.
 */
function trustedBounds(
  { min, max, minValue, maxValue }: FormatStatistics,
  { physical, type }: ParquetLeaf,
  createdBy: string | undefined,
): readonly [Uint8Array | undefined, Uint8Array | undefined] {
  const isBytes = physical === 'BYTE_ARRAY' || physical === 'FIXED_LEN_BYTE_ARRAY';
  if (isBytes && createdBy?.startsWith('parquet.js')) return [undefined, undefined];
  const isUnsigned = type.kind === 'int' && !type.isSigned;
  if (minValue !== undefined || maxValue !== undefined || isBytes || isUnsigned) return [minValue, maxValue];
  return [min, max];
}

/** What the column index says of a page. */
export function pageSummary(index: FormatColumnIndex, page: number, count: number, { domain }: Predicate): Summary {
  if (index.nullPages[page]) return { count, nullCount: count, least: undefined, most: undefined };
  const [least, most] = [index.minValues[page], index.maxValues[page]].map((bytes) => bytes && domain.stored(bytes));
  return { count, nullCount: index.nullCounts?.[page], least, most };
}

/** Whether some of the values may fulfil the condition; false is certain. */
export function mayMatch(summary: Summary, { op, literals, leaf, nullMatches }: Predicate): boolean {
  const { count, nullCount, least, most } = summary;
  if (nullMatches && (nullCount !== 0 || leaf.maxDefinition > 1)) return true;
  if (op === 'isNull') return false;
  if (nullCount === count) return false;
  if (op === 'isNotNull') return true;
  // NaN is in no statistics, and is unequal to everything.
  if (op === '!=') return true;
  return literals.some((literal) => {
    // A bound that is not known lies beyond every value.
    const fromLeast = least === undefined ? -1 : compareValues(least, literal);
    const fromMost = most === undefined ? 1 : compareValues(most, literal);
    if (op === '<') return fromLeast < 0;
    if (op === '<=') return fromLeast <= 0;
    if (op === '>') return fromMost > 0;
    if (op === '>=') return fromMost >= 0;
    return fromLeast <= 0 && fromMost >= 0;
  });
}
