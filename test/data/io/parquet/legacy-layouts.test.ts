import { describe, expect, it } from 'vitest';
import {
  convertedType,
  type FormatSchemaElement,
  fileMetaData,
  repetition,
} from '../../../../src/data/io/parquet/format/parquet-format.ts';
import { CompactReader, CompactWriter } from '../../../../src/data/io/parquet/format/thrift-compact.ts';
import { readBytes, writeRows } from './support/memory-file.ts';

/** The file with the schema of its footer exchanged: pages of many layouts are the same, and only the schema tells them apart. */
function withSchema(bytes: Uint8Array, schema: readonly FormatSchemaElement[]): Uint8Array {
  const footerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  const start = bytes.length - 8 - footerLength;
  const footer = fileMetaData.read(new CompactReader(bytes.subarray(start, bytes.length - 8)));
  const output = new CompactWriter();
  fileMetaData.write(output, { ...footer, schema });
  const written = output.finish();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(written.length);
  return new Uint8Array(Buffer.concat([bytes.subarray(0, start), written, length, Buffer.from('PAR1')]));
}

const { required, optional, repeated } = repetition;
const int32 = 1;
const byteArray = 6;
const group = (
  name: string,
  repetitionType: number,
  numChildren: number,
  annotation?: number,
): FormatSchemaElement => ({
  name,
  repetitionType,
  numChildren,
  ...(annotation === undefined ? {} : { convertedType: annotation }),
});
const leaf = (name: string, repetitionType: number, type: number = int32): FormatSchemaElement => ({
  name,
  repetitionType,
  type,
  ...(type === byteArray ? { convertedType: convertedType.utf8 } : {}),
});
const root = (numChildren: number): FormatSchemaElement => ({ name: 'schema', numChildren });

const lists = [{ l: [1, 2] }, { l: [] }, { l: null }, { l: [3] }];
const listBytes = writeRows(lists, { schema: { l: 'list<int32 not null>' } });
const structLists = [{ l: [{ x: 1 }, { x: 2 }] }, { l: [] }, { l: null }, { l: [{ x: 3 }] }];
const structListBytes = writeRows(structLists, { schema: { l: 'list<struct<x: int32 not null> not null>' } });
const pairLists = [{ l: [{ x: 1, y: 'a' }] }, { l: [] }, { l: null }];
const pairListBytes = writeRows(pairLists, {
  schema: { l: 'list<struct<x: int32 not null, y: string not null> not null>' },
});
const { list, map, mapKeyValue } = convertedType;

describe('lists as older writers laid them out', () => {
  it('have a repeated value as their element', () => {
    for (const name of ['array', 'element', 'l_tuple'])
      expect(readBytes(withSchema(listBytes, [root(1), group('l', optional, 1, list), leaf(name, repeated)]))).toEqual(
        lists,
      );
  });

  it('have the only child of the repeated group as their element, whatever the names are', () => {
    for (const name of ['bag', 'list', 'element', 'tuple'])
      expect(
        readBytes(
          withSchema(listBytes, [
            root(1),
            group('l', optional, 1, list),
            group(name, repeated, 1),
            leaf('x', required),
          ]),
        ),
      ).toEqual(lists);
  });

  it('have the repeated group as their element where it is called array or after the list', () => {
    for (const name of ['array', 'l_tuple'])
      expect(
        readBytes(
          withSchema(structListBytes, [
            root(1),
            group('l', optional, 1, list),
            group(name, repeated, 1),
            leaf('x', required),
          ]),
        ),
      ).toEqual(structLists);
  });

  it('have the repeated group as their element where it has several children', () => {
    const schema = [
      root(1),
      group('l', optional, 1, list),
      group('bag', repeated, 2),
      leaf('x', required),
      leaf('y', required, byteArray),
    ];
    expect(readBytes(withSchema(pairListBytes, schema))).toEqual(pairLists);
  });

  it('have the repeated group as their element where its only child repeats', () => {
    const rows = [{ l: [{ l: [1, 2] }, { l: [] }] }, { l: [] }, { l: null }];
    const bytes = writeRows(
      rows.map(({ l }) => ({ l: l === null ? null : l.map((inner) => inner.l) })),
      { schema: { l: 'list<list<int32 not null> not null>' } },
    );
    const schema = [root(1), group('l', optional, 1, list), group('bag', repeated, 1), leaf('l', repeated)];
    expect(readBytes(withSchema(bytes, schema))).toEqual(rows);
  });

  it('are lists without any annotation where a field repeats', () => {
    const rows = [{ l: [1, 2] }, { l: [] }, { l: [3] }];
    const bytes = writeRows(rows, { schema: { l: 'list<int32 not null> not null' } });
    expect(readBytes(withSchema(bytes, [root(1), leaf('l', repeated)]))).toEqual(rows);
    const structs = [{ l: [{ x: 1, y: 'a' }] }, { l: [] }];
    const structBytes = writeRows(structs, {
      schema: { l: 'list<struct<x: int32 not null, y: string not null> not null> not null' },
    });
    const schema = [root(1), group('l', repeated, 2), leaf('x', required), leaf('y', required, byteArray)];
    expect(readBytes(withSchema(structBytes, schema))).toEqual(structs);
  });

  it('are structs where a group with a repeated child has no annotation', () => {
    const schema = [root(1), group('l', optional, 1), leaf('x', repeated)];
    expect(readBytes(withSchema(listBytes, schema))).toEqual(lists.map(({ l }) => ({ l: l && { x: l } })));
  });
});

