import type { ColumnShape, ParquetLeaf } from './column-shape.ts';
import type { ParquetChunk, ParquetMetadata } from './metadata.ts';

/** Footer entry of the files we write: the columns whose integers were bigints, as a JSON array of paths. */
export const bigintKey = 'millrace.bigint';

/** A leaf under the path that a user thinks of: the same for lists that were written in different ways. */
export interface LeafPath {
  readonly path: string;
  readonly leaf: ParquetLeaf;
}

export function pathsOf(shape: ColumnShape): readonly LeafPath[] {
  return walk(shape, shape.name);
}

function walk(shape: ColumnShape, path: string): readonly LeafPath[] {
  switch (shape.kind) {
    case 'leaf':
      return [{ path, leaf: shape.leaf }];
    case 'struct':
      return shape.fields.flatMap((field) => walk(field, `${path}\u0000${field.name}`));
    case 'list':
      return walk(shape.element, `${path}\u0000[]`);
    case 'map':
      return [...walk(shape.key, `${path}\u0000{key}`), ...walk(shape.value, `${path}\u0000{value}`)];
  }
}

/**
 * The paths whose 64-bit integers come as bigints. By `auto` a column is of numbers only if the statistics of every row
 * group of every file prove that all its values are safe integers, so that the rows of a column never mix the two.
 */
export function bigintPaths(
  files: readonly ParquetMetadata[],
  selected: readonly (readonly ColumnShape[])[],
  int64: 'auto' | 'bigint' | 'number',
): ReadonlySet<string> {
  const paths = new Set<string>();
  if (int64 === 'number') return paths;
  for (const [index, file] of files.entries()) {
    const marked = markedPaths(file);
    for (const { path, leaf } of (selected[index] ?? []).flatMap(pathsOf)) {
      if (leaf.type.kind !== 'int' || leaf.type.bits !== 64 || paths.has(path)) continue;
      const { isSigned } = leaf.type;
      const isProven = (): boolean =>
        file.rowGroups.every(({ chunks, numRows }) => {
          const chunk = chunks[leaf.index];
          return numRows === 0 || (chunk !== undefined && holdsSafeIntegers(chunk, isSigned));
        });
      if (int64 === 'bigint' || marked.has(path) || !isProven()) paths.add(path);
    }
  }
  return paths;
}

function holdsSafeIntegers({ statistics, numLevels }: ParquetChunk, isSigned: boolean): boolean {
  if (numLevels === 0) return true;
  if (statistics === undefined) return false;
  if (statistics.nullCount === numLevels) return true;
  // The deprecated pair is in signed order, whatever the type.
  const least = statistics.minValue ?? (isSigned ? statistics.min : undefined);
  const most = statistics.maxValue ?? (isSigned ? statistics.max : undefined);
  return isSafe(least, isSigned) && isSafe(most, isSigned);
}

function isSafe(bytes: Uint8Array | undefined, isSigned: boolean): boolean {
  if (bytes?.length !== 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const value = isSigned ? view.getBigInt64(0, true) : view.getBigUint64(0, true);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function markedPaths({ keyValues }: ParquetMetadata): ReadonlySet<string> {
  const text = keyValues[bigintKey];
  if (text === undefined) return new Set();
  const paths: unknown = JSON.parse(text);
  return new Set(Array.isArray(paths) ? paths.filter((path) => typeof path === 'string') : []);
}
