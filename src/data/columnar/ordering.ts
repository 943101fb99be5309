import { bytesOf, checkKeyDepth, refuseKey, viewName } from './key-hash.ts';
import { objectKind } from './object-kind.ts';

/**
 * The order of values: null, undefined, booleans, numbers and bigints, strings, Dates, binary, arrays, objects, then the rest.
 * As in Spark, null comes first. Two values compare as 0 exactly when `keysEqual` says they are equal.
 *
 * Numbers and bigints mix, by value; a number comes before the bigint of the same value, NaN after all of them. Strings are
 * ordered by code unit, as `<` does. Dates by time, invalid ones last. Binary by bytes, as unsigned numbers (Uint8Array and
 * Buffer alike; other classes after them, by class name first). Arrays item by item, a prefix first. Objects (of any class) by
 * their fields in the order of their names: name, then value, fewer fields first. Maps and Sets by their sorted entries,
 * RegExps by source and flags, errors by name and message, boxed primitives by their values.
 *
 * @throws {MillraceError} MR_SCHEMA for functions, symbols, what holds them, and cycles
 */
export function compareValues(a: unknown, b: unknown): number {
  return compareAt(a, b, 0);
}

const rankOfKind = {
  date: 6,
  bytes: 7,
  buffer: 7,
  array: 8,
  plain: 9,
  instance: 9,
  map: 10,
  set: 11,
  typedArray: 12,
  dataView: 12,
  arrayBuffer: 12,
  regExp: 13,
  error: 14,
  boxed: 15,
} as const;

function rank(value: unknown): number {
  switch (typeof value) {
    case 'undefined':
      return 2;
    case 'boolean':
      return 3;
    case 'number':
    case 'bigint':
      return 4;
    case 'string':
      return 5;
    case 'object': {
      if (value === null) return 1;
      const kind = objectKind(value);
      return kind === 'unsupported' ? refuseKey(value) : rankOfKind[kind];
    }
    case 'function':
    case 'symbol':
      return refuseKey(value);
  }
}

function compareAt(a: unknown, b: unknown, depth: number): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  const rankA = rank(a);
  const rankB = rank(b);
  if (rankA !== rankB) return rankA - rankB;
  switch (typeof a) {
    case 'object':
      return a === null || a === b ? 0 : compareObjects(a, b as object, rankA, depth + 1);
    case 'boolean':
      return Number(a) - Number(b);
    case 'number':
    case 'bigint':
      return compareNumerics(a, b as number | bigint);
    default:
      return 0;
  }
}

function compareNumbers(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** JS compares a bigint with a number exactly. */
function compareNumerics(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  const nan = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return nan !== 0 ? nan : Number(typeof a === 'bigint') - Number(typeof b === 'bigint');
}

function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compareObjects(a: object, b: object, rankOfBoth: number, depth: number): number {
  checkKeyDepth(depth);
  switch (rankOfBoth) {
    case rankOfKind.date:
      return compareNumbers((a as Date).getTime(), (b as Date).getTime());
    case rankOfKind.bytes:
      return Buffer.compare(a as Uint8Array, b as Uint8Array);
    case rankOfKind.array:
      return compareArrays(a as readonly unknown[], b as readonly unknown[], depth);
    case rankOfKind.plain:
      return compareArrays(sortedFields(a), sortedFields(b), depth);
    case rankOfKind.map:
      return compareArrays(
        sorted([...(a as Map<unknown, unknown>)], depth),
        sorted([...(b as Map<unknown, unknown>)], depth),
        depth,
      );
    case rankOfKind.set:
      return compareArrays(sorted([...(a as Set<unknown>)], depth), sorted([...(b as Set<unknown>)], depth), depth);
    case rankOfKind.typedArray:
      return compareStrings(viewName(a), viewName(b)) || Buffer.compare(bytesOf(a), bytesOf(b));
    case rankOfKind.regExp:
      return (
        compareStrings((a as RegExp).source, (b as RegExp).source) ||
        compareStrings((a as RegExp).flags, (b as RegExp).flags)
      );
    case rankOfKind.error:
      return (
        compareAt((a as Error).name, (b as Error).name, depth) ||
        compareAt((a as Error).message, (b as Error).message, depth)
      );
    default:
      return compareAt(a.valueOf(), b.valueOf(), depth);
  }
}

function compareArrays(a: readonly unknown[], b: readonly unknown[], depth: number): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const order = compareAt(a[index], b[index], depth);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function sorted(items: unknown[], depth: number): unknown[] {
  return items.sort((a, b) => compareAt(a, b, depth));
}

/** name, value, name, value ... in the order of the names. */
function sortedFields(value: object): unknown[] {
  return Object.keys(value)
    .sort(compareStrings)
    .flatMap((key) => [key, Reflect.get(value, key) as unknown]);
}
