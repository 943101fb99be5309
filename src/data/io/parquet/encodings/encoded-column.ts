import type { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';

/** The values of a column as they are written: themselves, or as codes into its distinct ones. */
export interface EncodedColumn {
  readonly count: number;
  readonly values: FixedValues | BinaryValues;
  /** With a dictionary: for each value its position in `values`. */
  readonly codes: Int32Array | undefined;
}
