import { appendFileSync, writeFileSync } from 'node:fs';

export interface Sale {
  readonly id: number;
  readonly day: string;
  readonly product: string;
  readonly price: number;
  readonly paid: boolean;
  readonly note: string;
}

export const formats = ['csv', 'jsonl'] as const;
export type Format = (typeof formats)[number];

export function saleOf(id: number): Sale {
  return {
    id,
    day: `2026-01-${10 + (id % 18)}`,
    product: `product ${(id * 7919) % 5000}`,
    price: ((id * 104729) % 100000) / 100,
    paid: id % 2 === 0,
    note: id % 10 === 0 ? 'said "hi", left' : `note number ${id}`,
  };
}

/** The same rows by DuckDB. */
export const salesInSql = (rows: number): string =>
  `select range as id, '2026-01-' || (10 + range % 18) as day, 'product ' || (range * 7919) % 5000 as product,
  ((range * 104729) % 100000) / 100 as price, range % 2 = 0 as paid,
  case when range % 10 = 0 then 'said "hi", left' else 'note number ' || range end as note from range(${rows})`;

/** Writes them as a plain script does, a megabyte at a time. */
export function writeSales(format: Format, path: string, rows: number): void {
  const quoted = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (sale: Sale): string =>
    format === 'jsonl'
      ? JSON.stringify(sale)
      : Object.values(sale)
          .map((value) => (typeof value === 'string' ? quoted(value) : String(value)))
          .join(',');
  let text = format === 'csv' ? `${Object.keys(saleOf(0)).join(',')}\n` : '';
  writeFileSync(path, '');
  for (let id = 0; id < rows; id++) {
    text += `${line(saleOf(id))}\n`;
    if (text.length < 1_000_000) continue;
    appendFileSync(path, text);
    text = '';
  }
  appendFileSync(path, text);
}
