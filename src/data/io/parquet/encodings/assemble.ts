import type { ColumnShape, ParquetLeaf } from '../column-shape.ts';
import { leavesOf } from '../column-shape.ts';
import { ParquetFormatError, ParquetUnsupportedError } from '../format/parquet-format-error.ts';
import type { DecodedChunk, DictionaryValues } from '../read-chunk.ts';
import type { BinaryValues } from './binary-values.ts';
import type { FixedValues } from './fixed-values.ts';

/** One slot a value of the column: `present[slot]` is 1 where it is not null, absent when none is null. */
interface VectorBase {
  readonly length: number;
  readonly present: Uint8Array | undefined;
}

export interface LeafVector extends VectorBase {
  readonly kind: 'leaf';
  readonly leaf: ParquetLeaf;
  readonly values: FixedValues | BinaryValues | DictionaryValues;
}

export interface StructVector extends VectorBase {
  readonly kind: 'struct';
  readonly names: readonly string[];
  readonly fields: readonly ParquetVector[];
}

/** Slot i holds the elements offsets[i] to offsets[i + 1]. */
export interface ListVector extends VectorBase {
  readonly kind: 'list';
  readonly offsets: Int32Array;
  readonly element: ParquetVector;
}

export interface MapVector extends VectorBase {
  readonly kind: 'map';
  readonly offsets: Int32Array;
  readonly key: ParquetVector;
  readonly value: ParquetVector;
}

/** A column in Arrow's layout, except that null flags are bytes. */
export type ParquetVector = LeafVector | StructVector | ListVector | MapVector;

/**
 * Makes a column of its decoded leaves, from the levels that say where lists begin and what is null.
 * @see Melnik et al., Dremel, VLDB 2010, section 4; turned round here: each level of nesting is read off in one pass
 */
export function assemble(shape: ColumnShape, chunks: ReadonlyMap<number, DecodedChunk>): ParquetVector {
  return assembleAt(shape, { repetition: 0, definition: 0 }, chunks);
}

/** Where slots begin: entries that repeat nothing deeper than `repetition` and reach `definition`. */
interface SlotLevels {
  readonly repetition: number;
  readonly definition: number;
}

function assembleAt(shape: ColumnShape, levels: SlotLevels, chunks: ReadonlyMap<number, DecodedChunk>): ParquetVector {
  if (shape.kind === 'leaf') return leafVector(chunkOf(shape.leaf, chunks), levels);
  const first = leavesOf(shape)[0];
  if (first === undefined) throw new ParquetUnsupportedError(`column ${shape.name} has a struct without fields`);
  const chunk = chunkOf(first, chunks);
  if (shape.kind === 'struct') {
    const fields = shape.fields.map((field) => assembleAt(field, levels, chunks));
    const length = fields[0]?.length ?? 0;
    for (const field of fields) checkLength(shape.name, length, field.length);
    const present = shape.isNullable ? slotFlags(chunk, levels, shape.definition) : undefined;
    return { kind: 'struct', length, present, names: shape.fields.map((field) => field.name), fields };
  }
  const { elementRepetition, elementDefinition } = shape;
  const offsets = listOffsets(chunk, levels, elementRepetition, elementDefinition);
  const present = shape.isNullable ? slotFlags(chunk, levels, shape.definition) : undefined;
  const base = { length: offsets.length - 1, present, offsets };
  const inside: SlotLevels = { repetition: elementRepetition, definition: elementDefinition };
  const total = offsets[offsets.length - 1]!;
  if (shape.kind === 'list') {
    const element = assembleAt(shape.element, inside, chunks);
    checkLength(shape.name, total, element.length);
    return { ...base, kind: 'list', element };
  }
  const key = assembleAt(shape.key, inside, chunks);
  const value = assembleAt(shape.value, inside, chunks);
  checkLength(shape.name, total, key.length);
  checkLength(shape.name, total, value.length);
  return { ...base, kind: 'map', key, value };
}

