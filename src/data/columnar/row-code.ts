/**
 * Generated code for rows of one shape: taking objects and tuples apart into arrays of field values, and building them
 * again. One function a shape, so that V8 sees one hidden class in each property access.
 */

/** Taken columns, and how many rows fitted before the first that did not. */
export interface Taken {
  readonly columns: unknown[][];
  readonly fitting: number;
}

type Take = (rows: ArrayLike<unknown>, start: number, end: number, inherits: boolean) => Taken;
type Build = (length: number, columns: readonly ArrayLike<unknown>[]) => unknown[];

/** Shapes wider than this use a plain loop: V8 does not optimise huge functions. */
const widestGenerated = 256;
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
    const hasOwn = Object.hasOwn;
    return function take(rows, start, end, inherits) {
      const length = end - start;
      ${each(count, (i) => `const c${i} = new Array(length);`)}
      let row = 0;
      for (; row < length; row++) {
        const r = rows[start + row];
        if (r === null || r === undefined) { ${each(count, (i) => `c${i}[row] = null;`)} continue; }
        let seen = 0;
        for (const key in r) { if (key !== names[seen] || (inherits && !hasOwn(r, key))) { seen = -1; break; } seen++; }
        if (seen !== ${count}) break;
        ${each(count, (i) => `c${i}[row] = r[${JSON.stringify(names[i])}];`)}
      }
      return { columns: [${each(count, (i) => `c${i}`, ',')}], fitting: row };
    };`;
  return new Function('names', body)(names) as Take;
}

function takeWideObjects(names: readonly string[]): Take {
  return (rows, start, end) => {
    const length = end - start;
    const columns = names.map(() => new Array<unknown>(length).fill(null));
    let row = 0;
    for (; row < length; row++) {
      const object = rows[start + row];
      if (object === null || object === undefined) continue;
      const keys = Object.keys(object);
      if (keys.length !== names.length || keys.some((key, index) => key !== names[index])) break;
      for (let index = 0; index < names.length; index++)
        columns[index]![row] = Reflect.get(object as object, keys[index]!);
    }
    return { columns, fitting: row };
  };
}

/**
 * Takes the fields `names` out of `rows[start..end)`, until a row has other fields or another order of them. Null and
 * undefined rows give null fields. `inherits`: some rows may have a prototype with enumerable fields.
 */
export function takeObjects(
  names: readonly string[],
  rows: ArrayLike<unknown>,
  start: number,
  end: number,
  inherits: boolean,
): Taken {
  const take = remember(objectTakers, JSON.stringify(names), () =>
    names.length > widestGenerated ? takeWideObjects(names) : makeObjectTaker(names),
  );
  return take(rows, start, end, inherits);
}

function makeTupleTaker(size: number): Take {
  const body = `
    return function take(rows, start, end) {
      const length = end - start;
      ${each(size, (i) => `const c${i} = new Array(length);`)}
      let row = 0;
      for (; row < length; row++) {
        const r = rows[start + row];
        if (r === null || r === undefined) { ${each(size, (i) => `c${i}[row] = null;`)} continue; }
        if (r.length !== ${size}) break;
        ${each(size, (i) => `c${i}[row] = r[${i}];`)}
      }
      return { columns: [${each(size, (i) => `c${i}`, ',')}], fitting: row };
    };`;
  return new Function(body)() as Take;
}

/** Takes arrays of length `size` apart, until one has another length. Null and undefined rows give null items. */
export function takeTuples(size: number, rows: ArrayLike<unknown>, start: number, end: number): Taken {
  return remember(tupleTakers, String(size), () => makeTupleTaker(size))(rows, start, end, false);
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
