import { MillraceError } from '../../base/errors.ts';
import type { ColumnBatch } from '../columnar/column-batch.ts';
import { ArrowFileWriter } from './arrow/arrow-file-writer.ts';
import { CsvEncoder } from './csv/csv-encoder.ts';
import type { WritableFile } from './file-system.ts';
import { JsonLinesEncoder } from './json/json-lines-encoder.ts';
import { ObjectFileWriter } from './object/object-file.ts';
import { compressedFile, compressionSuffixes } from './output-compression.ts';
import type { OutputSpec } from './output-spec.ts';
import { resolveWriteOptions } from './parquet/write-options.ts';
import { openParquetWriter } from './parquet/writer.ts';
import type { FinishedPartFile, PartFileWriter } from './part-file.ts';
import { type RowEncoder, TextRowEncoder } from './row-encoder.ts';

export function openPartFile(file: WritableFile, output: OutputSpec): PartFileWriter {
  switch (output.format) {
    case 'text':
      return new TextFileWriter(compressedFile(file, output.options.compression ?? 'none'), new TextRowEncoder());
    case 'csv': {
      const encoder = new CsvEncoder(withoutPartitionColumns(output.options));
      return new TextFileWriter(compressedFile(file, output.options.compression ?? 'none'), encoder);
    }
    case 'jsonLines': {
      const encoder = new JsonLinesEncoder(output.options);
      return new TextFileWriter(compressedFile(file, output.options.compression ?? 'none'), encoder);
    }
    case 'object':
      return new ObjectFileWriter(file);
    case 'arrow':
      return new ArrowFileWriter(file, output.options);
    case 'parquet':
      return new ParquetFileWriter(file, output.options);
  }
}

/** Spark's names: text files have no suffix. */
export function partFileSuffix(output: OutputSpec): string {
  switch (output.format) {
    case 'text':
      return compressionSuffixes[output.options.compression ?? 'none'];
    case 'csv':
      return `.csv${compressionSuffixes[output.options.compression ?? 'none']}`;
    case 'jsonLines':
      return `.jsonl${compressionSuffixes[output.options.compression ?? 'none']}`;
    case 'object':
      return '.object';
    case 'arrow':
      return output.options.ipc === 'stream' ? '.arrows' : '.arrow';
    case 'parquet':
      return '.parquet';
  }
}

type CsvOptions = Extract<OutputSpec, { readonly format: 'csv' }>['options'];

function withoutPartitionColumns(options: CsvOptions): CsvOptions {
  const { columns, partitionBy = [] } = options;
  return { ...options, columns: columns?.filter((name) => !partitionBy.includes(name)) };
}

/** How much text is gathered before it is encoded and written. */
const flushChars = 256 * 1024;

class TextFileWriter implements PartFileWriter {
  readonly #file: WritableFile;
  readonly #encoder: RowEncoder;
  #pending = '';
  #rows = 0;
  #isAtStart = true;

  constructor(file: WritableFile, encoder: RowEncoder) {
    this.#file = file;
    this.#encoder = encoder;
  }

  write(rows: readonly unknown[]): void {
    this.#pending += this.#encoder.encode(rows, this.#rows);
    this.#rows += rows.length;
    if (this.#pending.length >= flushChars) this.#flush();
  }

  finish(): { readonly sizeBytes: number; readonly columns?: readonly string[] } {
    this.#flush();
    const sizeBytes = this.#file.finish();
    const { columns } = this.#encoder;
    return columns === undefined ? { sizeBytes } : { sizeBytes, columns };
  }

  abort(): void {
    this.#pending = '';
    this.#file.abort();
  }

  #flush(): void {
    if (this.#pending === '') return;
    if (!isWellFormed(this.#pending))
      throw new MillraceError(
        'MR_SCHEMA',
        `a row among the last ones before row ${this.#rows} of the partition holds half of a surrogate pair, which UTF-8 has no form for. Clean such strings first (toWellFormed), or save with saveAsJsonLines.`,
      );
    // A file that begins with a byte order mark loses it when it is read, so one that is data gets another before it.
    const text = this.#isAtStart && this.#pending.startsWith('\ufeff') ? `\ufeff${this.#pending}` : this.#pending;
    this.#isAtStart = false;
    this.#pending = '';
    this.#file.write(Buffer.from(text, 'utf8'));
  }
}

/** Node 20 has it, its type declarations for es2023 do not. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

type ParquetOptions = Extract<OutputSpec, { readonly format: 'parquet' }>['options'];

class ParquetFileWriter implements PartFileWriter {
  readonly #writer: ReturnType<typeof openParquetWriter>;
  readonly #hasSchema: boolean;
  readonly #maxFileBytes: number;
  #hasRows = false;

  constructor(file: WritableFile, options: ParquetOptions) {
    this.#writer = openParquetWriter(file, options);
    this.#hasSchema = options.schema !== undefined;
    this.#maxFileBytes = resolveWriteOptions(options).maxFileBytes;
  }

  get isFull(): boolean {
    return this.#writer.sizeBytes >= this.#maxFileBytes;
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  flush(): void {
    this.#writer.flush();
  }

  write(rows: readonly unknown[]): void {
    this.#hasRows ||= rows.length > 0;
    this.#writer.write(rows);
  }

  writeColumns(batch: ColumnBatch, from: number, to: number): void {
    this.#hasRows ||= to > from;
    this.#writer.writeColumns(batch, from, to);
  }

  /** Without rows and without a schema the file would have no columns, unlike those of the other partitions. */
  finish(): FinishedPartFile | undefined {
    if (this.#hasRows || this.#hasSchema) {
      const { sizeBytes, schema } = this.#writer.finish();
      return { sizeBytes, schema };
    }
    this.#writer.abort();
    return undefined;
  }

  abort(): void {
    this.#writer.abort();
  }
}
