// CSV and JSON lines, read into objects and summed over one column, and written: text-formats.js <program> <query> <format> <input> <output> <rows>.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'csv-parse';
import { MillraceContext } from 'millrace';
import { serve, type Table } from '../harness/serve.ts';
import { type Format, type Sale, saleOf, salesInSql, writeSales } from '../text-formats/sales.ts';

const [program = '', query = '', formatGiven = '', input = '', output = '', rowsGiven = ''] = process.argv.slice(2);
const format = formatGiven as Format;
const rows = Number(rowsGiven);
type Queries = Readonly<Record<string, () => Promise<Table>>>;
const cents = (sum: number): Table => [['cents', Math.round(sum * 100)]];
const written: Table = [['rows', rows]];

async function millrace(): Promise<Queries> {
  const sc = await MillraceContext.create({ workers: 2, progress: false, logLevel: 'off' });
  const sales = format === 'csv' ? sc.csv<Sale>(input) : sc.jsonLines<Sale>(input);
  const made = sc.range(rows).map(saleOf);
  const save = () =>
    format === 'csv'
      ? made.saveAsCsv(output, { mode: 'overwrite' })
      : made.saveAsJsonLines(output, { mode: 'overwrite' });
  return {
    sum: async () => cents(await sales.map(({ price }) => price).sum()),
    'whole-rows': async () =>
      cents(await sales.map((sale) => (Object.keys(sale).length === 6 ? sale.price : Number.NaN)).sum()),
    write: async () => [['rows', (await save()).rows]],
  };
}

/** `columns: true` gives texts; making numbers of them is left out, which favours csv-parse. */
async function sumPlainly(): Promise<Table> {
  let sum = 0;
  if (format === 'csv')
    for await (const row of createReadStream(input).pipe(parse({ columns: true }))) sum += Number(row.price);
  else
    for await (const line of createInterface({ input: createReadStream(input) }))
      sum += (JSON.parse(line) as Sale).price;
  return cents(sum);
}

const plain: Queries = {
  sum: sumPlainly,
  write: async () => {
    writeSales(format, output, rows);
    return written;
  },
};

async function duckdb(): Promise<Queries> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
  const read = format === 'csv' ? 'read_csv' : 'read_json';
  const how = format === 'csv' ? 'csv, header' : 'json';
  return {
    sum: async () => {
      const found = await connection.runAndReadAll(`select sum(price)::double from ${read}('${input}')`);
      return cents(Number(found.getRows()[0]?.[0]));
    },
    write: async () => {
      await connection.run(`copy (${salesInSql(rows)}) to '${output}' (format ${how})`);
      return written;
    },
  };
}

const programs: Readonly<Record<string, () => Queries | Promise<Queries>>> = { millrace, plain: () => plain, duckdb };
const chosen = (await programs[program]?.())?.[query];
if (chosen === undefined) throw new Error(`no query "${query}" of "${program}"`);
await serve(chosen);
// A context has threads, which would go on.
process.exit();
