import type { ListVector, MapVector, ParquetVector, StructVector } from './assemble.ts';
import type { CellOptions, CellReader } from './cell.ts';
import { leafCells } from './leaf-cells.ts';

/** The options of the leaf at a position among the file's leaves. */
export type LeafOptions = (leafIndex: number) => CellOptions;

/** What reads the values of a column, nested or not. */
export function cellsOf(vector: ParquetVector, options: LeafOptions): CellReader {
  switch (vector.kind) {
    case 'leaf':
      return leafCells(vector, options(vector.leaf.index));
    case 'struct':
      return structCells(vector, options);
    case 'list':
      return listCells(vector, options);
    case 'map':
      return mapCells(vector, options);
  }
}

function structCells({ names, fields, present }: StructVector, options: LeafOptions): CellReader {
  const readers = fields.map((field) => cellsOf(field, options));
  const build = objectBuilder(names);
  return (start, end) => {
    const cells: unknown[] = build(
      readers.map((read) => read(start, end)),
      end - start,
    );
    if (present !== undefined)
      for (let slot = start; slot < end; slot++) if (present[slot] !== 1) cells[slot - start] = null;
    return cells;
  };
}

function listCells({ offsets, element, present }: ListVector, options: LeafOptions): CellReader {
  const read = cellsOf(element, options);
  return (start, end) => {
    const base = offsets[start]!;
    const elements = read(base, offsets[end]!);
    const cells = new Array<unknown>(end - start);
    for (let slot = start; slot < end; slot++)
      cells[slot - start] =
        present === undefined || present[slot] === 1
          ? elements.slice(offsets[slot]! - base, offsets[slot + 1]! - base)
          : null;
    return cells;
  };
}

function mapCells({ offsets, key, value, present }: MapVector, options: LeafOptions): CellReader {
  const readKeys = cellsOf(key, options);
  const readValues = cellsOf(value, options);
  return (start, end) => {
    const base = offsets[start]!;
    const keys = readKeys(base, offsets[end]!);
    const values = readValues(base, offsets[end]!);
    const cells = new Array<unknown>(end - start);
    for (let slot = start; slot < end; slot++) {
      if (present !== undefined && present[slot] !== 1) {
        cells[slot - start] = null;
        continue;
      }
      const map = new Map<unknown, unknown>();
      for (let entry = offsets[slot]! - base; entry < offsets[slot + 1]! - base; entry++)
        map.set(keys[entry], values[entry]);
      cells[slot - start] = map;
    }
    return cells;
  };
}

/** Makes `count` objects of one array a property. */
export type ObjectBuilder = (columns: readonly (readonly unknown[])[], count: number) => unknown[];

/**
 * A loop generated for these names: an object literal gives every row the same hidden class at once, where setting
 * properties one by one takes ten times as long. Names are quoted as JSON and computed, so any text may be one.
 */
export function objectBuilder(names: readonly string[]): ObjectBuilder {
  const arrays = names.map((_, index) => `const c${index} = columns[${index}];`).join(' ');
  const properties = names.map((name, index) => `${propertyName(name)}: c${index}[row]`).join(', ');
  const body = `${arrays} const rows = new Array(count); for (let row = 0; row < count; row++) rows[row] = { ${properties} }; return rows;`;
  return new Function('columns', 'count', body) as ObjectBuilder;
}

function propertyName(name: string): string {
  const quoted = JSON.stringify(name).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return name === '__proto__' ? `[${quoted}]` : quoted;
}
