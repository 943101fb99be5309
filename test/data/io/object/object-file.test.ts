import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputCommitter } from '../../../../src/data/io/output-committer.ts';
import { createPartWriter } from '../../../../src/data/io/part-writer.ts';
import { toUri } from '../../../../src/data/io/uri.ts';
import { anyValue } from '../../columnar/arbitrary-values.ts';
import { sameValue } from '../../columnar/same-value.ts';
import { readParts, readRows, scratchDirectory } from '../scratch.ts';

const directory = scratchDirectory();
let outputs = 0;

function save(partitions: readonly (readonly unknown[])[]): string {
  const path = join(directory, `out${outputs++}`);
  const committer = new OutputCommitter({ format: 'object', uri: toUri(path), mode: 'error', options: {} }, 'a1');
  const staging = structuredClone(committer.begin());
  const parts = partitions.map((rows, index) => {
    const writer = createPartWriter(staging, index, 0);
    writer.write(rows);
    return structuredClone(writer.finish());
  });
  committer.commit(parts);
  return path;
}
const source = (path: string) => ({ format: 'object', paths: [path], options: {} }) as const;

describe('object files', () => {
  it('give back rows of any value, a partition a file, empty ones as well', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyValue, { maxLength: 5 }), { minLength: 1, maxLength: 4 }), (partitions) => {
        expect(sameValue(readParts(source(save(partitions))), partitions)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('hold more rows than a batch', () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => ({ index }));
    expect(readRows(source(save([rows])))).toEqual(rows);
  });

  it('are refused when a byte was changed or the end is missing, wherever', () => {
    const path = save([['some', { rows: [1n, null] }]]);
    const file = join(path, readdirSync(path).find((name) => name.startsWith('part'))!);
    const whole = readFileSync(file);
    const complaint = (bytes: Uint8Array): unknown => {
      writeFileSync(file, bytes);
      try {
        return readRows(source(path));
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    for (let length = 0; length < whole.length; length++) expect(complaint(whole.subarray(0, length))).toBe('MR_PARSE');
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 1;
      expect(complaint(flipped)).toBe('MR_PARSE');
    }
    expect(complaint(whole)).toEqual(['some', { rows: [1n, null] }]);
  });
});
