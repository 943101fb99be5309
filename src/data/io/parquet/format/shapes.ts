import type { ColumnShape, ParquetLeaf } from '../column-shape.ts';
import { leafType } from './leaf-type.ts';
import { convertedType, type FormatSchemaElement, physicalTypes, repetition } from './parquet-format.ts';
import { ParquetFormatError } from './parquet-format-error.ts';

/** An element of the schema with its children: the flat list of the footer made a tree. */
interface SchemaNode {
  readonly element: FormatSchemaElement;
  readonly children: readonly SchemaNode[] | undefined;
}

/** The levels that hold above a node. */
interface Levels {
  readonly path: readonly string[];
  readonly definition: number;
  readonly repetition: number;
  /** The definition level of the innermost repeated ancestor's elements. */
  readonly elementDefinition: number;
}

/** Levels are kept in bytes, and the decoders recurse once a level of nesting. */
const maxLevel = 255;

/** The columns of a file from the schema elements of its footer, nested and legacy lists and maps included. */
export function shapesOf(elements: readonly FormatSchemaElement[]): readonly ColumnShape[] {
  const root = treeOf(elements);
  const leaves: ParquetLeaf[] = [];
  const levels: Levels = { path: [], definition: 0, repetition: 0, elementDefinition: 0 };
  return (root.children ?? []).map((child) => shapeOf(child, levels, leaves));
}

function treeOf(elements: readonly FormatSchemaElement[]): SchemaNode {
  let next = 0;
  const read = (depth: number): SchemaNode => {
    const element = elements[next++];
    if (element === undefined) throw new ParquetFormatError('the schema names more children than it holds');
    if (depth > maxLevel) throw new ParquetFormatError(`the schema is nested more than ${maxLevel} deep`);
    if (element.type !== undefined && depth > 0) return { element, children: undefined };
    const count = element.numChildren ?? 0;
    if (count < 0 || count > elements.length - next)
      throw new ParquetFormatError(`the schema's group "${element.name}" names ${count} children and holds fewer`);
    return { element, children: Array.from({ length: count }, () => read(depth + 1)) };
  };
  const root = read(0);
  if (next !== elements.length) throw new ParquetFormatError('the schema holds elements that belong to no group');
  return root;
}

function shapeOf(node: SchemaNode, above: Levels, leaves: ParquetLeaf[]): ColumnShape {
  const { element } = node;
  if (element.repetitionType !== repetition.repeated) return unrepeatedShape(node, above, leaves);
  // A repeated field outside of a LIST or MAP is a list that is never null, of elements that are never null.
  const levels = enter(above, node);
  return {
    kind: 'list',
    name: element.name,
    isNullable: false,
    definition: above.definition,
    elementRepetition: levels.repetition,
    elementDefinition: levels.definition,
    element: bodyShape(node, levels, false, leaves),
  };
}

function unrepeatedShape(node: SchemaNode, above: Levels, leaves: ParquetLeaf[]): ColumnShape {
  const levels = enter(above, node);
  const isNullable = node.element.repetitionType === repetition.optional;
  const repeated = node.children?.length === 1 ? node.children[0] : undefined;
  if (repeated?.element.repetitionType === repetition.repeated) {
    if (isMap(node, repeated)) return mapShape(node, repeated, levels, isNullable, leaves);
    if (isList(node) || isMapAnnotated(node)) return listShape(node, repeated, levels, isNullable, leaves);
  }
  return bodyShape(node, levels, isNullable, leaves);
}

/** The leaf or struct that a node is, once its own repetition is dealt with. */
function bodyShape(node: SchemaNode, levels: Levels, isNullable: boolean, leaves: ParquetLeaf[]): ColumnShape {
  const { element, children } = node;
  const base = { name: element.name, isNullable, definition: levels.definition };
  if (children === undefined) return { ...base, kind: 'leaf', leaf: addLeaf(element, levels, leaves) };
  if (isList(node) && children.length === 1 && children[0]?.element.repetitionType === repetition.repeated)
    return listShape(node, children[0], levels, isNullable, leaves);
  return { ...base, kind: 'struct', fields: children.map((child) => shapeOf(child, levels, leaves)) };
}

