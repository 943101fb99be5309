// The queries as a user of millrace writes them.
import { MillraceContext } from 'millrace';
import { categoryOf, centsOf, quantityOf } from '../generate/sales.ts';
import { serve, type Table } from '../harness/serve.ts';

const [query = '', input = '', workers = ''] = process.argv.slice(2);
const sc = await MillraceContext.create({ appName: query, workers: Number(workers), progress: false });

function countWords(): Promise<Table> {
  return sc
    .textFile(input)
    .flatMap((line) => line.split(' '))
    .filter((word) => word !== '')
    .map((word) => [word, 1] as const)
    .reduceByKey((a, b) => a + b)
    .collect();
}

function countTokens(): Promise<Table> {
  return sc
    .textFile(input)
    .flatMap((line) => line.toLowerCase().split(/\W+/))
    .filter((word) => word !== '')
    .map((word) => [word, 1] as const)
    .reduceByKey((a, b) => a + b)
    .collect();
}

function sumGeneratedSales(): Promise<Table> {
  return sc
    .range(Number(input))
    .map((sale) => [categoryOf(sale), quantityOf(sale) * centsOf(sale)] as const)
    .reduceByKey((a, b) => a + b)
    .collect();
}

async function sumCsvSales(): Promise<Table> {
  const totals = await sc
    .csv<{ category: string; quantity: number; price: number }>(input, { header: true })
    .map((sale) => [sale.category, sale.quantity * sale.price] as const)
    .reduceByKey((a, b) => a + b)
    .collect();
  return totals.map(([category, total]) => [category, Math.round(total * 100)]);
}

const queries: Readonly<Record<string, () => Promise<Table>>> = {
  'word-count': countWords,
  'token-count': countTokens,
  sales: sumGeneratedSales,
  'sales-csv': sumCsvSales,
};
const chosen = queries[query];
if (chosen === undefined) throw new Error(`no query "${query}"`);
await serve(chosen);
await sc.stop();
