// One partition written to Parquet, or read: parquet-memory.js <write | read> <path> <rows>; prints the greatest resident size of the process.
import { MillraceContext } from 'millrace';
import type { Order } from '../parquet/orders.ts';

const [direction = '', path = '', rows = ''] = process.argv.slice(2);
const sc = await MillraceContext.create({ appName: direction, workers: 1, progress: false });
const orders = sc.range(0, Number(rows), 1, 1).map((id) => ({
  id,
  quantity: (id % 50) + 1,
  price: ((id * 31) % 10_000) / 100,
  comment: `order comment number ${(id * 2_654_435_761) % 1_000_000_007}`,
  rating: id % 10 === 0 ? null : id % 100,
}));
const count =
  direction === 'write'
    ? (await orders.saveAsParquet(path, { mode: 'overwrite' })).rows
    : await sc
        .parquet<Order>(path)
        .coalesce(1)
        .filter(({ quantity }) => quantity > 0)
        .count();
if (count !== Number(rows)) throw new Error(`${direction} gave ${count} rows, expected ${rows}`);
console.log(process.resourceUsage().maxRSS * 1024);
await sc.stop();
