// The Parquet queries as a user of millrace writes them: parquet.js <query> <input> <output> <workers>; input and output may be on S3.
import { MillraceContext } from 'millrace';
import { serve, type Table } from '../harness/serve.ts';
import { type Order, orderSchema } from '../parquet/orders.ts';

const [query = '', input = '', output = '', workers = ''] = process.argv.slice(2);
const endpoint = process.env['S3_ENDPOINT'];
const sc = await MillraceContext.create({
  appName: query,
  workers: Number(workers),
  progress: false,
  memory: '2gb',
  ...(endpoint === undefined ? {} : { s3: { endpoint, forcePathStyle: true } }),
});
const orders = sc.parquet<Order>(input);
const rows = (count: number): Table => [['rows', count]];

async function writing(options: { readonly schema?: typeof orderSchema }): Promise<() => Promise<Table>> {
  const cached = sc.parquet(input).persist();
  await cached.count();
  return async () => rows((await cached.saveAsParquet(output, { mode: 'overwrite', ...options })).rows);
}

const queries: Readonly<Record<string, () => Promise<Table>>> = {
  all: async () => rows((await orders.toArrow()).numRows),
  two: async () => rows((await sc.parquet(input, { columns: ['quantity', 'price'] }).toArrow()).numRows),
  objects: async () => rows((await orders.collect()).length),
  sum: async () => [['cents', Math.round((await orders.map(({ price }) => price).sum()) * 100)]],
  filter: async () => rows((await orders.filter(({ id }) => id >= 100 && id < 200).collect()).length),
};
const chosen =
  query === 'write'
    ? await writing({ schema: orderSchema })
    : query === 'write-inferred'
      ? await writing({})
      : queries[query];
if (chosen === undefined) throw new Error(`no query "${query}"`);
await serve(chosen);
await sc.stop();
