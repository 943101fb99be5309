import { defined } from '../../../base/defined.ts';
import type { Vector } from '../../columnar/batch-reader.ts';
import { decodeVector } from '../../columnar/vector-decoder.ts';
import type { ColumnShape, LeafShape } from './column-shape.ts';
import { EncodeError } from './encodings/encode-error.ts';
import { elementsOf } from './format/schema-elements.ts';
import { shapesOf } from './format/shapes.ts';
import { LeafColumn, type LeafEntries } from './leaf-column.ts';
import { describeType, isNested, type ParquetField } from './schema.ts';
import { misfit, rowOf, type ShreddedLeaf, shred } from './shred.ts';

/** A column of the row group that is being gathered. */
interface GroupColumn {
  readonly field: ParquetField;
  /** Takes the values of further rows; `firstRow` is the number of the first of them, for messages. */
  append(values: readonly unknown[], firstRow: number): void;
  /** The same for rows[start..end) of a column in memory. */
  appendVector(vector: Vector, start: number, end: number, firstRow: number): void;
  /** The column with a type that its inference came to, which holds what it has so far. */
  as(field: ParquetField): GroupColumn;
  /** @param shape the column in the schema of the file */
  finish(shape: ColumnShape): Iterable<LeafEntries>;
}

/**
 * The columns of a row group, which take up values as the rows come: single ones are encoded at once, so that they need not outlive
 * the rows; nested ones wait until the group is whole.
 */
export class GroupColumns {
  readonly #columns = new Map<string, GroupColumn>();
  readonly #useDictionary: boolean;
  /** The number of the first row, for messages. */
  readonly #firstRow: number;
  #numRows = 0;

  constructor(firstRow: number, useDictionary: boolean) {
    this.#firstRow = firstRow;
    this.#useDictionary = useDictionary;
  }

  get numRows(): number {
    return this.#numRows;
  }

  /** Takes further rows, whose columns are `fields`: all that there were so far, and perhaps others that were null. */
  append(fields: readonly ParquetField[], numRows: number, valuesOf: (name: string) => readonly unknown[]): void {
    const firstRow = this.#firstRow + this.#numRows;
    for (const field of fields) this.#column(field).append(valuesOf(field.name), firstRow);
    this.#numRows += numRows;
  }

  /** The same for rows[start..end) of columns in memory. */
  appendVectors(fields: readonly ParquetField[], start: number, end: number, vectorOf: (name: string) => Vector): void {
    const firstRow = this.#firstRow + this.#numRows;
    for (const field of fields) this.#column(field).appendVector(vectorOf(field.name), start, end, firstRow);
    this.#numRows += end - start;
  }

  /** The leaves of the whole group, whose columns have `shapes` in the schema of the file. Each holds until the next is asked for. */
  *finish(shapes: readonly ColumnShape[]): Iterable<LeafEntries> {
    for (const shape of shapes) yield* defined(this.#columns.get(shape.name), `column ${shape.name}`).finish(shape);
  }

  #column(field: ParquetField): GroupColumn {
    const known = this.#columns.get(field.name);
    if (known?.field === field) return known;
    const column = known === undefined ? this.#newColumn(field) : this.#changed(known, field);
    this.#columns.set(field.name, column);
    return column;
  }

  #newColumn(field: ParquetField): GroupColumn {
    const column = isNested(field.type)
      ? new NestedColumn(field, this.#firstRow, this.#useDictionary)
      : FlatColumn.of(field, this.#useDictionary);
    if (this.#numRows > 0) column.append(new Array<null>(this.#numRows).fill(null), this.#firstRow);
    return column;
  }

  #changed(column: GroupColumn, field: ParquetField): GroupColumn {
    return isNested(field.type) && !isNested(column.field.type) ? this.#newColumn(field) : column.as(field);
  }
}

class FlatColumn implements GroupColumn {
  readonly field: ParquetField;
  readonly #shape: LeafShape;
  readonly #leaf: LeafColumn;
  readonly #useDictionary: boolean;

  private constructor(field: ParquetField, shape: LeafShape, leaf: LeafColumn, useDictionary: boolean) {
    this.field = field;
    this.#shape = shape;
    this.#leaf = leaf;
    this.#useDictionary = useDictionary;
  }

  static of(field: ParquetField, useDictionary: boolean): FlatColumn {
    const shape = leafShape(field);
    return new FlatColumn(field, shape, new LeafColumn(shape.leaf, useDictionary), useDictionary);
  }

  append(values: readonly unknown[], firstRow: number): void {
    for (const leaf of shred(this.#shape, values, firstRow)) appendExactly(this.#leaf, leaf, firstRow);
  }

  appendVector(vector: Vector, start: number, end: number, firstRow: number): void {
    const mayBeNull = 'validity' in vector || vector.kind === 'null' || vector.kind === 'undefined';
    if (mayBeNull && !this.field.isNullable) this.append(decodeVector(vector).slice(start, end), firstRow);
    else if (!this.#leaf.appendVector(vector, start, end))
      this.append(decodeVector(vector).slice(start, end), firstRow);
  }

  as(field: ParquetField): FlatColumn {
    const isSame = describeType(field.type) === describeType(this.field.type);
    const shape = leafShape(field);
    const leaf = isSame ? this.#leaf : this.#leaf.as(shape.leaf, this.#useDictionary);
    return new FlatColumn(field, shape, leaf, this.#useDictionary);
  }

  finish(shape: ColumnShape): Iterable<LeafEntries> {
    return [this.#leaf.finish((shape as LeafShape).leaf)];
  }
}

class NestedColumn implements GroupColumn {
  readonly field: ParquetField;
  readonly #firstRow: number;
  readonly #useDictionary: boolean;
  #values: unknown[] = [];

  constructor(field: ParquetField, firstRow: number, useDictionary: boolean) {
    this.field = field;
    this.#firstRow = firstRow;
    this.#useDictionary = useDictionary;
  }

  append(values: readonly unknown[]): void {
    for (const value of values) this.#values.push(value);
  }

  appendVector(vector: Vector, start: number, end: number): void {
    this.append(decodeVector(vector).slice(start, end));
  }

  as(field: ParquetField): NestedColumn {
    const column = new NestedColumn(field, this.#firstRow, this.#useDictionary);
    column.#values = this.#values;
    return column;
  }

  *finish(shape: ColumnShape): Iterable<LeafEntries> {
    for (const shredded of shred(shape, this.#values, this.#firstRow)) {
      const column = new LeafColumn(shredded.leaf, this.#useDictionary);
      appendExactly(column, shredded, this.#firstRow);
      yield column.finish(shredded.leaf);
    }
  }
}

/** A column of single values alone: how its values are written does not depend on the others. */
function leafShape(field: ParquetField): LeafShape {
  return shapesOf(elementsOf({ fields: [field] }))[0] as LeafShape;
}

/** @throws {MillraceError} MR_SCHEMA naming row and field for a value that does not fit */
function appendExactly(column: LeafColumn, shredded: ShreddedLeaf, firstRow: number): void {
  try {
    column.append(shredded);
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    throw misfit(rowOf(shredded.repetitions, entryOf(shredded, error.index), firstRow), shredded.field, error.message);
  }
}

/** The entry of the value at a position among those that are there. */
function entryOf({ leaf, definitions }: ShreddedLeaf, position: number): number {
  let seen = -1;
  return definitions.findIndex((definition) => {
    if (definition === leaf.maxDefinition) seen++;
    return seen === position;
  });
}
