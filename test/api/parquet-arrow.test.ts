import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';

const fixtures = join(import.meta.dirname, '../data/io/parquet/fixtures');
const folder = mkdtempSync(join(tmpdir(), 'millrace-parquet-arrow-'));
let sc: MillraceContext;
beforeAll(async () => {
  sc = await MillraceContext.create({ workers: 2 });
});
afterAll(async () => {
  await sc.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A value of an Arrow column as plain JavaScript. */
function plain(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (Symbol.iterator in value && 'get' in value && 'length' in value)
    return [...(value as Iterable<unknown>)].map(plain);
  if (Symbol.iterator in value)
    return [...(value as Iterable<[unknown, unknown]>)].map(([key, entry]) => [plain(key), plain(entry)]);
  return value;
}

describe('toArrow right behind sc.parquet', () => {
  it('gives the columns of the file in its own types', async () => {
    const table = await sc.parquet(join(fixtures, 'types-delta-v2.parquet')).toArrow();
    expect(table.numRows).toBe(60);
    expect(Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]))).toEqual({
      i8: 'Int8',
      u16: 'Uint16',
      u32: 'Uint32',
      i64: 'Int64',
      u64: 'Uint64',
      half: 'Float16',
      float: 'Float32',
      double: 'Float64',
      text: 'Utf8',
      bytes: 'Binary',
      fixed: 'FixedSizeBinary[7]',
      dec9: 'Decimal[9e+2]',
      dec18: 'Decimal[18e+4]',
      dec38: 'Decimal[38e+10]',
      dec76: 'Decimal[76e+20]',
      day: 'Date32<DAY>',
      clockMs: 'Time32<MILLISECOND>',
      clockUs: 'Time64<MICROSECOND>',
      clockNs: 'Time64<NANOSECOND>',
      localMs: 'Timestamp<MILLISECOND>',
      utcUs: 'Timestamp<MICROSECOND, UTC>',
      localNs: 'Timestamp<NANOSECOND>',
      flag: 'Bool',
      nothing: 'Null',
    });
  });

  for (const name of ['types-delta-v2', 'types-dictionary-v1'])
    it(`gives the values that rows have: ${name}`, async () => {
      const path = join(fixtures, `${name}.parquet`);
      const columns = [
        'i8',
        'u16',
        'u32',
        'i64',
        'u64',
        'float',
        'double',
        'text',
        'bytes',
        'fixed',
        'flag',
        'nothing',
      ];
      const table = await sc.parquet(path, { columns }).toArrow();
      const rows = await sc.parquet(path, { columns, int64: 'bigint' }).collect();
      for (const column of columns)
        expect(Array.from(table.getChild(column)!, plain), column).toEqual(rows.map((row) => row[column]));
    });

  it('gives decimals of every storage as the same unscaled numbers', async () => {
    for (const name of ['types-delta-v2', 'types-dictionary-v1', 'types-old']) {
      const path = join(fixtures, `${name}.parquet`);
      const table = await sc.parquet(path, { columns: ['dec9', 'dec18', 'dec38', 'dec76'] }).toArrow();
      const rows = await sc.parquet(path).collect();
      for (const column of ['dec9', 'dec18', 'dec38', 'dec76']) {
        const read = Array.from(table.getChild(column)!, (value) => unscaled(value as Uint32Array | null));
        expect(read, column).toEqual(
          rows.map((row) => row[column] && BigInt((row[column] as string).replace('.', ''))),
        );
      }
    }
  });

  it('gives lists, maps and structs, pruned as asked', async () => {
    const path = join(fixtures, 'nested.parquet');
    const table = await sc.parquet(path, { columns: ['lists', 'structs.b.d'] }).toArrow();
    expect(table.schema.fields.map(String)).toEqual([
      'lists: List<List<Struct<{x:Utf8, y:Float64}>>>',
      'structs: Struct<{b:Struct<{d:List<Int64>}>}>',
    ]);
    const rows = await sc.parquet(path, { int64: 'bigint' }).collect();
    const json = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? String(one) : one)) ?? 'null');
    expect(Array.from(table.getChild('lists')!, json)).toEqual(rows.map((row) => json(row['lists'])));
    const inner = rows.map((row) => row['structs'] as { b: { d: bigint[] } | null } | null);
    expect(Array.from(table.getChild('structs')!, json)).toEqual(
      inner.map((one) => json(one && { b: one.b && { d: one.b.d } })),
    );
  });

  it('goes through rows where the columns of files differ, rows are filtered, or directories give columns', async () => {
    const path = join(folder, 'differing');
    await sc.parallelize([{ id: 1, city: 'Rome' }], 1).saveAsParquet(path, { partitionBy: ['city'] });
    const table = await sc.parquet(path).toArrow();
    expect(table.toArray().map((row) => row.toJSON())).toEqual([{ id: 1, city: 'Rome' }]);
    const filtered = await sc
      .parquet(join(fixtures, 'types-old.parquet'), {
        columns: ['int96', 'i8'],
        filter: [{ column: 'i8', op: '>', value: 0 }],
      })
      .toArrow();
    expect(filtered.numRows).toBeLessThan(60);
    const int96 = await sc.parquet(join(fixtures, 'types-old.parquet'), { columns: ['int96'] }).toArrow();
    expect(int96.numRows).toBe(60);
  });
});

function unscaled(words: Uint32Array | null): bigint | null {
  if (words === null) return null;
  const bits = words.reduceRight((all, word) => (all << 32n) | BigInt(word), 0n);
  return BigInt.asIntN(words.length * 32, bits);
}