describe('maps as older writers laid them out', () => {
  const rows = [
    {
      m: new Map([
        ['a', 1],
        ['b', null],
      ]),
    },
    { m: new Map() },
    { m: null },
  ];
  const bytes = writeRows(rows, { schema: { m: 'map<string, int32>' } });
  const entries = [leaf('the key', required, byteArray), leaf('the value', optional)];

  it('are maps by either annotation, whatever their groups are called', () => {
    for (const [outer, inner] of [
      [map, mapKeyValue],
      [mapKeyValue, undefined],
      [map, undefined],
    ] as const)
      for (const name of ['map', 'key_value', 'entries'])
        expect(
          readBytes(
            withSchema(bytes, [root(1), group('m', optional, 1, outer), group(name, repeated, 2, inner), ...entries]),
          ),
        ).toEqual(rows);
  });

  it('may have keys that are said to be optional', () => {
    const optionalKey = writeRows([{ m: [{ k: 'a', v: 1 }] }], {
      schema: { m: 'list<struct<k: string, v: int32> not null>' },
    });
    const schema = [
      root(1),
      group('m', optional, 1, map),
      group('map', repeated, 2),
      leaf('k', optional, byteArray),
      leaf('v', optional),
    ];
    expect(readBytes(withSchema(optionalKey, schema))).toEqual([{ m: new Map([['a', 1]]) }]);
  });

  it('without values are lists of their keys', () => {
    const schema = [root(1), group('m', optional, 1, map), group('map', repeated, 1), leaf('k', required)];
    expect(readBytes(withSchema(listBytes, schema))).toEqual(lists.map(({ l }) => ({ m: l })));
  });
});

describe('annotations', () => {
  it('that do not fit the physical type leave that', () => {
    const bytes = writeRows([{ x: 7 }], { schema: { x: 'int32' } });
    for (const annotation of [convertedType.utf8, convertedType.timestampMicros, convertedType.int64, 99])
      expect(readBytes(withSchema(bytes, [root(1), { ...leaf('x', optional), convertedType: annotation }]))).toEqual([
        { x: 7 },
      ]);
  });

  it('of a decimal whose scale cannot be leave its integer', () => {
    const bytes = writeRows([{ x: 7 }], { schema: { x: 'int32' } });
    const decimal = { ...leaf('x', optional), convertedType: convertedType.decimal, precision: 2, scale: 3 };
    expect(readBytes(withSchema(bytes, [root(1), decimal]))).toEqual([{ x: 7 }]);
  });
});

describe('a schema that no file can have', () => {
  it('is refused with what is wrong', () => {
    const cases: [readonly FormatSchemaElement[], RegExp][] = [
      [[root(2), leaf('x', optional)], /names 2 children and holds fewer/],
      [[root(1), leaf('x', optional), leaf('y', optional)], /elements that belong to no group/],
      [[root(1), leaf('x', optional, 77)], /unknown physical type 77/],
      [[root(1), { name: 'x', type: 7, repetitionType: optional }], /does not say how long its values are/],
      [[root(2), leaf('x', optional), leaf('y', optional)], /1 columns where the schema has 2/],
    ];
    const bytes = writeRows([{ x: 7 }], { schema: { x: 'int32' } });
    for (const [schema, message] of cases) {
      expect(() => readBytes(withSchema(bytes, schema))).toThrow(
        expect.objectContaining({ code: 'MR_PARSE', message: expect.stringMatching(message) }),
      );
    }
  });
});
