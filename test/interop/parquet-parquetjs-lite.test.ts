import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import parquetjs from 'parquetjs-lite';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRows } from '../data/io/parquet/support/memory-file.ts';
import { readFiles } from '../data/io/parquet/support/read-parquet.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-parquetjs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const numRows = 5000;
const rowsOf = <T>(make: (index: number) => T): T[] => Array.from({ length: numRows }, (_, index) => make(index));

const orders = rowsOf((index) => ({
  id: index,
  price: index / 3,
  name: `item ${index % 700}`,
  unique: `näme 🎈 ${index}`,
  paid: index % 3 === 0,
  at: new Date(1_700_000_000_000 + index * 1001),
  note: index % 4 === 0 ? null : `note ${index % 9}`,
  bytes: Uint8Array.of(index & 255, 0, 255),
  amount: index % 5 === 0 ? null : -index,
}));

async function readWithParquetjs(path: string): Promise<Record<string, unknown>[]> {
  const reader = await parquetjs.ParquetReader.openFile(path);
  const cursor = reader.getCursor();
  const rows: Record<string, unknown>[] = [];
  for (let row = await cursor.next(); row !== null; row = await cursor.next()) rows.push(row);
  await reader.close();
  return rows;
}

/** parquetjs-lite leaves nulls out, and gives small int64 as bigints. */
function asParquetjs(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [
        name,
        value instanceof Uint8Array
          ? Buffer.from(value)
          : name === 'id' || name === 'amount'
            ? BigInt(value as number)
            : value,
      ]),
  );
}

describe('parquetjs-lite reads what we write', () => {
  for (const compression of ['none', 'snappy', 'gzip'] as const)
    for (const rowGroupSize of [100_000, 1234])
      it(`exactly, ${compression}, ${rowGroupSize} rows a row group`, async () => {
        const path = join(folder, `ours-${compression}-${rowGroupSize}.parquet`);
        writeFileSync(path, writeRows(orders, { compression, rowGroupSize }));
        const rows = await readWithParquetjs(path);
        expect(rows.map(asParquetjs)).toEqual(orders.map(asParquetjs));
      });

  it('exactly, every flat type it knows', async () => {
    const rows = rowsOf((index) => ({
      int32: index - 2500,
      int64: BigInt(index) * 1_000_000_007n,
      float: Math.fround(index / 7),
      double: index / 7,
      date: new Date(Date.UTC(2020, 0, 1 + (index % 3000))),
      micros: new Date(1_600_000_000_000 + index),
    }));
    const schema = {
      int32: 'int32',
      int64: 'int64',
      float: 'float32',
      double: 'float64',
      date: 'date',
      micros: 'timestamp(us)',
    };
    const path = join(folder, 'types.parquet');
    writeFileSync(path, writeRows(rows, { schema }));
    expect(await readWithParquetjs(path)).toEqual(rows);
  });
});

describe('we read what parquetjs-lite writes', () => {
  const expected = rowsOf((index) => ({
    i32: index % 7 === 0 ? null : index,
    i64: index * 3,
    f: Math.fround(index / 3),
    d: index / 3,
    s: `s${index % 10} é`,
    b: index % 2 === 0,
    at: new Date(1_500_000_000_000 + index),
    day: new Date(Date.UTC(2001, 2, 3 + (index % 100))),
    bytes: Uint8Array.of(index & 255, 7),
    u8: index % 256,
    tags: index % 3 === 0 ? [] : ['a', `b${index}`],
    point: index % 11 === 0 ? null : { x: index, label: index % 2 === 0 ? null : `p${index}` },
  }));

  for (const compression of ['UNCOMPRESSED', 'SNAPPY', 'GZIP'])
    for (const useDataPageV2 of [true, false])
      it(`exactly, ${compression}, pages of version ${useDataPageV2 ? 2 : 1}`, async () => {
        const path = join(folder, `theirs-${compression}-${useDataPageV2}.parquet`);
        const optional = { optional: true, compression };
        const schema = new parquetjs.ParquetSchema({
          i32: { type: 'INT32', ...optional },
          i64: { type: 'INT64', ...optional },
          f: { type: 'FLOAT', ...optional },
          d: { type: 'DOUBLE', compression },
          s: { type: 'UTF8', ...optional },
          b: { type: 'BOOLEAN', ...optional },
          at: { type: 'TIMESTAMP_MILLIS', ...optional },
          day: { type: 'DATE', ...optional },
          bytes: { type: 'BYTE_ARRAY', ...optional },
          u8: { type: 'UINT_8', ...optional },
          tags: { type: 'UTF8', repeated: true, compression },
          point: {
            optional: true,
            fields: { x: { type: 'INT32', ...optional }, label: { type: 'UTF8', ...optional } },
          },
        });
        const writer = await parquetjs.ParquetWriter.openFile(schema, path, { useDataPageV2 });
        writer.setRowGroupSize(2000);
        for (const row of expected) {
          const present = Object.entries(row).filter(([, value]) => value !== null);
          const point =
            row.point && Object.fromEntries(Object.entries(row.point).filter(([, value]) => value !== null));
          await writer.appendRow({
            ...Object.fromEntries(present),
            bytes: Buffer.from(row.bytes),
            ...(point ? { point } : {}),
          });
        }
        await writer.close();
        expect(readFiles([path]).rows).toEqual(expected);
      });
});
