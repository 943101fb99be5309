// The programs an experienced Node user writes without any library: one thread, a Map.
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { StringDecoder } from 'node:string_decoder';
import { categoryOf, centsOf, quantityOf } from '../generate/sales.ts';
import { serve, type Table } from '../harness/serve.ts';

const [query = '', input = ''] = process.argv.slice(2);

/** Calls `visit` with each line of a file, read in chunks of 1 MiB: no line is held longer than its call. */
function eachLine(path: string, visit: (line: string) => void): void {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(1 << 20);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      const lines = (rest + decoder.write(chunk.subarray(0, read))).split('\n');
      rest = lines.pop()!;
      for (const line of lines) visit(line);
    }
    rest += decoder.end();
    if (rest !== '') visit(rest);
  } finally {
    closeSync(file);
  }
}

function countWords(): Table {
  const counts = new Map<string, number>();
  eachLine(input, (line) => {
    for (const word of line.split(' ')) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  });
  return counts;
}

function countTokens(): Table {
  const counts = new Map<string, number>();
  eachLine(input, (line) => {
    for (const word of line.toLowerCase().split(/\W+/)) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  });
  return counts;
}

/** The same over readline, as most tutorials have it. */
async function countWordsByReadline(): Promise<Table> {
  const counts = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(input), crlfDelay: Number.POSITIVE_INFINITY }))
    for (const word of line.split(' ')) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function sumGeneratedSales(): Table {
  const totals = new Map<string, number>();
  for (let sale = 0; sale < Number(input); sale++) {
    const category = categoryOf(sale);
    totals.set(category, (totals.get(category) ?? 0) + quantityOf(sale) * centsOf(sale));
  }
  return totals;
}

function sumCsvSales(): Table {
  const totals = new Map<string, number>();
  let header = true;
  eachLine(input, (line) => {
    if (header) {
      header = false;
      return;
    }
    const fields = line.split(',');
    const category = fields[3]!;
    totals.set(category, (totals.get(category) ?? 0) + Number(fields[5]) * Number(fields[6]));
  });
  return [...totals].map(([category, total]) => [category, Math.round(total * 100)]);
}

const queries: Readonly<Record<string, () => Table | Promise<Table>>> = {
  'word-count': countWords,
  'token-count': countTokens,
  'word-count-readline': countWordsByReadline,
  sales: sumGeneratedSales,
  'sales-csv': sumCsvSales,
};
const chosen = queries[query];
if (chosen === undefined) throw new Error(`no query "${query}"`);
await serve(chosen);
