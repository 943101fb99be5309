import type { ColumnShape, ParquetLeaf } from '../column-shape.ts';
import type { ParquetType, TimeUnit } from '../schema.ts';
import type { CellOptions } from './cell.ts';
import type { Comparable, ValueDomain } from './value-domain.ts';

/** The columns of one file, their leaves marked with the type that all files have together where its values look different. */
export function widenedShape(shape: ColumnShape, type: ParquetType): ColumnShape {
  switch (shape.kind) {
    case 'leaf':
      return { ...shape, leaf: widenedLeaf(shape.leaf, type) };
    case 'struct': {
      const fields = type.kind === 'struct' ? type.fields : [];
      return {
        ...shape,
        fields: shape.fields.map((field) => {
          const merged = fields.find(({ name }) => name === field.name);
          return merged === undefined ? field : widenedShape(field, merged.type);
        }),
      };
    }
    case 'list':
      return type.kind === 'list' ? { ...shape, element: widenedShape(shape.element, type.element.type) } : shape;
    case 'map':
      if (type.kind !== 'map') return shape;
      return {
        ...shape,
        key: widenedShape(shape.key, type.key.type),
        value: widenedShape(shape.value, type.value.type),
      };
  }
}

export function widenedLeaf(leaf: ParquetLeaf, type: ParquetType): ParquetLeaf {
  return factorOf(leaf.type, type) === 1n ? leaf : { ...leaf, readAs: type };
}

const ticks: Readonly<Record<TimeUnit, bigint>> = { ms: 1n, us: 1_000n, ns: 1_000_000n };

/** How often the smallest step of one type goes into that of another: 1000 for milliseconds in microseconds, 100 for two more digits. */
function factorOf(from: ParquetType, to: ParquetType): bigint {
  if (from.kind === 'decimal' && to.kind === 'decimal') return 10n ** BigInt(to.scale - from.scale);
  const isTime = from.kind === 'timestamp' || from.kind === 'time';
  return isTime && to.kind === from.kind ? ticks[to.unit] / ticks[from.unit] : 1n;
}

/** Makes of a leaf's value, which is not null, that of its column in all files together; undefined where they are the same. */
export function widenedCell(
  { type, readAs }: ParquetLeaf,
  { int64 }: CellOptions,
): ((cell: unknown) => unknown) | undefined {
  if (type.kind === 'int' && type.bits < 64 && int64 === 'bigint') return (cell) => BigInt(cell as number);
  if (readAs === undefined) return undefined;
  const factor = factorOf(type, readAs);
  const zeros = '0'.repeat(String(factor).length - 1);
  const point = type.kind === 'decimal' && type.scale === 0 ? '.' : '';
  return (cell) => {
    if (typeof cell === 'bigint') return cell * factor;
    if (typeof cell !== 'string') return cell;
    return cell.endsWith('Z') ? `${cell.slice(0, -1)}${zeros}Z` : `${cell}${point}${zeros}`;
  };
}

/** How a leaf compares in the steps of its column in all files together. */
export function widenedDomain(domain: ValueDomain, merged: ValueDomain, { type, readAs }: ParquetLeaf): ValueDomain {
  if (readAs === undefined) return domain;
  const factor = factorOf(type, readAs);
  const scaled = (value: Comparable): Comparable => (value instanceof Uint8Array ? value : BigInt(value) * factor);
  return {
    literal: merged.literal,
    stored: (bytes) => {
      const value = domain.stored(bytes);
      return value === undefined ? undefined : scaled(value);
    },
    slots: (vector) => {
      const read = domain.slots(vector);
      return (slot) => scaled(read(slot));
    },
  };
}
