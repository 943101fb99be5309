import type { Vector } from '../../columnar/batch-reader.ts';
import { decodeVector } from '../../columnar/vector-decoder.ts';
import type { ParquetLeaf } from './column-shape.ts';
import type { BinaryValues } from './encodings/binary-values.ts';
import { concatBinary, concatFixed, floatsOf } from './encodings/concat-values.ts';
import { EncodeError } from './encodings/encode-error.ts';
import { encodeValues } from './encodings/encode-values.ts';
import { encodeVector, VectorCodes } from './encodings/encode-vector.ts';
import type { EncodedColumn } from './encodings/encoded-column.ts';
import type { FixedValues } from './encodings/fixed-values.ts';
import { type EncodeEntries, TextDictionary } from './encodings/text-dictionary.ts';
import type { ShreddedLeaf } from './shred.ts';

/** What the pages of a leaf in one row group are made of. */
export interface LeafEntries {
  readonly leaf: ParquetLeaf;
  readonly numLevels: number;
  readonly definitions: Uint8Array;
  /** Undefined where nothing above the leaf repeats: then every entry is a row. */
  readonly repetitions: Uint8Array | undefined;
  readonly column: EncodedColumn;
}

/**
 * The entries of a leaf in one row group, encoded piece by piece, so that values need not be kept. Texts that repeat get a dictionary.
 * Only texts do: readers, parquetjs-lite among them, read dictionaries of numbers in ways of their own.
 */
export class LeafColumn {
  readonly #leaf: ParquetLeaf;
  readonly #definitions: Uint8Array[] = [];
  readonly #repetitions: Uint8Array[] = [];
  #pieces: (FixedValues | BinaryValues)[] = [];
  #dictionary: TextDictionary | undefined;

  constructor(leaf: ParquetLeaf, useDictionary: boolean) {
    this.#leaf = leaf;
    this.#dictionary = useDictionary && isText(leaf) ? new TextDictionary() : undefined;
  }

  /** @throws {EncodeError} for a value that does not fit */
  append({ definitions, repetitions, values }: ShreddedLeaf): void {
    this.#addLevels(definitions, repetitions);
    if (this.#dictionary?.append(values, this.#encodeEntries) === true) return;
    this.#endDictionary();
    this.#pieces.push(encodeValues(this.#leaf, values));
  }

  /**
   * Takes rows[start..end) of a column straight from its buffers; every row is an entry.
   *
   * @returns false, and takes nothing, where values have to be made of them
   */
  appendVector(vector: Vector, start: number, end: number): boolean {
    const encoded = encodeVector(this.#leaf, vector, start, end);
    if (encoded === undefined) return false;
    const { isThere, values } = encoded;
    if (values instanceof VectorCodes) {
      const distinct = decodeVector(values.distinct);
      if (this.#dictionary?.appendCodes(values.codes, distinct, this.#encodeEntries) !== true) return false;
    } else {
      if (this.#dictionary !== undefined) return false;
      this.#pieces.push(values);
    }
    const { maxDefinition } = this.#leaf;
    if (maxDefinition > 0) this.#addLevels(isThere);
    else this.#addLevels(new Uint8Array(end - start));
    return true;
  }

  /** The column so far as another leaf's: one of nulls becomes anything, whole numbers unsigned ones or floats. */
  as(leaf: ParquetLeaf, useDictionary: boolean): LeafColumn {
    const column = new LeafColumn(leaf, useDictionary);
    column.#definitions.push(...this.#definitions);
    if (this.#leaf.type.kind !== 'null')
      column.#pieces = leaf.type.kind === 'float' ? (this.#pieces as FixedValues[]).map(floatsOf) : this.#pieces;
    return column;
  }

  /**
   * The whole leaf. It holds until the next one is finished.
   *
   * @param leaf the same, in the schema of the file
   */
  finish(leaf: ParquetLeaf): LeafEntries {
    const definitions = concatBytes(this.#definitions);
    const repetitions = leaf.maxRepetition === 0 ? undefined : concatBytes(this.#repetitions);
    return { leaf, numLevels: definitions.length, definitions, repetitions, column: this.#column() };
  }

  #addLevels(definitions: Uint8Array, repetitions?: Uint8Array): void {
    this.#definitions.push(definitions);
    if (repetitions !== undefined) this.#repetitions.push(repetitions);
  }

  #column(): EncodedColumn {
    const coded = this.#dictionary?.finish();
    if (coded !== undefined) return coded;
    this.#endDictionary();
    const values =
      this.#leaf.physical === 'BYTE_ARRAY'
        ? concatBinary(this.#pieces as BinaryValues[])
        : concatFixed(this.#pieces as FixedValues[]);
    return { count: values.count, values, codes: undefined };
  }

  #endDictionary(): void {
    if (this.#dictionary !== undefined) this.#pieces.push(this.#dictionary.plain());
    this.#dictionary = undefined;
  }

  readonly #encodeEntries: EncodeEntries = (texts, firsts) => {
    try {
      const entries = firsts.map((first) => texts[first]);
      return encodeValues(this.#leaf, entries) as BinaryValues;
    } catch (error) {
      if (error instanceof EncodeError) error.index = firsts[error.index] ?? error.index;
      throw error;
    }
  };
}

function isText({ type: { kind } }: ParquetLeaf): boolean {
  return kind === 'string' || kind === 'enum' || kind === 'json';
}

function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    all.set(piece, end);
    end += piece.length;
  }
  return all;
}
