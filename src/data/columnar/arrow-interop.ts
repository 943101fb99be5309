import { type Data, type DataType, type Field, makeData, RecordBatch, Schema, Struct, Table } from 'apache-arrow';
import { arrowData, arrowField, isSameField, itemNames, layoutOf } from './arrow-data.ts';
import { decodeColumn } from './arrow-values.ts';
import { frameBatch } from './batch-frame.ts';
import { readBatch, type Vector } from './batch-reader.ts';
import { buildObjects, buildTuples } from './row-code.ts';
import { encodeBatch } from './row-codec.ts';
import { decodeVector } from './vector-decoder.ts';
import { encodeRows } from './vector-encoder.ts';

/** This key of the schema's metadata says what rows are when they are not objects with a field a column. */
const rowsMetadata = 'millrace.rows';

type RowKind = 'objects' | 'tuples' | 'values';

/** What the rows of a table with this schema are. */
export function rowsOf(schema: Schema): RowKind {
  const kind = schema.metadata.get(rowsMetadata);
  return kind === 'tuples' || (kind === 'values' && schema.fields.length === 1) ? kind : 'objects';
}

interface Columns {
  readonly rows: RowKind;
  readonly names: readonly string[];
  readonly vectors: readonly Vector[];
}

/** Objects give a column a field, arrays of one length _1, _2 ..., other rows one column "value". */
function columnsOf(root: Vector): Columns {
  if (root.kind === 'struct' && root.validity === undefined)
    return { rows: 'objects', names: root.layout.names, vectors: root.children };
  if (root.kind === 'tuple' && root.validity === undefined) {
    return { rows: 'tuples', names: itemNames(root.children.length), vectors: root.children };
  }
  return { rows: 'values', names: ['value'], vectors: [root] };
}

/** `values` as one column in memory of its own. */
function encodeColumn(values: readonly unknown[]): Vector {
  return readBatch(
    frameBatch(encodeRows(values, 0, values.length, 'list'), (byteLength) => new Uint8Array(byteLength)),
  );
}

function holds(vector: Vector, kind: Vector['kind']): boolean {
  return vector.kind === kind || ('children' in vector && vector.children.some((child) => holds(child, kind)));
}

/**
 * One column of all batches as Arrow data of one type. Over the batches' memory if they agree; else encoded again as one column,
 * and cut. So are dictionaries, of which Arrow wants one for all batches, and arrays that happen to be of one length: lists.
 */
function unify(name: string, vectors: readonly Vector[]): { field: Field; data: Data[] } {
  const data = vectors.map(arrowData);
  const [first] = vectors;
  const fields = data.map((one, index) => arrowField(name, vectors[index]!, one.type));
  const isShared =
    !vectors.some((vector) => holds(vector, 'tuple')) &&
    (vectors.length === 1 ||
      (fields.every((field) => isSameField(field, fields[0]!)) &&
        !vectors.some((vector) => holds(vector, 'dictionary'))));
  if (isShared) return { field: arrowField(name, first!, data[0]!.type), data };
  const values: unknown[] = [];
  for (const vector of vectors) for (const value of decodeVector(vector)) values.push(value);
  const whole = encodeColumn(values);
  const wholeData = arrowData(whole);
  let start = 0;
  const parts = vectors.map((vector) => {
    const part = wholeData.slice(start, vector.layout.length);
    start += vector.layout.length;
    return part;
  });
  return { field: arrowField(name, whole, wholeData.type), data: parts };
}

/**
 * Encoded batches as one apache-arrow Table, over the batches' own memory where their layouts agree. Rows that are objects give
 * a column a field; arrays of one length the columns _1, _2 ...; other rows one column "value", and the schema's metadata says so
 * under "millrace.rows". null, undefined, invalid Dates and missing fields are all null. Mixed values are dense unions, objects
 * used as dictionaries maps; what Arrow has no type for, and strings with a lone surrogate, are Binary, and the metadata of their
 * field says so under "millrace.layout". Batches whose rows have different fields are encoded again, once, as one.
 */
export function toArrowTable(batches: readonly Uint8Array[]): Table {
  let roots = batches.map(readBatch).filter((root) => root.layout.length > 0);
  if (roots.length === 0) return new Table();
  const shapeOf = (root: Vector): string => {
    const { rows, names } = columnsOf(root);
    return JSON.stringify([rows, names]);
  };
  if (roots.some((root) => shapeOf(root) !== shapeOf(roots[0]!))) {
    roots = [readBatch(encodeBatch(roots.flatMap(decodeVector)))];
  }
  const columns = roots.map(columnsOf);
  const { names, rows } = columns[0]!;
  const unified = names.map((name, index) =>
    unify(
      name,
      columns.map((one) => one.vectors[index]!),
    ),
  );
  const schema = new Schema(
    unified.map((column) => column.field),
    rows === 'objects' ? undefined : new Map([[rowsMetadata, rows]]),
  );
  const type = new Struct(schema.fields);
  return new Table(
    schema,
    roots.map((root, index) => {
      const children = unified.map((column) => column.data[index]!);
      const data = makeData({ type, length: root.layout.length, nullCount: 0, children });
      return new RecordBatch(schema, data as Data<Struct<Record<string, DataType>>>);
    }),
  );
}

/**
 * The rows of an apache-arrow Table, as objects with a field a column; as tuples or single values where the table was made of such
 * by {@link toArrowTable}. int64 and uint64 are bigints, decimals strings, dates and timestamps Dates; a timestamp column with a
 * value finer than a millisecond is bigints in its own unit. Lists are arrays, structs objects, maps Maps; Binary is copied. The
 * rows own their memory.
 */
export function fromArrowTable(table: Table): unknown[] {
  const { fields } = table.schema;
  const columns = fields.map((field, index) => decodeColumn(table.getChildAt(index)!, layoutOf(field)));
  switch (rowsOf(table.schema)) {
    case 'tuples':
      return buildTuples(columns, table.numRows);
    case 'values':
      return columns[0] ?? [];
    case 'objects': {
      const names = fields.map((field) => String(field.name));
      return buildObjects(names, columns, table.numRows);
    }
  }
}
