import { MillraceError } from '../../../base/errors.ts';
import { compressionOf, decompressed } from '../compression.ts';
import type { FileStatus } from '../file-system.ts';
import type { FileSystems } from '../file-systems.ts';
import { type Split, type SplitSettings, splitFiles, wholeFile } from '../split.ts';
import { describeUri, schemeOf } from '../uri.ts';
import { type CsvColumn, type CsvOptions, type CsvType, checkCsvOptions, csvDialect } from './csv-options.ts';
import { recordStarts } from './csv-record-starts.ts';
import { csvRecords } from './csv-records.ts';
import { type InferredKind, inferredKind, textReader } from './csv-values.ts';

const defaultSampleRows = 20_000;

/** The columns of CSV files: names from the header or options, types as given, or inferred from the first records. */
export function planCsvColumns(
  files: readonly FileStatus[],
  options: CsvOptions,
  fileSystems: FileSystems,
): readonly CsvColumn[] {
  checkCsvOptions(options);
  const sample = new Sample(options);
  for (const file of files) {
    if (sample.isComplete) break;
    sample.read(file, fileSystems);
  }
  return sample.columns();
}

/** What the first records say: the names of the columns, and the kinds of values in each. */
class Sample {
  readonly #options: CsvOptions;
  readonly #maxRows: number;
  #names: readonly string[] | undefined;
  #kinds: Set<InferredKind>[] = [];
  #rows = 0;
  #firstFile = '';

  constructor(options: CsvOptions) {
    this.#options = options;
    this.#maxRows = options.sampleRows ?? defaultSampleRows;
    const { header, schema } = options;
    if (Array.isArray(header)) this.#names = header as readonly string[];
    else if (header !== true && schema !== undefined) this.#names = Object.keys(schema);
  }

