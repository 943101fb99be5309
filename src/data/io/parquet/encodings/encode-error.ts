import type { ParquetLeaf } from '../column-shape.ts';
import { describeValue } from '../describe-value.ts';
import { describeType } from '../schema.ts';

/** A value that does not fit its column; who knows the row says so. */
export class EncodeError extends Error {
  override readonly name: string = 'EncodeError';
  /** The position among the values that are there. */
  index: number;

  constructor(index: number, value: unknown, leaf: ParquetLeaf, hint = '') {
    super(`it is ${describeValue(value)}, its column holds ${describeType(leaf.type)}${hint}`);
    this.index = index;
  }
}
