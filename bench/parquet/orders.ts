import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** What the functions of the queries use of a row. */
export interface Order {
  readonly id: number;
  readonly quantity: number;
  readonly price: number;
}

/** All columns, as `saveAsParquet` takes them. */
export const orderSchema = {
  id: 'int64',
  customer: 'int32',
  quantity: 'int32',
  price: 'float64',
  category: 'string',
  comment: 'string',
  at: 'timestamp(us, local)',
  paid: 'boolean',
  rating: 'int32',
};

/** A snappy file of so many orders, which DuckDB writes when it is missing. */
export async function ordersFile(folder: string, rows: number): Promise<string> {
  const path = join(folder, `orders-${rows}.parquet`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const select = `SELECT i AS id, (i * 7919 % 1000003)::INT AS customer, (i % 50 + 1)::INT AS quantity, ((i * 31) % 10000) / 100.0::DOUBLE AS price,
    ['books', 'music', 'games', 'garden', 'kitchen', 'sport', 'toys', 'travel'][(i * 7 % 8) + 1] AS category,
    'order comment number ' || (i * 2654435761 % 1000000007) AS comment, TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND AS at,
    (i % 3 = 0) AS paid, CASE WHEN i % 10 = 0 THEN NULL ELSE (i % 100)::INT END AS rating FROM range(${rows}) t(i)`;
  await connection.run(`COPY (${select}) TO '${path}.partial' (FORMAT parquet, COMPRESSION snappy)`);
  connection.closeSync();
  renameSync(`${path}.partial`, path);
  return path;
}
