import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeLogs } from '../../bench/generate/logs.ts';
import { OutputFile } from '../../bench/generate/output-file.ts';
import { categoryOf, centsOf, quantityOf, writeSalesCsv, writeSalesJsonLines } from '../../bench/generate/sales.ts';
import { parseSize } from '../../bench/generate/size.ts';
import { writeWords } from '../../bench/generate/words.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-generate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function written(write: (file: OutputFile) => unknown): string {
  const file = new OutputFile(join(folder, 'file'));
  write(file);
  file.close();
  return readFileSync(file.path, 'latin1');
}

describe('parseSize', () => {
  it.each([
    ['4096', 4096],
    ['1b', 1],
    ['300mb', 300 * 2 ** 20],
    ['1.5GB', 1.5 * 2 ** 30],
    [' 2 kb ', 2048],
  ])('reads %j', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', '0', 'mb', '3xb', '-1mb', '1e3', '0.5b', '2 tb'])('refuses %j and repeats it', (text) => {
    expect(() => parseSize(text)).toThrow(`got "${text}"`);
  });
});

describe('the generators', () => {
  it('make words and logs that depend on nothing but size and seed', () => {
    for (const write of [writeWords, writeLogs]) {
      const once = written((file) => write(file, 50_000, 1));
      expect(written((file) => write(file, 50_000, 1))).toBe(once);
      expect(written((file) => write(file, 50_000, 2))).not.toBe(once);
      expect(once.length).toBeGreaterThanOrEqual(50_000);
      expect(once.length).toBeLessThan(50_000 + 300);
      expect(once.endsWith('\n')).toBe(true);
    }
  });

  it('go on with the same text when they are asked for more', () => {
    const longer = written((file) => writeWords(file, 3_000_000, 1));
    const shorter = written((file) => writeWords(file, 2_000_000, 1));
    expect(longer.startsWith(shorter)).toBe(true);
  });

  it('make words whose frequencies fall off by rank', () => {
    const counts = new Map<string, number>();
    for (const word of written((file) => writeWords(file, 500_000, 1))
      .toLowerCase()
      .match(/\w+/g) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1);
    expect(counts.get('the')!).toBeGreaterThan(counts.get('to')!);
    expect(counts.get('to')!).toBeGreaterThan(counts.get('which')!);
    expect(counts.size).toBeGreaterThan(5_000);
  });

  it('make the same sales as CSV and as JSON lines, and the benches the same again from their numbers', () => {
    const csv = written((file) => writeSalesCsv(file, { sizeBytes: Number.POSITIVE_INFINITY, rows: 500 }));
    const json = written((file) => writeSalesJsonLines(file, 500));
    const [header = '', ...rows] = csv.trimEnd().split('\n');
    const sales = json
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map((row) => row.split(','))).toEqual(
      sales.map((sale) =>
        header.split(',').map((name) => (name === 'price' ? sale.price.toFixed(2) : String(sale[name]))),
      ),
    );
    expect(sales.map(({ category, quantity, price }) => [category, quantity, Math.round(price * 100)])).toEqual(
      sales.map((_, id) => [categoryOf(id), quantityOf(id), centsOf(id)]),
    );
  });

  it('stop a CSV at its size and say how many sales it holds', () => {
    let rows = 0;
    const csv = written((file) => {
      rows = writeSalesCsv(file, { sizeBytes: 10_000, rows: Number.POSITIVE_INFINITY });
    });
    expect(csv.trimEnd().split('\n').length).toBe(rows + 1);
  });
});

describe('OutputFile', () => {
  it('shows a file only when it is whole', () => {
    const file = new OutputFile(join(folder, 'file'));
    file.write('x'.repeat(60_000));
    expect(readdirSync(folder)).toEqual(['file.partial']);
    file.close();
    expect(readdirSync(folder)).toEqual(['file']);
  });
});
