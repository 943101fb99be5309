// skale 1.2.2, the closest relative on npm, from bench/skale/node_modules.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { serve, type Table } from '../harness/serve.ts';

interface SkaleDataset<T> {
  flatMap<U>(mapper: (row: T) => readonly U[]): SkaleDataset<U>;
  filter(predicate: (row: T) => boolean): SkaleDataset<T>;
  map<U>(mapper: (row: T) => U): SkaleDataset<U>;
  reduceByKey<V>(reducer: (sum: V, value: V) => V, init: V): SkaleDataset<[string, V]>;
  collect(): Promise<T[]>;
}
interface SkaleContext {
  textFile(path: string): SkaleDataset<string>;
  end(): void;
}
const skale: { context(): SkaleContext } = createRequire(resolve('bench/skale/package.json'))('skale');

const [query = '', input = ''] = process.argv.slice(2);
const sc = skale.context();

function countWords(): Promise<Table> {
  return sc
    .textFile(input)
    .flatMap((line) => line.split(' '))
    .filter((word) => word !== '')
    .map((word) => [word, 1])
    .reduceByKey((sum, one) => sum + one, 0)
    .collect();
}

async function sumCsvSales(): Promise<Table> {
  const totals = await sc
    .textFile(input)
    .filter((line) => !line.startsWith('id,'))
    .map((line) => {
      const fields = line.split(',');
      return [fields[3], Number(fields[5]) * Number(fields[6])];
    })
    .reduceByKey((sum, value) => sum + value, 0)
    .collect();
  return totals.map(([category, total]) => [category, Math.round(total * 100)]);
}

const queries: Readonly<Record<string, () => Promise<Table>>> = { 'word-count': countWords, 'sales-csv': sumCsvSales };
const chosen = queries[query];
if (chosen === undefined) throw new Error(`no query "${query}"`);
await serve(chosen, true);
sc.end();
