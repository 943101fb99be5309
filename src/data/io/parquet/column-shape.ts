import type { PhysicalType } from './format/parquet-format.ts';
import type { ParquetField, ParquetType } from './schema.ts';

/** A column of values as the file stores it. Plain data: splits carry it to the workers. */
export interface ParquetLeaf {
  /** Its position among the leaves of the file's schema, which is its position in every row group. */
  readonly index: number;
  readonly path: readonly string[];
  readonly physical: PhysicalType;
  /** Bytes of a FIXED_LEN_BYTE_ARRAY, else 0. */
  readonly typeLength: number;
  readonly type: ParquetType;
  /** The type of the column in all files together, where a value of it looks different: finer time units, decimals of a larger scale. */
  readonly readAs?: ParquetType;
  /** The definition level of a value that is there; anything lower says which ancestor is null or empty. */
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  /** The definition level from which the innermost repeated ancestor has an element here; 0 where there is none. */
  readonly elementDefinition: number;
}

interface ShapeBase {
  readonly name: string;
  readonly isNullable: boolean;
  /** The definition level from which this is not null. */
  readonly definition: number;
}

export interface LeafShape extends ShapeBase {
  readonly kind: 'leaf';
  readonly leaf: ParquetLeaf;
}

export interface StructShape extends ShapeBase {
  readonly kind: 'struct';
  readonly fields: readonly ColumnShape[];
}

export interface ListShape extends ShapeBase {
  readonly kind: 'list';
  /** The repetition level of its second and later elements. */
  readonly elementRepetition: number;
  /** The definition level from which there is an element. */
  readonly elementDefinition: number;
  readonly element: ColumnShape;
}

export interface MapShape extends ShapeBase {
  readonly kind: 'map';
  readonly elementRepetition: number;
  readonly elementDefinition: number;
  readonly key: ColumnShape;
  readonly value: ColumnShape;
}

/** How the leaves of a file make up one of its columns, with the levels at which each part begins to exist. */
export type ColumnShape = LeafShape | StructShape | ListShape | MapShape;

/** The leaves below a shape, in the order of the file. */
export function leavesOf(shape: ColumnShape): readonly ParquetLeaf[] {
  switch (shape.kind) {
    case 'leaf':
      return [shape.leaf];
    case 'struct':
      return shape.fields.flatMap(leavesOf);
    case 'list':
      return leavesOf(shape.element);
    case 'map':
      return [...leavesOf(shape.key), ...leavesOf(shape.value)];
  }
}

/** The field that a user sees for a shape. */
export function fieldOf(shape: ColumnShape): ParquetField {
  return { name: shape.name, isNullable: shape.isNullable, type: typeOf(shape) };
}

function typeOf(shape: ColumnShape): ParquetType {
  switch (shape.kind) {
    case 'leaf':
      return shape.leaf.type;
    case 'struct':
      return { kind: 'struct', fields: shape.fields.map(fieldOf) };
    case 'list':
      return { kind: 'list', element: fieldOf(shape.element) };
    case 'map':
      return { kind: 'map', key: fieldOf(shape.key), value: fieldOf(shape.value) };
  }
}
