import type { OutputFile } from './output-file.ts';
import { mix32 } from './random.ts';

const categories: readonly string[] = [
  'electronics',
  'clothing',
  'books',
  'groceries',
  'garden',
  'sports',
  'music',
  'toys',
];
const stores = ['berlin', 'lisbon', 'oslo', 'prague', 'vienna'];
const firstDay = Date.UTC(2026, 0, 1);

// Every field of sale i is a pure function of i, so that any split of the rows, in any language, makes the same sales.
// native-bench/src/sales.cpp holds categoryOf and centsOf once more.

/** Skewed: the first category has about a third of the sales, the last one in sixteen. */
export function categoryOf(sale: number): string {
  const uniform = mix32(sale ^ 0x51ed270b) / 2 ** 32;
  return categories[Math.floor(8 * uniform * uniform)]!;
}

export function quantityOf(sale: number): number {
  return 1 + (mix32(sale ^ 0x68bc21eb) % 5);
}

/** The price of one piece in cents, 1.00 to 500.99. */
export function centsOf(sale: number): number {
  return 100 + (mix32(sale ^ 0x2545f491) % 50_000);
}

const dayNames = Array.from({ length: 365 }, (_, day) =>
  new Date(firstDay + day * 86_400_000).toISOString().slice(0, 10),
);

function dayOf(sale: number): string {
  return dayNames[mix32(sale ^ 0x1b873593) % 365]!;
}

function storeOf(sale: number): string {
  return stores[mix32(sale ^ 0x3c6ef372) % stores.length]!;
}

function customerOf(sale: number): number {
  return 1 + (mix32(sale ^ 0x7f4a7c15) % 50_000);
}

/** 19999 cents as 199.99. */
function price(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

const salesHeader = 'id,day,store,category,customer,quantity,price\n';

function csvRow(sale: number): string {
  return `${sale},${dayOf(sale)},${storeOf(sale)},${categoryOf(sale)},${customerOf(sale)},${quantityOf(sale)},${price(centsOf(sale))}\n`;
}

export interface Sale {
  readonly id: number;
  readonly day: string;
  readonly store: string;
  readonly category: string;
  readonly customer: number;
  readonly quantity: number;
  readonly price: number;
}

export function saleOf(sale: number): Sale {
  return {
    id: sale,
    day: dayOf(sale),
    store: storeOf(sale),
    category: categoryOf(sale),
    customer: customerOf(sale),
    quantity: quantityOf(sale),
    price: centsOf(sale) / 100,
  };
}

/** Sales as CSV until the file has `sizeBytes` or `rows` sales; returns how many sales it holds. */
export function writeSalesCsv(file: OutputFile, until: { sizeBytes: number; rows: number }): number {
  file.write(salesHeader);
  let sale = 0;
  while (file.sizeBytes < until.sizeBytes && sale < until.rows) file.write(csvRow(sale++));
  return sale;
}

/** The first `rows` sales, an object a line. */
export function writeSalesJsonLines(file: OutputFile, rows: number): void {
  for (let sale = 0; sale < rows; sale++) file.write(`${JSON.stringify(saleOf(sale))}\n`);
}
