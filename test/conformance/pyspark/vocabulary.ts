/**
 * The functions that the programs are made of; vocabulary.py has the same ones under the same names. A function is written as a
 * list: its name, then its arguments, which may be functions themselves.
 */
export type Written = readonly [name: string, ...args: readonly unknown[]];

// biome-ignore lint/suspicious/noExplicitAny: rows have the type that the generator of the program keeps in mind
export type Any = any;
export type AnyFunction = (a: Any, b?: Any) => Any;

const remainder = (x: number, m: number): number => ((x % m) + m) % m;

/** Python's order: numbers by value, strings by code point, lists item by item. */
function compare(a: Any, b: Any): number {
  if (!Array.isArray(a)) return a < b ? -1 : a > b ? 1 : 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const total = (rows: Iterable<number>): number => {
  let sum = 0;
  for (const row of rows) sum += row;
  return sum;
};

const functions: Readonly<Record<string, (...args: Any[]) => AnyFunction>> = {
  // of a number
  add: (k: number) => (x: number) => x + k,
  mul: (k: number) => (x: number) => x * k,
  mod: (m: number) => (x: number) => remainder(x, m),
  half: () => (x: number) => x / 2,
  label: () => (x: number) => `n${x}`,
  residue: (m: number) => (x: number) => [remainder(x, m), x],
  orNull: (m: number) => (x: number) => (remainder(x, m) === 0 ? null : x),
  coordinates: (m: number) => (x: number) => [remainder(x, m), `p${remainder(x, 2)}`],
  negate: () => (x: number) => -x,
  // of a string
  upper: () => (x: string) => x.toUpperCase(),
  length: () => (x: string) => x.length,
  suffix: (s: string) => (x: string) => x + s,
  // of a number or null
  orElse: (k: number) => (x: number | null) => x ?? k,
  // of a pair
  swap: () => (x: [unknown, unknown]) => [x[1], x[0]],
  first: () => (x: [unknown, unknown]) => x[0],
  second: () => (x: [unknown, unknown]) => x[1],
  // of a list
  size: () => (x: unknown[]) => x.length,
  sorted: () => (x: unknown[]) => x.toSorted(compare),
  total: () => total,
  // of anything
  same: () => (x: unknown) => x,
  withOne: () => (x: unknown) => [x, 1],
  twice: () => (x: unknown) => [x, x],
  compose: (f: Written, g: Written) => {
    const [outer, inner] = [functionOf(f), functionOf(g)];
    return (x: unknown) => outer(inner(x));
  },
  // tests
  greater: (k: number) => (x: number) => x > k,
  leaves: (m: number, r: number) => (x: number) => remainder(x, m) === r,
  longer: (k: number) => (x: string | unknown[]) => x.length > k,
  present: () => (x: unknown) => x !== null,
  always: () => () => true,
  never: () => () => false,
  where: (f: Written, p: Written) => {
    const [part, test] = [functionOf(f), functionOf(p)];
    return (x: unknown) => test(part(x));
  },
  // to several
  upTo: (m: number) => (x: number) => Array.from({ length: remainder(x, m) }, (_, i) => i),
  repeat: (m: number) => (x: number) => Array.from({ length: remainder(x, m) }, () => x),
  chars: () => (x: string) => x,
  items: () => (x: unknown[]) => x,
  none: () => () => [],
  // of two
  plus: () => (a: number, b: number) => a + b,
  plusMod: (m: number) => (a: number, b: number) => remainder(a + b, m),
  max: () => (a: unknown, b: unknown) => (compare(b, a) > 0 ? b : a),
  min: () => (a: unknown, b: unknown) => (compare(b, a) < 0 ? b : a),
  left: () => (a: unknown) => a,
  right: () => (_: unknown, b: unknown) => b,
  concat: () => (a: Any, b: Any) => (typeof a === 'string' ? a + b : [...a, ...b]),
  // of an iterator, to several
  countRows: () => (rows: Iterable<unknown>) => [[...rows].length],
  sumRows: () => (rows: Iterable<number>) => [total(rows)],
  reverseRows: () => (rows: Iterable<unknown>) => [...rows].reverse(),
  lastRow: () => (rows: Iterable<unknown>) => [...rows].slice(-1),
  // of an index and an iterator
  tag: () =>
    function* (i: number, rows: Iterable<unknown>) {
      for (const row of rows) yield [i, row];
    },
  indexCount: () => (i: number, rows: Iterable<unknown>) => [[i, [...rows].length]],
  dropFirst: () => (i: number, rows: Iterable<unknown>) => [...rows].slice(i === 0 ? 1 : 0),
};

/** The function that a list means. */
export function functionOf([name, ...args]: Written): AnyFunction {
  const make = functions[name];
  if (make === undefined) throw new Error(`no function ${name}`);
  return make(...args);
}

const append = (state: unknown[], x: unknown): unknown[] => {
  state.push(x);
  return state;
};
const extend = (a: unknown[], b: unknown[]): unknown[] => {
  a.push(...b);
  return a;
};
const increment = (n: number): number => n + 1;
const plus = (a: number, b: number): number => a + b;
const countAndAdd = ([n, sum]: [number, number], x: number): [number, number] => [n + 1, sum + x];
const addBoth = (a: [number, number], b: [number, number]): [number, number] => [a[0] + b[0], a[1] + b[1]];

interface Aggregate {
  readonly zero: unknown;
  readonly merge: AnyFunction;
  readonly combine: AnyFunction;
}

export const aggregates: Readonly<Record<string, () => Aggregate>> = {
  count: () => ({ zero: 0, merge: increment, combine: plus }),
  countAndSum: () => ({ zero: [0, 0], merge: countAndAdd as AnyFunction, combine: addBoth as AnyFunction }),
  gather: () => ({ zero: [], merge: append, combine: extend as AnyFunction }),
  countFrom10: () => ({ zero: 10, merge: increment, combine: plus as AnyFunction }),
};

interface Combiner {
  readonly create: AnyFunction;
  readonly merge: AnyFunction;
  readonly combine: AnyFunction;
}

export const combiners: Readonly<Record<string, Combiner>> = {
  list: { create: (v: unknown) => [v], merge: append, combine: extend as AnyFunction },
  countAndSum: { create: (v: number) => [1, v], merge: countAndAdd as AnyFunction, combine: addBoth as AnyFunction },
  count: { create: () => 1, merge: increment, combine: plus as AnyFunction },
};