  /** Whether there is nothing left to find out. */
  get isComplete(): boolean {
    const names = this.#names;
    if (names === undefined) return false;
    const { schema, inferSchema } = this.#options;
    if (inferSchema === false || this.#rows >= this.#maxRows) return true;
    return names.every((name) => schema !== undefined && Object.hasOwn(schema, name));
  }

  read(status: FileStatus, fileSystems: FileSystems): void {
    const file = fileSystems.of(status.uri).openRead(status.uri, status);
    const input = decompressed(file, compressionOf(status.uri));
    const decoder = { isUtf8: true };
    const { nullValue = '', trim = false } = this.#options;
    const text = textReader({ nullValue, trim, escape: csvDialect(this.#options).escape }, decoder);
    try {
      let isHeader = this.#options.header === true;
      for (const { buffer, tokenizer, isUtf8 } of csvRecords(input, status.uri, 0, this.#options)) {
        decoder.isUtf8 = isUtf8;
        const { starts, ends, kinds, firstField, numRecords } = tokenizer;
        for (let record = 0; record < numRecords; record++) {
          const fields: (string | null)[] = [];
          for (let f = firstField[record] ?? 0; f < (firstField[record + 1] ?? 0); f++)
            fields.push(text(buffer, starts[f] ?? 0, ends[f] ?? 0, kinds[f] ?? 0));
          if (fields.length === 1 && fields[0] === null && this.#names?.length !== 1) continue;
          if (isHeader) {
            isHeader = false;
            if (this.#names === undefined) this.#takeHeader(fields, status.uri);
          } else this.#take(fields);
          if (this.isComplete) return;
        }
      }
    } finally {
      input.close();
    }
  }

  columns(): readonly CsvColumn[] {
    const { schema, columns } = this.#options;
    const names = this.#names ?? [];
    if (names.length > 0) {
      for (const name of Object.keys(schema ?? {})) this.#require(name, names, 'schema');
      for (const name of columns ?? []) this.#require(name, names, 'columns');
    }
    return names.map((name, index) => {
      const given = schema !== undefined && Object.hasOwn(schema, name) ? schema[name] : undefined;
      return given === undefined
        ? { name, type: inferredType(this.#kinds[index] ?? new Set()), isInferred: true }
        : { name, type: given, isInferred: false };
    });
  }

  #takeHeader(fields: readonly (string | null)[], uri: string): void {
    this.#firstFile = uri;
    const names = fields.map((name, index) => name || `_c${index}`);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined)
      throw new MillraceError(
        'MR_PARSE',
        `${describeUri(uri)}:1: the header names the column "${twice}" twice. Give names of your own with header: [...], and drop the first record.`,
        { details: { uri, line: 1 } },
      );
    this.#names = names;
  }

  #take(fields: readonly (string | null)[]): void {
    this.#names ??= fields.map((_, index) => `_c${index}`);
    // A ragged record says nothing about types; reading it reports it.
    if (fields.length !== this.#names.length) return;
    this.#rows++;
    for (const [index, field] of fields.entries()) {
      if (field === null) continue;
      let kinds = this.#kinds[index];
      if (kinds === undefined) this.#kinds[index] = kinds = new Set();
      if (field !== '' && !kinds.has('string')) kinds.add(inferredKind(field, this.#options.inferDates === true));
    }
  }

  #require(name: string, names: readonly string[], option: string): void {
    if (names.includes(name)) return;
    const where = this.#firstFile === '' ? 'the files have' : `${describeUri(this.#firstFile)} has`;
    throw new MillraceError('MR_SCHEMA', `csv: ${option} names a column "${name}"; ${where} ${names.join(', ')}.`);
  }
}

/** Booleans only, or numbers, or integers of which some are beyond 2**53, or dates and timestamps; everything else is text. */
function inferredType(kinds: ReadonlySet<InferredKind>): CsvType {
  const only = (...allowed: readonly InferredKind[]): boolean => [...kinds].every((kind) => allowed.includes(kind));
  if (kinds.size === 0) return 'string';
  if (only('boolean')) return 'boolean';
  if (only('integer', 'decimal')) return 'number';
  if (only('integer', 'bigInteger')) return 'bigint';
  if (only('date')) return 'date';
  return only('date', 'timestamp') ? 'timestamp' : 'string';
}

/**
 * Splits that begin and end at records. Line breaks inside quotes make this a matter of all quotes before, unless `multiLine` is false;
 * mostly a few bytes tell, else files are scanned, but not on a remote store, where they would be fetched twice. A compressed file or
 * one with comments is one split.
 */
export function planCsvSplits(
  files: readonly FileStatus[],
  options: CsvOptions,
  settings: SplitSettings,
  fileSystems: FileSystems,
): readonly Split[] {
  const isLines = options.multiLine === false || options.quote === '';
  const dialect = isLines ? { ...csvDialect(options), quote: -1 } : csvDialect(options);
  const isSplittable = (file: FileStatus): boolean => compressionOf(file.uri) === 'none' && dialect.comment < 0;
  const byFile = new Map<string, Split[]>(files.map(({ uri }) => [uri, []]));
  for (const split of splitFiles(files, settings, isSplittable)) byFile.get(split.uri)?.push(split);
  return files.flatMap((file) => {
    const planned = byFile.get(file.uri) ?? [];
    if (planned.length <= 1) return planned;
    const reader = fileSystems.of(file.uri).openRead(file.uri, file);
    try {
      const starts = recordStarts(
        reader,
        planned.slice(1).map(({ start }) => start),
        dialect,
        isRemote(file.uri),
      );
      const cuts = [...new Set([0, ...starts, file.sizeBytes])];
      return cuts.slice(1).map((end, index) => ({ ...wholeFile(file), start: cuts[index] ?? 0, end }));
    } finally {
      reader.close();
    }
  });
}

function isRemote(uri: string): boolean {
  return !['file', 'memory'].includes(schemeOf(uri) ?? 'file');
}
