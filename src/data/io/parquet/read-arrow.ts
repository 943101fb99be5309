import { isDeepStrictEqual } from 'node:util';
import { type Data, makeData, RecordBatch, Schema, Struct, Table, tableToIPC } from 'apache-arrow';
import type { RandomAccessFile } from '../file-system.ts';
import { fieldOf, leavesOf } from './column-shape.ts';
import { arrowData, arrowField } from './encodings/arrow-columns.ts';
import { inParquetFile } from './parquet-errors.ts';
import type { ParquetLayout, PlannedParquetOptions } from './parquet-options.ts';
import type { ParquetSplit } from './plan.ts';
import { RowGroupReader } from './read-row-group.ts';

/**
 * Whether splits can be read as Arrow columns without making rows: every file has every column, in the type that all have together,
 * no row is left out by a filter, none gets columns from its directory, and no type needs a value by value conversion.
 */
export function isArrowReadable(
  splits: readonly ParquetSplit[],
  { layouts, schema, filter = [] }: PlannedParquetOptions,
): boolean {
  const fits = ({ columns }: ParquetLayout): boolean =>
    columns.every(
      (shape, index) =>
        shape !== null &&
        isDeepStrictEqual(fieldOf(shape).type, schema.fields[index]?.type) &&
        leavesOf(shape).every(({ physical }) => physical !== 'INT96'),
    );
  return (
    filter.length === 0 &&
    schema.fields.length > 0 &&
    splits.every(({ partitionValues }) => partitionValues === undefined) &&
    layouts.every(fits)
  );
}

/**
 * A split as an Arrow IPC stream, a record batch a row group, in the types that the file states. Costs one copy of the decoded columns.
 *
 * @throws {MillraceError} as `readParquetSplit`
 */
export function readParquetArrow(
  file: RandomAccessFile,
  split: ParquetSplit,
  options: PlannedParquetOptions,
): Uint8Array {
  const schema = new Schema(options.schema.fields.map(arrowField));
  const type = new Struct(schema.fields);
  const { columns = [] } = options.layouts[split.layout] ?? {};
  const batches = split.groups.map((group) => {
    const reader = new RowGroupReader(file, group, options.verifyChecksums !== false);
    const children = columns.flatMap((shape, index): readonly Data[] => {
      const field = schema.fields[index];
      if (shape === null || field === undefined) return [];
      const place = { uri: file.uri, rowGroup: group.index, column: shape.name };
      return [inParquetFile(place, () => arrowData(reader.column(shape).vector, field.type))];
    });
    return new RecordBatch(schema, makeData({ type, length: group.numRows, nullCount: 0, children }));
  });
  return tableToIPC(new Table(schema, batches), 'stream');
}
