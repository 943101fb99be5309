import type { ParquetLeaf } from '../column-shape.ts';
import type { LeafVector } from './assemble.ts';
import { binaryCells, dictionaryCells } from './binary-cells.ts';
import { BinaryValues } from './binary-values.ts';
import { type Cell, CellError, type CellOptions, type CellReader, withNulls } from './cell.ts';
import type { FixedValues } from './fixed-values.ts';
import { bigEndianInteger, decimalText, halfToNumber, uuidText } from './scalar-text.ts';
import { dateCell, int96Cell, timeCell, timestampCell } from './temporal-cells.ts';
import { widenedCell } from './widened.ts';

/** What reads the values of a leaf: the work that one column has in common is done here, once. */
export function leafCells(vector: LeafVector, options: CellOptions): CellReader {
  const read = storedCells(vector, options);
  const widened = widenedCell(vector.leaf, options);
  if (widened === undefined) return read;
  return (start, end) => read(start, end).map((cell) => (cell === null ? null : widened(cell)));
}

/** The values in the type that the file has for them. */
function storedCells(vector: LeafVector, options: CellOptions): CellReader {
  const { leaf, values, present } = vector;
  if (leaf.type.kind === 'null') return (start, end) => new Array<null>(end - start).fill(null);
  if ('codes' in values) return dictionaryCells(values.codes, values.dictionary, present, leaf.type);
  if (values instanceof BinaryValues) return binaryCells(values, present, leaf.type);
  return withNulls(fixedCell(values, leaf, options), present);
}

function fixedCell({ bytes, width }: FixedValues, leaf: ParquetLeaf, options: CellOptions): Cell {
  const { buffer } = bytes;
  const { type } = leaf;
  switch (type.kind) {
    case 'boolean':
      return (slot) => bytes[slot] === 1;
    case 'int': {
      if (type.bits === 64) return int64Cell(buffer, type.isSigned, options);
      // Narrow types are kept in 32 bits, of which readers take the low ones.
      const words = new Int32Array(buffer);
      const shift = 32 - type.bits;
      return type.isSigned ? (slot) => (words[slot]! << shift) >> shift : (slot) => (words[slot]! << shift) >>> shift;
    }
    case 'float': {
      if (type.bits === 16) return (slot) => halfToNumber(bytes[slot * 2]! | (bytes[slot * 2 + 1]! << 8));
      const floats = type.bits === 32 ? new Float32Array(buffer) : new Float64Array(buffer);
      return (slot) => floats[slot]!;
    }
    case 'decimal':
      return decimalCell(bytes, leaf, type.scale);
    case 'date':
      return dateCell(buffer);
    case 'time':
      return timeCell(buffer, width, type.unit);
    case 'timestamp':
      return leaf.physical === 'INT96'
        ? int96Cell(buffer, options)
        : timestampCell(buffer, type.unit, type.isUtc, options);
    case 'uuid':
      return (slot) => uuidText(bytes, slot * 16);
    case 'interval': {
      const words = new Uint32Array(buffer);
      return (slot) => ({ months: words[slot * 3]!, days: words[slot * 3 + 1]!, milliseconds: words[slot * 3 + 2]! });
    }
    default:
      return (slot) => bytes.slice(slot * width, (slot + 1) * width);
  }
}

function int64Cell(buffer: ArrayBufferLike, isSigned: boolean, options: CellOptions): Cell {
  const wide = isSigned ? new BigInt64Array(buffer) : new BigUint64Array(buffer);
  if (options.int64 === 'bigint') return (slot) => wide[slot]!;
  const words = new Int32Array(buffer);
  return (slot) => {
    const high = isSigned ? words[slot * 2 + 1]! : words[slot * 2 + 1]! >>> 0;
    const value = high * 4294967296 + (words[slot * 2]! >>> 0);
    if (!Number.isSafeInteger(value))
      throw new CellError(`${wide[slot]} does not fit a number without rounding. Read it with int64: 'bigint'.`, slot);
    return value;
  };
}

/** INT32 and INT64 are little-endian, bytes big-endian. */
function decimalCell(bytes: Uint8Array, leaf: ParquetLeaf, scale: number): Cell {
  if (leaf.physical === 'INT32') {
    const words = new Int32Array(bytes.buffer);
    return (slot) => decimalText(words[slot]!, scale);
  }
  if (leaf.physical === 'INT64') {
    const words = new Int32Array(bytes.buffer);
    const wide = new BigInt64Array(bytes.buffer);
    return (slot) => {
      const value = words[slot * 2 + 1]! * 4294967296 + (words[slot * 2]! >>> 0);
      return decimalText(Number.isSafeInteger(value) ? value : wide[slot]!, scale);
    };
  }
  const { typeLength } = leaf;
  return (slot) => decimalText(bigEndianInteger(bytes, slot * typeLength, typeLength), scale);
}
