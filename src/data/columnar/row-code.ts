/**
 * Generated code for rows of one shape: taking objects and tuples apart into arrays of field values, and building them
 * again. One function a shape, so that V8 sees one hidden class in each property access.
 */

/** Taken columns, and how many rows fitted before the first that did not. */
export interface Taken {
  readonly columns: unknown[][];
  readonly fitting: number;
}

/** Which rows a taker takes besides plain objects: null and undefined, as null fields; objects of classes. */
export interface Takes {
  readonly nulls: boolean;
  readonly instances: boolean;
}

type Take = (rows: ArrayLike<unknown>, start: number, end: number, takes: Takes) => Taken;
type Build = (length: number, columns: readonly ArrayLike<unknown>[]) => unknown[];

/** Shapes wider than this use a plain loop, as V8 does not optimise huge functions; and so do fewer rows than code pays for. */
const widestGenerated = 256;
const leastGeneratedRows = 8;
const mostCached = 1000;

function remember<T>(cache: Map<string, T>, key: string, make: () => T): T {
  let made = cache.get(key);
  if (made === undefined) {
    if (cache.size >= mostCached) cache.clear();
    made = make();
    cache.set(key, made);
  }
  return made;
}

const objectTakers = new Map<string, Take>();
const tupleTakers = new Map<string, Take>();
const builders = new Map<string, Build>();

function each(count: number, line: (index: number) => string, separator = ' '): string {
  return Array.from({ length: count }, (_, index) => line(index)).join(separator);
}

function makeObjectTaker(names: readonly string[]): Take {
  const count = names.length;
  const body = `
    const { prototype, getPrototypeOf, hasOwn } = Object;
    return function take(rows, start, end, takes) {
      const { nulls, instances } = takes;
      const length = end - start;
      ${each(count, (i) => `const c${i} = new Array(length);`)}
      let row = 0;
      for (; row < length; row++) {
        const r = rows[start + row];
        if (r === null || r === undefined) {
          if (!nulls) break;
          ${each(count, (i) => `c${i}[row] = null;`)}
          continue;
        }
        if (!instances && getPrototypeOf(r) !== prototype) break;
        let seen = 0;
        for (const key in r) { if (key !== names[seen] || (instances && !hasOwn(r, key))) { seen = -1; break; } seen++; }
        if (seen !== ${count}) break;
        ${each(count, (i) => `c${i}[row] = r[${JSON.stringify(names[i])}];`)}
      }
      return { columns: [${each(count, (i) => `c${i}`, ',')}], fitting: row };
    };`;
  return new Function('names', body)(names) as Take;
}

function takeByKeys(
  names: readonly string[],
  rows: ArrayLike<unknown>,
  start: number,
  end: number,
  { nulls, instances }: Takes,
): Taken {
  const length = end - start;
  const columns = names.map(() => new Array<unknown>(length).fill(null));
  let row = 0;
  for (; row < length; row++) {
    const object = rows[start + row];
    if (object === null || object === undefined) {
      if (nulls) continue;
      break;
    }
    if (!instances && Object.getPrototypeOf(object) !== Object.prototype) break;
    const keys = Object.keys(object);
    if (keys.length !== names.length || keys.some((key, index) => key !== names[index])) break;
    for (let index = 0; index < names.length; index++) columns[index]![row] = Reflect.get(object, keys[index]!);
  }
  return { columns, fitting: row };
}

/** Takes the fields `names` out of `rows[start..end)`, until a row is something else or has other fields or another order of them. */
export function takeObjects(
  names: readonly string[],
  rows: ArrayLike<unknown>,
  start: number,
  end: number,
  takes: Takes,
): Taken {
  if (names.length > widestGenerated || end - start < leastGeneratedRows) {
    return takeByKeys(names, rows, start, end, takes);
  }
  const take = remember(objectTakers, JSON.stringify(names), () => makeObjectTaker(names));
  return take(rows, start, end, takes);
}

/** Takes one object's fields into row `row` of `columns[fields[i]]`; false, and nothing is taken, when it has another shape. */
export type TakeShape = (
  object: unknown,
  row: number,
  columns: readonly unknown[][],
  fields: readonly number[],
  instances: boolean,
) => boolean;

const shapeTakers = new Map<string, TakeShape>();

/** Code for objects with the fields `names`, one at a time. */
export function shapeTaker(names: readonly string[]): TakeShape {
  return remember(shapeTakers, JSON.stringify(names), () => {
    const body = `
      const { hasOwn } = Object;
      return function take(r, row, columns, fields, instances) {
        let seen = 0;
        for (const key in r) { if (key !== names[seen] || (instances && !hasOwn(r, key))) return false; seen++; }
        if (seen !== ${names.length}) return false;
        ${each(names.length, (i) => `columns[fields[${i}]][row] = r[${JSON.stringify(names[i])}];`)}
        return true;
      };`;
    return new Function('names', body)(names) as TakeShape;
  });
}

