import { type Allocate, allocateShared, batchRows, frameBatch } from './batch-frame.ts';
import { readBatch, type Vector } from './batch-reader.ts';
import type { EncodedVector } from './layout.ts';
import { UnsupportedValue, unsupportedValueError } from './unsupported-value.ts';
import { decodeVector } from './vector-decoder.ts';
import { encodeRows } from './vector-encoder.ts';

export { batchRows };

/**
 * Encodes `rows[start..end)` as one record batch in Arrow's memory layout: the layout is chosen by looking at the values,
 * and stands in the batch. What goes in comes out equal: -0, NaN, undefined apart from null, a missing property apart
 * from an undefined one, holes, lone surrogates, bigints of any size, invalid dates, cycles. Not kept: prototypes (objects
 * of a class come back plain, subclasses of Map, Error and the like as those), properties that are symbols or not enumerable,
 * identity between rows or between fields (so a cycle through a Map below a field unrolls once). Named properties of arrays are
 * looked for in the first 256 rows and in one of sixteen after them, those of String.match in all; found once, all are kept.
 *
 * @param allocate gives the memory, by default a SharedArrayBuffer
 * @throws {MillraceError} MR_SCHEMA naming row and field for functions, symbols, promises and what else cannot be copied
 */
export function encodeBatch(
  rows: readonly unknown[],
  start = 0,
  end: number = rows.length,
  allocate: Allocate = allocateShared,
): Uint8Array {
  return frameBatch(encodeNaming(rows, start, end, ''), allocate);
}

/** The rows of a batch. They own their memory: the batch may be freed. */
export function decodeBatch(bytes: Uint8Array): unknown[] {
  return decodeVector(readBatch(bytes));
}

/**
 * Encodes pairs from an array of keys and an array of values, equal to `encodeBatch` of the tuples but without making them.
 */
export function encodePairBatch(
  keys: readonly unknown[],
  values: readonly unknown[] | Float64Array,
  allocate: Allocate = allocateShared,
): Uint8Array {
  const length = keys.length;
  const children = [encodeNaming(keys, 0, length, '[0]'), encodeNaming(values, 0, length, '[1]')];
  const layout = {
    kind: 'tuple',
    length,
    nulls: 'none',
    nullCount: 0,
    children: children.map((vector) => vector.layout),
  } as const;
  return frameBatch({ layout, buffers: [], children }, allocate);
}

/** Keys and values of a batch of pairs, however it was encoded. */
export function decodePairBatch(bytes: Uint8Array): { keys: unknown[]; values: unknown[] } {
  const vector: Vector = readBatch(bytes);
  if (vector.kind === 'tuple' && vector.children.length === 2 && vector.validity === undefined) {
    return { keys: decodeVector(vector.children[0]!), values: decodeVector(vector.children[1]!) };
  }
  const pairs = decodeVector(vector) as (readonly [unknown, unknown])[];
  return { keys: pairs.map((pair) => pair[0]), values: pairs.map((pair) => pair[1]) };
}

/** Encodes, and names the place of a value that cannot be. */
function encodeNaming(rows: ArrayLike<unknown>, start: number, end: number, within: string): EncodedVector {
  try {
    return encodeRows(rows, start, end);
  } catch (error) {
    if (error instanceof UnsupportedValue) throw unsupportedValueError(rows, start, end, error, within);
    throw error;
  }
}
