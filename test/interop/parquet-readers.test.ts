import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { readParquet } from 'parquet-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParquetCompression } from '../../src/data/io/parquet/write-options.ts';
import { readBytes, writeRows } from '../data/io/parquet/support/memory-file.ts';
import { readFiles } from '../data/io/parquet/support/read-parquet.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const numRows = 30_000;
const compressions: readonly ParquetCompression[] = ['none', 'snappy', 'gzip', 'zstd', 'lz4', 'brotli'];

/** Rows that any reader has a value for; some columns are null for long and for short stretches. */
const rows = Array.from({ length: numRows }, (_, index) => ({
  id: index,
  big: BigInt(index) + 2n ** 53n,
  price: index % 13 === 0 ? Number.NaN : index / 3,
  category: ['red', 'grün', 'blue', ''][index % 4],
  unique: `text ${index} ${'x'.repeat(index % 90)}`,
  flag: index % 3 === 0,
  sparse: index % 1000 === 7 ? index : null,
  late: index < 25_000 ? null : `late ${index % 50}`,
  at: new Date(1_700_000_000_000 + index * 997),
  tags: index % 7 === 0 ? null : Array.from({ length: index % 4 }, (_unused, tag) => (tag === 2 ? null : `t${tag}`)),
  point: index % 9 === 0 ? null : { x: index, label: index % 2 === 0 ? null : `p${index % 100}` },
  counts: new Map([
    [`k${index % 5}`, index],
    ['all', 1 - index],
  ]),
}));

type Query = (sql: string) => Promise<Record<string, unknown>[]>;
let query: Query;
beforeAll(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
});

describe('other readers read what we write', () => {
  for (const compression of compressions) {
    const path = join(folder, `ours-${compression}.parquet`);
    it(`DuckDB, ${compression}`, async () => {
      writeFileSync(path, writeRows(rows, { compression, rowGroupSize: 12_000 }));
      const read = await query(`SELECT * REPLACE (epoch_ms("at") AS "at") FROM '${path}'`);
      expectSameRows(read.map(fromDuckdb), rows.map(plain));
    });

    it(`hyparquet, ${compression}`, async () => {
      const bytes = writeRows(rows, { compression, rowGroupSize: 12_000 });
      const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
      const read = await parquetReadObjects({ file, compressors });
      expectSameRows(read.map(fromHyparquet), rows.map(plain));
    });

    it(`parquet-wasm, ${compression}`, () => {
      const table = tableFromIPC(readParquet(writeRows(rows, { compression, rowGroupSize: 12_000 })).intoIPCStream());
      expect(table.numRows).toBe(numRows);
      const read = table.toArray().map((row) => fromArrow(row.toJSON()));
      expectSameRows(read, rows.map(plain));
    });
  }

  it('DuckDB finds rows by our statistics, page indexes and bloom filters', async () => {
    const path = join(folder, 'indexed.parquet');
    writeFileSync(path, writeRows(rows, { rowGroupSize: 5000, bloomFilters: ['unique', 'id'] }));
    for (const { id, unique } of [rows[0]!, rows[4999]!, rows[5000]!, rows[29_999]!]) {
      expect(await query(`SELECT id::INT AS id FROM '${path}' WHERE "unique" = '${unique}'`)).toEqual([{ id }]);
      expect(await query(`SELECT id::INT AS id FROM '${path}' WHERE id = ${id}`)).toEqual([{ id }]);
    }
    expect(await query(`SELECT count(*)::INT AS n FROM '${path}' WHERE id >= 4990 AND id < 5010`)).toEqual([{ n: 20 }]);
    expect(await query(`SELECT count(*)::INT AS n FROM '${path}' WHERE big > 9007199254770000`)).toEqual([{ n: 991 }]);
  });

  it('hyparquet sees statistics and page indexes in the footer', () => {
    const bytes = writeRows(rows, { rowGroupSize: 12_000 });
    const metadata = parquetMetadata(bytes.buffer as ArrayBuffer);
    const id = metadata.row_groups[1]!.columns[0]!;
    expect(id.meta_data?.statistics).toMatchObject({ min_value: 12_000n, max_value: 23_999n, null_count: 0n });
    expect(id.column_index_offset).toBeGreaterThan(0);
    expect(id.offset_index_offset).toBeGreaterThan(0);
  });
});

