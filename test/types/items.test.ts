import { describe, expect, it } from 'vitest';
import {
  csvReader,
  csvWriter,
  fixedLengthWriter,
  httpWriter,
  job,
  jsonLinesWriter,
  listWriter,
  sqlReader,
  tableWriter,
  textWriter,
  transactionalWriter,
  xmlWriter,
} from '../../src/jobs/index.ts';

type Sale = { id: number; amount: number };
const sales: readonly Sale[] = [];

// Checked by `npm run types`; the bodies are not run.
const typesOnly = (_: () => void): void => undefined;

describe('types of readers and writers', () => {
  it('takes the items of the step for those of the writer', () => {
    typesOnly(() => {
      job('a').step('1', (s) => s.read(sales).write(tableWriter('sales', { mode: 'upsert', key: ['id'] })));
      job('b').step('1', (s) => s.read(sales).write(csvWriter('x', { columns: ['id'] })));
      job('c').step('1', (s) => s.read(sales).write(jsonLinesWriter('x')));
      job('d').step('1', (s) => s.read(sales).write(httpWriter({ url: 'http://x', body: (items) => items.length })));
      job('e').step('1', (s) => s.read(sales).write(xmlWriter('x', { root: 'a', element: 'b' })));
      job('f').step('1', (s) => s.read(sales).write(fixedLengthWriter('x', { fields: [{ name: 'id', length: 3 }] })));
      job('g').step('1', (s) =>
        s.read(sqlReader<Sale>({ query: 'select 1' })).write(
          transactionalWriter(async (items, tx) => {
            for (const { id } of items) await tx.execute('select ?', [id]);
          }),
        ),
      );
      job('h').step('1', (s) =>
        s
          .read(csvReader('x', { header: ['a', 'b'] }))
          .process((row) => row.a)
          .write(textWriter('x')),
      );
    });
    expect(tableWriter('sales').guarantee).toBe('exactlyOnce');
  });

  it('refuses unknown columns and items that do not fit', () => {
    typesOnly(() => {
      // @ts-expect-error: an unknown key column
      job('a').step('1', (s) => s.read(sales).write(tableWriter('sales', { mode: 'upsert', key: ['idd'] })));
      // @ts-expect-error: an unknown column
      job('b').step('1', (s) => s.read(sales).write(csvWriter('x', { columns: ['idd'] })));
      // @ts-expect-error: an unknown field
      job('c').step('1', (s) => s.read(sales).write(fixedLengthWriter('x', { fields: [{ name: 'ix', length: 3 }] })));
      // @ts-expect-error: objects are no lines
      job('d').step('1', (s) => s.read(sales).write(textWriter('x')));
      const texts: string[] = [];
      // @ts-expect-error: objects are no texts
      job('e').step('1', (s) => s.read(sales).write(listWriter(texts)));
      job('f').step('1', (s) =>
        s
          .read(csvReader('x', { header: ['a', 'b'] }))
          // @ts-expect-error: the file has no column c
          .process((row) => row.c)
          .write(listWriter<unknown>([])),
      );
    });
    expect(listWriter([]).guarantee).toBe('atLeastOnce');
  });
});