function leafVector(chunk: DecodedChunk, levels: SlotLevels): LeafVector {
  const { leaf, definitions, numLevels, values } = chunk;
  if (definitions === undefined) return { kind: 'leaf', leaf, length: numLevels, present: undefined, values };
  const isNullable = leaf.maxDefinition > levels.definition;
  let length = numLevels;
  let present = definitions;
  if (levels.definition > 0) {
    // Entries that stop above this level of nesting stand for an empty or missing list and have no slot here.
    present = new Uint8Array(numLevels);
    length = 0;
    for (let index = 0; index < numLevels; index++)
      if (definitions[index]! >= levels.definition)
        present[length++] = definitions[index] === leaf.maxDefinition ? 1 : 0;
  } else if (leaf.maxDefinition > 1) {
    present = new Uint8Array(numLevels);
    for (let index = 0; index < numLevels; index++) present[index] = definitions[index] === leaf.maxDefinition ? 1 : 0;
  }
  if (!isNullable) return { kind: 'leaf', leaf, length, present: undefined, values };
  if ('codes' in values) spreadCodes(values.codes, present, length);
  else if (values.count < length) values.spread(present, length);
  return { kind: 'leaf', leaf, length, present, values };
}

/** As FixedValues.spread; the code of a null is 0. */
function spreadCodes(codes: Int32Array, present: Uint8Array, slots: number): void {
  let from = 0;
  for (let slot = 0; slot < slots; slot++) from += present[slot]!;
  if (from === slots) return;
  for (let slot = slots - 1; slot >= 0; slot--) codes[slot] = present[slot] === 1 ? codes[--from]! : 0;
}

/** For each slot, whether its definition level reaches `definition`. */
function slotFlags(chunk: DecodedChunk, levels: SlotLevels, definition: number): Uint8Array | undefined {
  const { definitions, repetitions, numLevels } = chunk;
  if (definitions === undefined) return undefined;
  const flags = new Uint8Array(numLevels);
  let slots = 0;
  for (let index = 0; index < numLevels; index++) {
    if (repetitions !== undefined && repetitions[index]! > levels.repetition) continue;
    if (definitions[index]! >= levels.definition) flags[slots++] = definitions[index]! >= definition ? 1 : 0;
  }
  return flags;
}

function listOffsets(
  chunk: DecodedChunk,
  levels: SlotLevels,
  elementRepetition: number,
  elementDefinition: number,
): Int32Array {
  const { definitions, repetitions, numLevels } = chunk;
  if (repetitions === undefined) throw new ParquetFormatError('a list has no repetition levels');
  if (numLevels > 0 && repetitions[0] !== 0)
    throw new ParquetFormatError(
      `a list goes on (repetition level ${repetitions[0]}) where the first row should begin`,
    );
  const offsets = new Int32Array(numLevels + 1);
  let slots = 0;
  let elements = 0;
  for (let index = 0; index < numLevels; index++) {
    const repetition = repetitions[index]!;
    const definition = definitions === undefined ? elementDefinition : definitions[index]!;
    if (repetition <= levels.repetition && definition >= levels.definition) offsets[slots++] = elements;
    if (repetition <= elementRepetition && definition >= elementDefinition) elements++;
  }
  offsets[slots] = elements;
  return offsets.slice(0, slots + 1);
}

function chunkOf(leaf: ParquetLeaf, chunks: ReadonlyMap<number, DecodedChunk>): DecodedChunk {
  const chunk = chunks.get(leaf.index);
  if (chunk === undefined) throw new ParquetFormatError(`the row group has no column ${leaf.path.join('.')}`);
  return chunk;
}

function checkLength(name: string, expected: number, found: number): void {
  if (expected !== found)
    throw new ParquetFormatError(`the parts of column ${name} disagree: one has ${expected} entries, one ${found}`);
}
