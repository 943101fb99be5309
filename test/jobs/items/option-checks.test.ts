import { describe, expect, it } from 'vitest';
import * as jobs from '../../../src/jobs/index.ts';

// Misuse that the types would refuse.
// biome-ignore lint/suspicious/noExplicitAny: on purpose
const loose = jobs as any;
const items = (body: unknown): unknown => body;
const url = 'http://localhost/';
const field = { name: 'a', length: 1 };

describe('options of readers and writers', () => {
  it('names the reader or writer and its path when that is no text', () => {
    const makers: readonly [name: string, options?: object][] = [
      ['linesReader'],
      ['csvReader'],
      ['jsonLinesReader'],
      ['jsonReader'],
      ['xmlReader', { element: 'a' }],
      ['fixedLengthReader', { fields: [field] }],
      ['binaryReader', { recordBytes: 1 }],
      ['textWriter'],
      ['csvWriter'],
      ['jsonLinesWriter'],
      ['jsonWriter'],
      ['xmlWriter', { root: 'r', element: 'a' }],
      ['fixedLengthWriter', { fields: [field] }],
      ['binaryWriter', { recordBytes: 1 }],
    ];
    for (const [name, options] of makers) {
      for (const path of [undefined, null, 3, '']) {
        expect(() => loose[name](path, options)).toThrow(`${name}: path must be text`);
      }
    }
  });

  it('names the option that makes no sense', () => {
    const cases: readonly [make: () => unknown, said: RegExp][] = [
      [() => loose.csvReader('x', { delimiter: 3 }), /csvReader: delimiter must be/],
      [() => loose.csvReader('x', { quote: 3 }), /csvReader: quote must be/],
      [() => loose.csvReader('x', { header: 'a,b' }), /csvReader: header must be true, false, or names/],
      [() => loose.csvReader('x', { header: [] }), /csvReader: header/],
      [() => loose.csvReader('x', { header: ['a', 'a'] }), /csvReader: header/],
      [() => loose.csvReader('x', { schema: {} }), /csvReader: schema must be a Standard Schema/],
      [() => loose.jsonLinesReader('x', { schema: 3 }), /jsonLinesReader: schema/],
      [() => loose.csvWriter('x', { columns: [] }), /csvWriter: columns must be names/],
      [() => loose.csvWriter('x', { columns: 'a' }), /csvWriter: columns/],
      [() => loose.csvWriter('x', { delimiter: '\n' }), /csvWriter: delimiter and quote must be/],
      [() => loose.fixedLengthReader('x', { fields: [null] }), /fixedLengthReader: the name of a field/],
      [() => loose.fixedLengthWriter('x', { fields: [{ length: 1 }] }), /fixedLengthWriter: the name of a field/],
      [() => loose.binaryReader('x', null), /binaryReader: give recordBytes, or lengthPrefix/],
      [() => loose.sqlReader(), /sqlReader: query must be a select/],
      [() => loose.sqlReader({ query: 'select 1', key: '' }), /sqlReader: key must be the name of a column/],
      [() => loose.sqlReader({ query: 'select 1', key: null }), /sqlReader: key/],
      [() => loose.sqlReader({ query: 'select 1', key: ['a', 'a'] }), /sqlReader: key/],
      [() => loose.sqlReader({ query: 'select 1', parameters: 3 }), /sqlReader: parameters must be an array/],
      [() => loose.httpReader(), /httpReader: url/],
      [() => loose.httpReader({ url }), /httpReader: items must be a function/],
      [() => loose.httpReader({ url, items, next: 'header' }), /httpReader: next must be a function or 'link'/],
      [() => loose.httpReader({ url, items, breaker: {} }), /httpReader: breaker must be a CircuitBreaker/],
      [() => loose.httpWriter({ url, body: 3 }), /httpWriter: body must be a function/],
      [() => loose.rddReader(3), /rddReader: its argument must be a function/],
      [() => loose.listReader('abc'), /listReader: items must be an array/],
      [() => loose.listWriter(), /listWriter: its argument must be an array/],
      [() => loose.transactionalWriter({}), /transactionalWriter: its argument must be a function/],
      [() => new loose.CircuitBreaker({ expected: [3] }), /expected must be a list in which errors are named/],
    ];
    for (const [make, said] of cases) {
      expect(make).toThrow(said);
      expect(make).toThrow(expect.objectContaining({ code: 'MR_OPTION_INVALID' }));
    }
  });

  it('shows nothing of credentials that are given wrongly', () => {
    expect(() => loose.httpReader({ url, items, auth: { token: 'sesame' } })).toThrow(
      /^httpReader: auth must be { bearer } or { user, password }, all text\.$/,
    );
  });

  it('refuses tables without a name and lists of columns that are none', () => {
    for (const [args, said] of [
      [[''], /its table must be named/],
      [['t', { mode: 'upsert', key: 'id' }], /tableWriter "t": key must be an array/],
      [['t', { columns: ['a', 'a'] }], /tableWriter "t": columns must be an array of different columns/],
      [['t', { columns: [] }], /tableWriter "t": columns is empty/],
    ] as const) {
      expect(() => loose.tableWriter(...args)).toThrow(said);
    }
  });
});
