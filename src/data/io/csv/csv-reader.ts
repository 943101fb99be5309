import { defined } from '../../../base/defined.ts';
import { MillraceError } from '../../../base/errors.ts';
import { compressionOf, decompressed } from '../compression.ts';
import type { PartitionValues } from '../hive-partitions.ts';
import { openPlanned } from '../open-split.ts';
import { positionOfOffset, recordError } from '../record-error.ts';
import { RangeInput } from '../sequential-input.ts';
import type { ReadSettings } from '../source-spec.ts';
import type { Split } from '../split.ts';
import { describeUri } from '../uri.ts';
import { type CsvColumn, type CsvOptions, csvDialect } from './csv-options.ts';
import { type CsvRecords, csvRecords } from './csv-records.ts';
import { fieldBroken, fieldPlain, fieldUnterminated } from './csv-tokenizer.ts';
import { type FieldReader, fieldReader, misfit, type TextDecoder, type TextReader, textReader } from './csv-values.ts';

type Row = Record<string, unknown>;

/** The rows of a split as objects with the planned columns, then the partition columns. */
export function* readCsvSplit(split: Split, options: CsvOptions, settings: ReadSettings): Generator<Row[]> {
  const file = openPlanned(split, settings);
  const compression = compressionOf(split.uri);
  const input =
    compression === 'none' ? new RangeInput(file, split.start, split.end, split.end) : decompressed(file, compression);
  try {
    const reader = new RecordReader(split, options, settings);
    for (const records of csvRecords(input, split.uri, split.start, options)) {
      const rows = reader.rowsOf(records);
      if (rows.length > 0) yield rows;
    }
    file.checkUnchanged();
  } finally {
    input.close();
  }
}

class RecordReader {
  #awaitsHeader: boolean;
  readonly #split: Split;
  readonly #mode: 'fail' | 'dropMalformed' | 'permissive';
  readonly #columns: readonly CsvColumn[];
  readonly #readers: readonly FieldReader[];
  readonly #toRow: RowMaker;
  readonly #isWanted: readonly boolean[];
  readonly #partitionValues: PartitionValues;
  readonly #decoder: TextDecoder = { isUtf8: false };
  readonly #settings: ReadSettings;
  readonly #text: TextReader;

  constructor(split: Split, options: CsvOptions, settings: ReadSettings) {
    const columns = defined(options.planned, 'the planned columns of a csv source');
    const { nullValue = '', trim = false, mode = 'fail' } = options;
    const fieldSettings = { nullValue, trim, escape: csvDialect(options).escape };
    this.#awaitsHeader = options.header === true && split.start === 0;
    this.#split = split;
    this.#mode = mode;
    this.#columns = columns;
    this.#settings = settings;
    this.#readers = columns.map((column) => fieldReader(column, fieldSettings, this.#decoder));
    this.#text = textReader(fieldSettings, this.#decoder);
    this.#isWanted = columns.map(({ name }) => options.columns === undefined || options.columns.includes(name));
    this.#partitionValues = split.partitionValues ?? {};
    // A string fits always, so one that no function reads is not made. Values of other types are, for some may not fit.
    const read = settings.use?.properties;
    const isMade = columns.map(
      ({ name, type }, index) =>
        this.#isWanted[index] === true && (type !== 'string' || read === undefined || read.includes(name)),
    );
    this.#toRow = rowMaker(columns, isMade, this.#readers, this.#partitionValues, mode === 'permissive');
  }

  rowsOf(records: CsvRecords): Row[] {
    const rows: Row[] = [];
    const { buffer, tokenizer } = records;
    const { firstField, starts, ends, kinds, numRecords } = tokenizer;
    const width = this.#columns.length;
    const toRow = this.#toRow;
    this.#decoder.isUtf8 = records.isUtf8;
    for (let record = 0; record < numRecords; record++) {
      const first = firstField[record] as number;
      const count = (firstField[record + 1] as number) - first;
      if (count === 1 && width !== 1 && kinds[first] === fieldPlain && starts[first] === ends[first]) continue;
      if (this.#awaitsHeader) {
        this.#awaitsHeader = false;
        this.#checkHeader(records, first, count);
        continue;
      }
      if (count === width && !tokenizer.sawBroken) {
        try {
          rows.push(toRow(buffer, starts, ends, kinds, first));
          continue;
        } catch (error) {
          if (error !== misfit) throw error;
        }
      }
      this.#readSlowly(rows, records, record);
    }
    return rows;
  }

