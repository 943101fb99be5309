import type { ParquetLeaf } from '../column-shape.ts';
import type { BinaryValues } from './binary-values.ts';
import { EncodeError } from './encode-error.ts';
import { encodeValues } from './encode-values.ts';
import type { FixedValues } from './fixed-values.ts';

/** The values of a column as they are written: themselves, or as codes into its distinct ones. */
export interface EncodedColumn {
  readonly count: number;
  readonly values: FixedValues | BinaryValues;
  /** With a dictionary: for each value its position in `values`. */
  readonly codes: Int32Array | undefined;
}

interface DistinctTexts {
  readonly codes: Int32Array;
  /** Where each distinct text comes first. */
  readonly firsts: readonly number[];
}

const maxDictionaryBytes = 1 << 20;
const sampleSize = 2048;

/**
 * Encodes the values of a column; texts that repeat get a dictionary. Only texts do: readers, parquetjs-lite among them,
 * read dictionaries of numbers in ways of their own.
 *
 * @throws {EncodeError} for a value that does not fit
 */
export function encodeColumn(leaf: ParquetLeaf, values: readonly unknown[], useDictionary: boolean): EncodedColumn {
  const { kind } = leaf.type;
  const isText = kind === 'string' || kind === 'enum' || kind === 'json';
  const distinct = useDictionary && isText ? distinctTexts(values) : undefined;
  if (distinct === undefined) return { count: values.length, values: encodeValues(leaf, values), codes: undefined };
  const { codes, firsts } = distinct;
  try {
    const entries = encodeValues(
      leaf,
      firsts.map((first) => values[first]),
    );
    return { count: values.length, values: entries, codes };
  } catch (error) {
    if (error instanceof EncodeError) error.index = firsts[error.index] ?? error.index;
    throw error;
  }
}

/** Undefined where codes would not pay: most texts are different, or they are too large together. */
function distinctTexts(texts: readonly unknown[]): DistinctTexts | undefined {
  const count = texts.length;
  if (count < 2) return undefined;
  const codes = new Int32Array(count);
  const known = new Map<unknown, number>();
  const firsts: number[] = [];
  let size = 0;
  for (let index = 0; index < count; index++) {
    const text = texts[index];
    let code = known.get(text);
    if (code === undefined) {
      code = firsts.length;
      known.set(text, code);
      firsts.push(index);
      size += typeof text === 'string' ? text.length + 4 : 0;
      if (size > maxDictionaryBytes) return undefined;
    }
    codes[index] = code;
    if (index === sampleSize && firsts.length > sampleSize / 2) return undefined;
  }
  return firsts.length > count / 2 && firsts.length > 1 ? undefined : { codes, firsts };
}
