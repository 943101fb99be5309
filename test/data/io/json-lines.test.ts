import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonLinesOptions, PlanSettings, SourceSpec } from '../../../src/data/io/source-spec.ts';
import { readRows, scratchDirectory, writeFile } from './scratch.ts';

const directory = scratchDirectory();
const source = (path: string, options: JsonLinesOptions = {}): SourceSpec => ({
  format: 'jsonLines',
  paths: [path],
  options,
});
let files = 0;
const read = (content: string, options: JsonLinesOptions = {}, settings: Partial<PlanSettings> = {}): unknown[] =>
  readRows(source(writeFile(join(directory, `f${files++}.jsonl`), content), options), settings);

/** What a value is when it is read back: integers beyond 2**53 are bigints, whoever wrote them. */
const revived = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, inner: unknown) =>
    typeof inner === 'number' && !Number.isSafeInteger(inner) && /^-?\d+$/.test(String(inner))
      ? BigInt(String(inner))
      : inner,
  );

describe('jsonLines', () => {
  it('reads what JSON.stringify writes, however the file is cut', () => {
    const path = join(directory, 'law.jsonl');
    void fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('\n', '\r\n', '\n \n'),
        (values, minPartitions, end) => {
          writeFile(path, values.map((value) => JSON.stringify(value) + end).join(''));
          expect(readRows(source(path), { minPartitions })).toEqual(values.map(revived));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never rounds an integer in silence', () => {
    const line =
      '{"id":9007199254740993,"n":[-12345678901234567890,1.5,1e400,9007199254740992],"s":"\\"9007199254740993\\u0022","bigint":1}';
    expect(read(line)).toEqual([
      {
        id: 9007199254740993n,
        n: [-12345678901234567890n, 1.5, Number.POSITIVE_INFINITY, 9007199254740992n],
        s: '"9007199254740993"',
        bigint: 1,
      },
    ]);
    expect(read('{"#bigint5":"#bigint7","x":"\\u0023bigint8","__proto__":12345678901234567890}')).toEqual([
      JSON.parse('{"#bigint5":"#bigint7","x":"#bigint8","__proto__":0}', (key, value) =>
        key === '__proto__' ? 12345678901234567890n : value,
      ),
    ]);
    expect(
      read('[0.12345678901234567890,1e-12345678901234567890,-9007199254740993 ]\n"a 12345678901234567890,"'),
    ).toEqual([[0.12345678901234568, 0, -9007199254740993n], 'a 12345678901234567890,']);
    expect(read('9007199254740993\n', { int64: 'number' })).toEqual([9007199254740992]);
    for (const wrong of [
      '{"a":01234567890123456789}',
      '{12345678901234567:1}',
      '+12345678901234567',
      '12345678901234567x',
    ])
      expect(() => read(wrong)).toThrow(/is not JSON/);
  });

  it('names file, line and byte of a line that is not JSON, in any split', () => {
    const path = writeFile(join(directory, 'bad.jsonl'), `${'{"a":"é"}\n\n'.repeat(3000)}{"a":\n{"a":2}\n`);
    for (const minPartitions of [1, 2, 7])
      expect(() => readRows(source(path), { minPartitions })).toThrow(
        expect.objectContaining({
          code: 'MR_PARSE',
          details: expect.objectContaining({ line: 6001, byteOffset: 36000 }),
          message: expect.stringMatching(/bad\.jsonl:6001: the line is not JSON: .* \(byte 36000\)/),
        }),
      );
  });

  it('leaves bad lines out or keeps their text when asked to', () => {
    expect(read('1\n{\n2', { mode: 'dropMalformed' })).toEqual([1, 2]);
    expect(read('1\n{x\n2', { mode: 'permissive' })).toEqual([1, { _corruptRecord: '{x' }, 2]);
  });

  it('adds the columns of Hive directories to objects', () => {
    const path = join(directory, 'hive');
    writeFile(join(path, 'k=v/a.jsonl'), '{"a":1}\n[2]\n');
    expect(readRows(source(path))).toEqual([{ a: 1, k: 'v' }, [2]]);
  });
});
