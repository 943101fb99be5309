import { readBatch, type Vector } from './batch-reader.ts';
import { decodeBatch } from './row-codec.ts';

/** Rows that are objects, as their columns; where a row lacks a property, its column is null there. */
export interface ColumnBatch {
  readonly numRows: number;
  readonly byteLength: number;
  readonly names: readonly string[];
  /** One a name, numRows long. */
  readonly columns: readonly Vector[];
  /** The rows themselves. */
  rows(): unknown[];
}

/** The columns of an encoded batch; undefined where a row is no object. */
export function columnBatch(bytes: Uint8Array): ColumnBatch | undefined {
  const vector = readBatch(bytes);
  if (vector.kind !== 'struct' || vector.validity !== undefined) return undefined;
  const { length, names } = vector.layout;
  const rows = (): unknown[] => decodeBatch(bytes);
  return { numRows: length, byteLength: bytes.length, names, columns: vector.children, rows };
}
