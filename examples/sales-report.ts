// Revenue by category, month and customer: node dist-examples/sales-report.js [sales.csv] [folder for the Parquet file]
import { MillraceContext } from 'millrace';

interface Sale {
  id: number;
  day: string;
  store: string;
  category: string;
  customer: number;
  quantity: number;
  price: number;
}

const path = process.argv[2] ?? 'examples/data/sales.csv';
const output = process.argv[3] ?? 'dist-examples/revenue.parquet';
const money = (amount: number): string => amount.toFixed(2).padStart(14);

await using sc = await MillraceContext.create({ appName: 'sales report' });
const sales = sc.csv<Sale>(path, { header: true }).cache();
const customers = sc.csv<{ id: number; name: string; city: string }>('examples/data/customers.csv', { header: true });

console.log(`${await sales.count()} sales in ${path}. Revenue by category:`);
const byCategory = sales
  .map((sale) => [sale.category, sale.quantity * sale.price] as const)
  .reduceByKey((a, b) => a + b)
  .sortBy(([, revenue]) => revenue, false);
for (const [category, revenue] of await byCategory.collect()) console.log(`${money(revenue)}  ${category}`);

console.log('By month:');
const byMonth = sales
  .map((sale) => [sale.day.slice(0, 7), sale.quantity * sale.price] as const)
  .reduceByKey((a, b) => a + b)
  .sortByKey();
for (const [month, revenue] of await byMonth.collect()) console.log(`${money(revenue)}  ${month}`);

console.log('Best customers:');
const byCustomer = sales
  .map((sale) => [sale.customer, sale.quantity * sale.price] as const)
  .reduceByKey((a, b) => a + b)
  .leftOuterJoin(customers.keyBy((customer) => customer.id))
  .map(([id, [revenue, customer]]) => ({
    id,
    name: customer?.name ?? 'unknown',
    city: customer?.city ?? null,
    revenue,
  }));
for (const { name, city, revenue } of await byCustomer.sortBy((row) => [-row.revenue, row.id]).take(5))
  console.log(`${money(revenue)}  ${name}, ${city ?? 'no address'}`);

await byCustomer.saveAsParquet(output, { mode: 'overwrite' });
const written = sc.parquet<{ id: number; revenue: number }>(output);
console.log(
  `${await written.count()} customers written to Parquet, ${money(await written.map((row) => row.revenue).sum()).trim()} in all`,
);