  /** The slow way, field by field, for a record that is or may be malformed. */
  #readSlowly(rows: Row[], records: CsvRecords, record: number): void {
    const { buffer, tokenizer } = records;
    const { firstField, starts, ends, kinds } = tokenizer;
    const first = firstField[record] as number;
    const count = (firstField[record + 1] as number) - first;
    const width = this.#columns.length;
    let reason: string | undefined;
    if (count !== width)
      reason = `the record has ${count} field${count === 1 ? '' : 's'}, expected ${width} (${this.#names()})`;
    const row: Row = {};
    for (let index = 0; index < Math.max(width, count); index++) {
      const field = first + index;
      const kind = index < count ? kinds[field] : fieldPlain;
      const column = this.#columns[index];
      if (kind === fieldUnterminated) reason = `the quote of field ${index + 1} is never closed`;
      else if (kind === fieldBroken) reason ??= `there is text after the closing quote of field ${index + 1}`;
      if (column === undefined || this.#isWanted[index] !== true) continue;
      let value: unknown = null;
      if (index < count && kind !== fieldUnterminated && kind !== fieldBroken)
        try {
          value = this.#readers[index]?.(buffer, starts[field] as number, ends[field] as number, kind as number);
        } catch (error) {
          if (error !== misfit) throw error;
          const text = this.#text(buffer, starts[field] as number, ends[field] as number, kind as number);
          reason ??= `${JSON.stringify(text)} in column "${column.name}" is not a ${column.type}${column.isInferred ? ', which the first records made it' : ''}`;
        }
      setOwn(row, column.name, value);
    }
    if (this.#mode === 'dropMalformed' && reason !== undefined) return;
    const start = tokenizer.recordStarts[record] as number;
    if (this.#mode === 'fail' && reason !== undefined) throw this.#error(records.base + start, reason);
    for (const [name, value] of Object.entries(this.#partitionValues)) setOwn(row, name, value);
    if (this.#mode === 'permissive') {
      const text = buffer.toString(records.isUtf8 ? 'utf8' : 'latin1', start, tokenizer.recordStarts[record + 1]);
      setOwn(row, '_corruptRecord', reason === undefined ? null : text.replace(/\r?\n$/, ''));
    }
    rows.push(row);
  }

  #error(offset: number, reason: string): MillraceError {
    return recordError(
      this.#split,
      positionOfOffset(this.#split, offset, this.#settings),
      reason,
      "Mend the file, give the column's type with schema, or read it with mode: 'permissive' or 'dropMalformed'.",
    );
  }

  #checkHeader({ buffer, tokenizer }: CsvRecords, first: number, count: number): void {
    const { starts, ends, kinds } = tokenizer;
    const names = Array.from({ length: count }, (_, index) => {
      const f = first + index;
      return this.#text(buffer, starts[f] as number, ends[f] as number, kinds[f] as number) || `_c${index}`;
    });
    if (names.length === this.#columns.length && this.#columns.every(({ name }, index) => names[index] === name))
      return;
    throw new MillraceError(
      'MR_SCHEMA',
      `${describeUri(this.#split.uri)}: its header is ${names.join(', ')}, but the first file has ${this.#names()}. Read files of different columns apart.`,
      { details: { uri: this.#split.uri } },
    );
  }

  #names(): string {
    return this.#columns.map(({ name }) => name).join(', ');
  }
}

type RowMaker = (buffer: Buffer, starts: Int32Array, ends: Int32Array, kinds: Uint8Array, first: number) => Row;

/**
 * A function that makes a row of a record's fields. It is generated, so that every row is one object literal: V8 gives
 * all rows one hidden class, and each column's reader is its own call site. Names are JSON strings, never code.
 */
function rowMaker(
  columns: readonly CsvColumn[],
  isWanted: readonly boolean[],
  readers: readonly FieldReader[],
  partitionValues: PartitionValues,
  isPermissive: boolean,
): RowMaker {
  const constants = Object.entries(partitionValues);
  const properties = new Map<string, string>();
  for (const [index, { name }] of columns.entries())
    if (isWanted[index] === true)
      properties.set(name, `read${index}(buffer, starts[f + ${index}], ends[f + ${index}], kinds[f + ${index}])`);
  for (const [index, [name]] of constants.entries()) properties.set(name, `constants[${index}]`);
  if (isPermissive) properties.set('_corruptRecord', 'null');
  const literal = [...properties].map(([name, value]) => {
    // A plain "__proto__" would set the prototype.
    const key = name === '__proto__' ? '["__proto__"]' : JSON.stringify(name);
    return `${key}: ${value}`;
  });
  const code = `const [${readers.map((_, index) => `read${index}`).join(', ')}] = readers;
return (buffer, starts, ends, kinds, f) => ({ ${literal.join(', ')} });`;
  const make = new Function('readers', 'constants', code) as (readers: unknown, constants: unknown) => RowMaker;
  return make(
    readers,
    constants.map(([, value]) => value),
  );
}

function setOwn(row: Row, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
  else row[name] = value;
}