/**
 * The element is the repeated field's only child, except where older writers made the repeated field the element itself.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules
 */
function listShape(
  node: SchemaNode,
  repeated: SchemaNode,
  levels: Levels,
  isNullable: boolean,
  leaves: ParquetLeaf[],
): ColumnShape {
  const inside = enter(levels, repeated);
  const only = repeated.children?.length === 1 ? repeated.children[0] : undefined;
  const name = repeated.element.name;
  const isElementItself =
    only === undefined ||
    only.element.repetitionType === repetition.repeated ||
    name === 'array' ||
    name === `${node.element.name}_tuple`;
  return {
    kind: 'list',
    name: node.element.name,
    isNullable,
    definition: levels.definition,
    elementRepetition: inside.repetition,
    elementDefinition: inside.definition,
    element: isElementItself ? bodyShape(repeated, inside, false, leaves) : shapeOf(only, inside, leaves),
  };
}

function mapShape(
  node: SchemaNode,
  repeated: SchemaNode,
  levels: Levels,
  isNullable: boolean,
  leaves: ParquetLeaf[],
): ColumnShape {
  const inside = enter(levels, repeated);
  const [key, value] = (repeated.children ?? []).map((child) => shapeOf(child, inside, leaves));
  if (key === undefined || value === undefined)
    throw new ParquetFormatError(`the map "${node.element.name}" has no key`);
  return {
    kind: 'map',
    name: node.element.name,
    isNullable,
    definition: levels.definition,
    elementRepetition: inside.repetition,
    elementDefinition: inside.definition,
    key,
    value,
  };
}

function addLeaf(element: FormatSchemaElement, levels: Levels, leaves: ParquetLeaf[]): ParquetLeaf {
  const physical = physicalTypes[element.type ?? -1];
  if (physical === undefined)
    throw new ParquetFormatError(`column ${levels.path.join('.')} has the unknown physical type ${element.type}`);
  const typeLength = physical === 'FIXED_LEN_BYTE_ARRAY' ? (element.typeLength ?? -1) : 0;
  if (typeLength < 0)
    throw new ParquetFormatError(`column ${levels.path.join('.')} does not say how long its values are`);
  if (levels.definition > maxLevel || levels.repetition > maxLevel)
    throw new ParquetFormatError(`column ${levels.path.join('.')} is nested more than ${maxLevel} deep`);
  const leaf: ParquetLeaf = {
    index: leaves.length,
    path: levels.path,
    physical,
    typeLength,
    type: leafType(element, physical),
    maxDefinition: levels.definition,
    maxRepetition: levels.repetition,
    elementDefinition: levels.elementDefinition,
  };
  leaves.push(leaf);
  return leaf;
}

function enter(above: Levels, { element }: SchemaNode): Levels {
  const isRepeated = element.repetitionType === repetition.repeated;
  const definition = above.definition + (isRepeated || element.repetitionType === repetition.optional ? 1 : 0);
  return {
    path: [...above.path, element.name],
    definition,
    repetition: above.repetition + (isRepeated ? 1 : 0),
    elementDefinition: isRepeated ? definition : above.elementDefinition,
  };
}

function isList({ element }: SchemaNode): boolean {
  return element.logicalType?.list !== undefined || element.convertedType === convertedType.list;
}

function isMapAnnotated({ element }: SchemaNode): boolean {
  return (
    element.logicalType?.map !== undefined ||
    element.convertedType === convertedType.map ||
    element.convertedType === convertedType.mapKeyValue
  );
}

/** A map without values is a list of its keys, as everybody reads it. */
function isMap(node: SchemaNode, repeated: SchemaNode): boolean {
  const [key, value] = repeated.children ?? [];
  return (
    isMapAnnotated(node) &&
    repeated.children?.length === 2 &&
    key?.element.repetitionType !== repetition.repeated &&
    value !== undefined
  );
}
