import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  Dictionary,
  Int32,
  RecordBatchStreamWriter,
  Table,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputCommitter } from '../../../src/data/io/output-committer.ts';
import { createPartWriter } from '../../../src/data/io/part-writer.ts';
import type { SourceSpec } from '../../../src/data/io/source-spec.ts';
import { toUri } from '../../../src/data/io/uri.ts';
import { readParts, readRows, scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();
const arrow = (path: string): SourceSpec => ({ format: 'arrow', paths: [path], options: {} });
let outputs = 0;

function save(partitions: readonly (readonly unknown[])[]): string {
  const path = join(directory, `out${outputs++}`);
  const committer = new OutputCommitter({ format: 'arrow', uri: toUri(path), mode: 'error', options: {} }, 'save');
  const staging = committer.begin();
  committer.commit(
    partitions.map((rows, partition) => {
      const writer = createPartWriter(staging, partition, 0);
      writer.write(rows);
      return writer.finish();
    }),
  );
  return path;
}

describe('arrow', () => {
  it('reads back what it wrote', () => {
    const row = fc.record({
      n: fc.double({ noNaN: true }),
      s: fc.option(fc.string({ unit: 'grapheme' })),
      b: fc.boolean(),
      i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      d: fc.date({ noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('2100-01-01') }),
      list: fc.array(fc.integer(), { minLength: 1 }),
    });
    void fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), (rows) => {
        expect(readRows(arrow(save([rows, []])))).toEqual(rows);
      }),
      { numRuns: 50 },
    );
  });

  it('writes files that apache-arrow reads', () => {
    const rows = Array.from({ length: 40_000 }, (_, id) => ({ id, name: `name ${id % 7}` }));
    const table = tableFromIPC(readFileSync(join(save([rows]), 'part-00000.arrow')));
    expect(table.numRows).toBe(40_000);
    expect(table.get(39_999)?.toJSON()).toEqual({ id: 39_999, name: 'name 1' });
  });

  describe('where a partition is larger than what is held for its schema', () => {
    const batch = 16 * 1024;
    const rowsOf = <T>(count: number, make: (index: number) => T): T[] =>
      Array.from({ length: count }, (_, i) => make(i));
    /** More than 16 MiB: what comes after them is written batch by batch, in their schema. */
    const first = rowsOf(batch, (id) => ({
      id,
      x: id / 2,
      day: `day ${id % 7}`,
      list: [id, id / 4],
      inner: { a: id % 2 === 0 ? null : id, b: 'b' },
      note: `${id} ${'x'.repeat(1024)}`,
      when: new Date(id),
    }));
    const rest = first.map((row) => ({ ...row, note: `${row.id}` }));

    const saved = (rows: readonly unknown[], ipc: 'file' | 'stream'): { path: string; files: string[] } => {
      const path = join(directory, `out${outputs++}`);
      const spec = { format: 'arrow', uri: toUri(path), mode: 'error', options: { ipc } } as const;
      const committer = new OutputCommitter(spec, 'save');
      const writer = createPartWriter(committer.begin(), 0, 0);
      writer.write(rows);
      committer.commit([writer.finish()]);
      return { path, files: readdirSync(path).filter((name) => name.startsWith('part-')) };
    };

    it.each(['file', 'stream'] as const)('goes on batch by batch in a %s, its dictionaries growing', (ipc) => {
      const later = [
        rest.map((row) => ({ ...row, x: row.id })), // whole numbers
        rest.map((row) => ({ ...row, day: `day ${row.id % 9}`, list: [] })),
        rest.map((row) => ({ ...row, day: `${row.id} of its own` })), // no dictionary
        rest.map((row) => ({ ...row, x: null, day: null, list: null, inner: null, note: null, when: null })),
        rest.map(({ id }) => ({ id })),
        rest.map((row) => ({ ...row, inner: { b: 'c', a: row.id } })),
      ];
      const { path, files } = saved([first, ...later].flat(), ipc);
      expect(files).toHaveLength(1);
      const nulls = { x: null, day: null, list: null, inner: null, note: null, when: null };
      const expected = [first, ...later].flat().map((row) => ({ ...nulls, ...row }));
      const found = readRows(arrow(path)) as typeof first;
      expect(found.length).toBe(expected.length);
      for (const [index, row] of found.entries())
        if (!isDeepStrictEqual(row, expected[index])) expect(row).toEqual(expected[index]);
      const table = tableFromIPC(readFileSync(join(path, files[0]!)));
      expect(table.numRows).toBe(expected.length);
      expect(table.batches.length).toBe(7);
      for (const at of [0, batch + 1, 2 * batch + 8, 3 * batch + 5, 6 * batch + 3])
        expect(table.getChild('day')?.get(at)).toBe(expected[at]?.day);
      expect(table.getChild('x')?.get(batch + 3)).toBe(3);
    });

    it('goes on in another file when rows need another schema', () => {
      const later = [
        rest.map((row) => ({ ...row, id: row.id + 0.5 })),
        rest.map((row) => ({ ...row, extra: true })),
        rest.map((row, index) => ({ ...row, x: index % 2 === 0 ? 'text' : 1 })),
        [null, 1, 'two'],
      ];
      const rows = [first, ...later].flat();
      const { path, files } = saved(rows, 'file');
      expect(files).toEqual(['part-00000.arrow', 'part-00000_00001.arrow']);
      const found = readRows(arrow(path)) as (typeof first)[number][];
      expect(found.length).toBe(rows.length);
      for (const [index, row] of rows.entries()) {
        const given = found[index];
        const expected =
          row !== null && typeof row === 'object'
            ? { ...row, ...(given && 'extra' in given && !('extra' in row) ? { extra: null } : {}) }
            : row;
        if (!isDeepStrictEqual(given, expected)) expect(given).toEqual(expected);
      }
    });
  });

  it('reads files and streams, a split a few record batches, dictionaries included', () => {
    const tables = Array.from({ length: 6 }, (_, part) =>
      tableFromArrays({ part: Int32Array.of(part, part), x: Float64Array.of(part, part / 2) }),
    );
    const whole = new Table(tables.flatMap(({ batches }) => batches));
    const expected = Array.from({ length: 12 }, (_, index) => ({
      part: index >> 1,
      x: index % 2 === 0 ? index >> 1 : (index >> 1) / 2,
    }));
    for (const format of ['file', 'stream'] as const) {
      const path = writeFile(join(directory, `x.${format}`), tableToIPC(whole, format));
      const parts = readParts(arrow(path), { minPartitions: 6 });
      expect(parts).toHaveLength(6);
      expect(parts.flat()).toEqual(expected);
      expect(readParts(arrow(path))).toEqual([expected]);
    }
    const words = vectorFromArray(['b', 'a', 'b', null], new Dictionary(new Utf8(), new Int32()));
    const path = writeFile(join(directory, 'dictionary.arrow'), tableToIPC(new Table({ words }), 'file'));
    expect(readRows(arrow(path))).toEqual(['b', 'a', 'b', null].map((word) => ({ words: word })));
    const open = new RecordBatchStreamWriter({ autoDestroy: false }).writeAll(whole);
    const unended = writeFile(join(directory, 'unended.arrows'), open.toUint8Array(true));
    expect(readRows(arrow(unended))).toEqual(expected);
  });

  it('names the byte where a file is truncated or damaged', () => {
    const bytes = tableToIPC(tableFromArrays({ x: Float64Array.from({ length: 1000 }, (_, i) => i) }), 'file');
    for (const length of [0, 5, 9, 300, 4000]) {
      const path = writeFile(join(directory, `cut${length}.arrow`), bytes.subarray(0, length));
      expect(() => readRows(arrow(path))).toThrow(
        expect.objectContaining({ code: 'MR_PARSE', message: expect.stringContaining(`cut${length}.arrow`) }),
      );
    }
    const path = writeFile(join(directory, 'text.arrow'), 'this is no arrow file at all');
    expect(() => readRows(arrow(path))).toThrow(
      /text\.arrow is no Arrow IPC file or stream: at byte 0, no message begins here/,
    );
  });
});