function makeTupleTaker(size: number): Take {
  const body = `
    const { isArray } = Array;
    return function take(rows, start, end, takes) {
      const { nulls } = takes;
      const length = end - start;
      ${each(size, (i) => `const c${i} = new Array(length);`)}
      let row = 0;
      for (; row < length; row++) {
        const r = rows[start + row];
        if (r === null || r === undefined) {
          if (!nulls) break;
          ${each(size, (i) => `c${i}[row] = null;`)}
          continue;
        }
        if (!isArray(r) || r.length !== ${size} || !isPlainArray(r, row)) break;
        ${each(size, (i) => `c${i}[row] = r[${i}];`)}
      }
      return { columns: [${each(size, (i) => `c${i}`, ',')}], fitting: row };
    };`;
  return new Function('isPlainArray', body)(isPlainArray) as Take;
}

/** Takes plain arrays of length `size` apart, until a row is something else. */
export function takeTuples(size: number, rows: ArrayLike<unknown>, start: number, end: number, nulls: boolean): Taken {
  const take = remember(tupleTakers, String(size), () => makeTupleTaker(size));
  return take(rows, start, end, { nulls, instances: false });
}

/** Arrays are checked for named properties on the first rows, and on one in sixteen of the others. */
const checkedArrays = 256;

/** True when `array` has no hole, and no named property as far as the columns care. */
export function isPlainArray(array: readonly unknown[], row: number): boolean {
  for (let index = 0; index < array.length; index++) if (array[index] === undefined && !(index in array)) return false;
  // What String.match returns: the one array with named properties that scripts really keep.
  if ((array as { index?: unknown }).index !== undefined) return false;
  return (row >= checkedArrays && (row & 15) !== 0) || Object.keys(array).length === array.length;
}

function sourceOf(column: ArrayLike<unknown>): string {
  if (column instanceof Float64Array) return 'f';
  return column instanceof Int32Array ? 'i' : 'a';
}

function objectLiteral(names: readonly string[], fields: readonly number[]): string {
  // A computed key: the literal {"__proto__": x} would set the prototype.
  return `{ ${fields.map((field) => `${names[field] === '__proto__' ? '["__proto__"]' : JSON.stringify(names[field])}: c${field}[row]`).join(', ')} }`;
}

function makeBuilder(count: number, expression: string): Build {
  const body = `
    return function build(length, columns) {
      const [${each(count, (i) => `c${i}`, ',')}] = columns;
      const rows = new Array(length);
      for (let row = 0; row < length; row++) rows[row] = ${expression};
      return rows;
    };`;
  return new Function(body)() as Build;
}

/** Objects with the fields `names`, from a column each. */
export function buildObjects(
  names: readonly string[],
  columns: readonly ArrayLike<unknown>[],
  length: number,
): unknown[] {
  const key = `{${columns.map(sourceOf).join('')}${JSON.stringify(names)}`;
  const build = remember(builders, key, () => makeBuilder(names.length, objectLiteral(names, [...names.keys()])));
  return build(length, columns);
}

/** Objects of several shapes: `shapeIds` says which fields each row has. */
export function buildShapes(
  names: readonly string[],
  shapes: readonly (readonly number[])[],
  shapeIds: Uint8Array,
  columns: readonly ArrayLike<unknown>[],
  length: number,
): unknown[] {
  const key = `|${columns.map(sourceOf).join('')}${JSON.stringify([names, shapes])}`;
  const build = remember(builders, key, () => {
    const cases = shapes.map((fields, shape) => `case ${shape}: return ${objectLiteral(names, fields)};`);
    const count = names.length;
    const all = each(count, (i) => `c${i}`, ',');
    const body = `
      function one(shape, row, ${all}) { switch (shape) { ${cases.join('\n')} } }
      return function build(length, columns) {
        const [shapeIds, ${all}] = columns;
        const rows = new Array(length);
        for (let row = 0; row < length; row++) rows[row] = one(shapeIds[row], row, ${all});
        return rows;
      };`;
    return new Function(body)() as Build;
  });
  return build(length, [shapeIds, ...columns]);
}

/** Arrays of one length, from a column an item. */
export function buildTuples(columns: readonly ArrayLike<unknown>[], length: number): unknown[] {
  const key = `[${columns.map(sourceOf).join('')}`;
  const build = remember(builders, key, () =>
    makeBuilder(columns.length, `[${each(columns.length, (i) => `c${i}[row]`, ', ')}]`),
  );
  return build(length, columns);
}
