/**
 * What turning JS values into columns and back costs: 1e6 rows in batches of 16384, as the engine cuts them, beside
 * structuredClone and msgpackr; and keys hashed and counted, beside a Map. Prints the median of each in ms.
 *
 * Run: npm run build && npx tsc -p bench && node --expose-gc dist-bench/columnar.js [part of a name]
 */
import { cpus } from 'node:os';
import { argv, version } from 'node:process';
import { Packr } from 'msgpackr';
import { Bench } from 'tinybench';
import { hashKey, KeyTable } from '../dist/data/columnar/key.js';
import { compareValues } from '../dist/data/columnar/ordering.js';
import { decodeBatch, decodePairBatch, encodeBatch, encodePairBatch } from '../dist/data/columnar/row-codec.js';

const size = 1_000_000;
const batchRows = 16_384;

function rowsOf<T>(make: (index: number) => T): T[] {
  return Array.from({ length: size }, (_, index) => make(index));
}

const data: Record<string, unknown[]> = {
  'objects of 5 fields, 1000 names': rowsOf((i) => ({
    id: i,
    name: `name${i % 1000}`,
    price: i * 1.5,
    qty: i % 100,
    flag: i % 2 === 0,
  })),
  'objects of 5 fields, unique names': rowsOf((i) => ({
    id: i,
    name: `customer-${i}`,
    price: i * 1.5,
    qty: i % 100,
    flag: i % 2 === 0,
  })),
  'objects with an optional field': rowsOf((i) => (i % 3 === 0 ? { id: i, extra: i } : { id: i })),
  'objects with null fields': rowsOf((i) => ({
    id: i,
    name: i % 3 === 0 ? null : `n${i}`,
    price: i % 4 === 0 ? null : i,
  })),
  'pairs, unique strings': rowsOf((i) => [`user-${i}`, i * 1.5]),
  'pairs, 5000 strings': rowsOf((i) => [`w${i % 5000}`, 1]),
  numbers: rowsOf((i) => i * 1.5),
  'log lines': rowsOf(
    (i) => `2026-01-01T00:00:00 INFO request ${i} took ${i % 997} ms on host-${i % 50} with status 200`,
  ),
};

function encodeAll(rows: readonly unknown[]): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let start = 0; start < size; start += batchRows) {
    batches.push(encodeBatch(rows, start, Math.min(size, start + batchRows)));
  }
  return batches;
}

const bench = new Bench({ iterations: 7, time: 0, warmupIterations: 2, warmupTime: 0 });
const wanted = argv[2] ?? '';

function add(name: string, run: () => unknown): void {
  if (name.includes(wanted)) bench.add(name, () => void run(), { beforeEach: () => globalThis.gc?.() });
}

for (const [name, rows] of Object.entries(data)) {
  const batches = encodeAll(rows);
  add(`encode ${name}`, () => encodeAll(rows));
  add(`decode ${name}`, () => {
    for (const batch of batches) decodeBatch(batch);
  });
}
const pairs = data['pairs, unique strings'] as [string, number][];
const keys = pairs.map(([key]) => key);
const values = pairs.map(([, value]) => value);
const pairBatch = encodePairBatch(keys, values);
add('encodePairBatch, unique strings, one batch', () => encodePairBatch(keys, values));
add('decodePairBatch, unique strings, one batch', () => decodePairBatch(pairBatch));

const [objects] = Object.values(data);
const packr = new Packr({ useRecords: true });
const packed = packr.pack(objects);
add('structuredClone of objects of 5 fields', () => structuredClone(objects));
add('msgpackr pack of objects of 5 fields', () => packr.pack(objects));
add('msgpackr unpack of objects of 5 fields', () => packr.unpack(packed));

const words = (data['pairs, 5000 strings'] as [string, number][]).map(([word]) => word);
const tuples = rowsOf((i) => [`n${i % 100}`, i % 50]);
for (const [name, column] of Object.entries({
  'unique strings': keys,
  '5000 strings': words,
  doubles: values,
  '5000 tuples': tuples,
})) {
  add(`hashKey of ${name}`, () => column.reduce((hash: number, key) => hash ^ hashKey(key), 0));
  add(`KeyTable of ${name}`, () => {
    const table = new KeyTable();
    for (const key of column) table.slot(key);
  });
  add(`Map of ${name} (tuples by identity)`, () => {
    const slots = new Map<unknown, number>();
    for (const key of column) if (!slots.has(key)) slots.set(key, slots.size);
  });
}
add('sort 1e6 doubles by compareValues', () => values.toReversed().sort(compareValues));

await bench.run();
console.log(`${size} rows; ${version}, ${cpus()[0]?.model}`);
console.table(
  bench.tasks.map(({ name, result }) =>
    'latency' in result
      ? { name, 'median ms': +result.latency.p50.toFixed(1), 'least ms': +result.latency.min.toFixed(1) }
      : { name },
  ),
);