describe('we read what DuckDB writes', () => {
  const select = `SELECT i::BIGINT AS id, i / 3 AS price, CASE WHEN i % 5 = 0 THEN NULL ELSE 's' || (i % 100) END AS name,
    (i % 1000)::SMALLINT AS small, (i % 200)::UTINYINT AS tiny, i::UBIGINT + 18446744073709500000 AS huge, (i % 2 = 0) AS flag,
    DATE '1969-06-01' + (i % 20000)::INT AS day, TIMESTAMP '2024-01-01' + INTERVAL (i * 1001) MICROSECOND AS ts,
    ((i::DECIMAL(18, 2) - 250) / 4)::DECIMAL(18, 2) AS dec, i::DECIMAL(38, 10) * -1 AS wide, TIME '01:02:03.000004' AS clock,
    md5(i::VARCHAR)::BLOB AS id2, [i, NULL, -i] AS list, {'a': i, 'b': [{'c': 'x' || i}]} AS nested
    FROM range(30000) t(i)`;

  for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'])
    for (const version of ['V1', 'V2'])
      it(`exactly, ${codec}, ${version}`, async () => {
        const path = join(folder, `duckdb-${codec}-${version}.parquet`);
        await query(
          `COPY (${select}) TO '${path}' (FORMAT parquet, COMPRESSION ${codec}, PARQUET_VERSION ${version}, ROW_GROUP_SIZE 10000)`,
        );
        const found = readFiles([path], { timestamps: 'text' }).rows;
        const texts =
          await query(`SELECT id::VARCHAR AS id, price, name, small, tiny, huge::VARCHAR AS huge, flag, day::VARCHAR AS day,
          strftime(ts, '%Y-%m-%dT%H:%M:%S.%f') AS ts, dec::VARCHAR AS dec, wide::VARCHAR AS wide, clock::VARCHAR AS clock,
          hex(id2) AS id2, list::VARCHAR AS list, nested.b[1].c AS c FROM '${path}'`);
        expect(found.length).toBe(30_000);
        for (const [index, row] of found.entries()) {
          const expected = texts[index]!;
          const list = row['list'] as (number | null)[];
          const nested = row['nested'] as { a: number; b: { c: string }[] };
          expect({
            ...pick(row, ['price', 'name', 'small', 'tiny', 'flag', 'ts', 'dec', 'wide', 'clock']),
            id: String(row['id']),
            huge: String(row['huge']),
            day: (row['day'] as Date).toISOString().slice(0, 10),
            id2: Buffer.from(row['id2'] as Uint8Array)
              .toString('hex')
              .toUpperCase(),
            list: `[${list.map((value) => value ?? 'NULL').join(', ')}]`,
            c: nested.b[0]!.c,
          }).toEqual(expected);
          expect(nested.a).toBe(index);
        }
      });
});

/** As toEqual, which takes seconds to show how many rows differ. */
function expectSameRows(read: readonly unknown[], expected: readonly unknown[]): void {
  expect(read.length).toBe(expected.length);
  const wrong = expected.findIndex((row, index) => !isDeepStrictEqual(row, read[index]));
  if (wrong >= 0) expect(read[wrong]).toEqual(expected[wrong]);
}

function pick(row: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

/** The rows as all readers can show them: bigints for every integer, entries for maps, milliseconds for dates. */
function plain(row: (typeof rows)[number]): unknown {
  return {
    ...row,
    id: BigInt(row.id),
    sparse: row.sparse === null ? null : BigInt(row.sparse),
    at: row.at.getTime(),
    point: row.point && { ...row.point, x: BigInt(row.point.x) },
    counts: [...row.counts].map(([key, count]) => [key, BigInt(count)]),
  };
}

function fromDuckdb(row: Record<string, unknown>): unknown {
  const counts = row['counts'] as { key: string; value: bigint }[];
  return { ...row, at: Number(row['at']), counts: counts.map(({ key, value }) => [key, value]) };
}

/** hyparquet leaves nulls of nested columns undefined, and makes objects of maps. */
function fromHyparquet(row: Record<string, unknown>): unknown {
  const { at, counts, tags = null, point = null } = row;
  return { ...row, at: (at as Date).getTime(), counts: Object.entries(counts as object), tags, point };
}

function fromArrow(row: Record<string, unknown>): unknown {
  return {
    ...row,
    tags: row['tags'] && [...(row['tags'] as Iterable<unknown>)],
    point: row['point'] && { ...(row['point'] as { toJSON(): object }).toJSON() },
    counts: [...(row['counts'] as Iterable<[unknown, unknown]>)].map(([key, count]) => [key, count]),
  };
}

it('reads its own files as DuckDB does', () => {
  expect(readBytes(writeRows(rows, { rowGroupSize: 7000 }))).toEqual(rows);
});
