import { MillraceError } from '../../base/errors.ts';
import { CsvEncoder } from './csv/csv-encoder.ts';
import type { WritableFile } from './file-system.ts';
import { FileSystems } from './file-systems.ts';
import { JsonLinesEncoder } from './json/json-lines-encoder.ts';
import { compressedFile, compressionSuffixes } from './output-compression.ts';
import type { OutputSettings, OutputSpec, OutputStaging, StagedPart } from './output-spec.ts';
import { type RowEncoder, TextRowEncoder } from './row-encoder.ts';
import { joinUri } from './uri.ts';

/** Writes the rows of one attempt of one partition, apart from those of every other; nothing is visible before the commit. */
export interface PartWriter {
  /** @throws {MillraceError} MR_SCHEMA for rows that the format has no form for, MR_IO when the disk is full */
  write(rows: readonly unknown[]): void;
  finish(): StagedPart;
  /** Removes what was written; for an attempt that failed. */
  abort(): void;
}

/** The writer for one attempt; `staging` comes from `OutputCommitter.begin`. Worker side, synchronous. */
export function createPartWriter(
  staging: OutputStaging,
  partitionIndex: number,
  attempt: number,
  settings: OutputSettings = {},
): PartWriter {
  return new TextPartWriter(staging, partitionIndex, attempt, settings.fileSystems ?? new FileSystems());
}

/** `part-00000.csv`; appended files also carry the action's id, since those before them have the same numbers. */
export function partFileName(staging: OutputStaging, partitionIndex: number): string {
  const { output, actionId } = staging;
  const unique = output.mode === 'append' ? `-${actionId}` : '';
  const suffix = fileSuffixes[output.format] + compressionSuffixes[output.options.compression ?? 'none'];
  return `part-${String(partitionIndex).padStart(5, '0')}${unique}${suffix}`;
}

/** Spark's names: text files have no suffix. */
const fileSuffixes: Readonly<Record<OutputSpec['format'], string>> = { text: '', csv: '.csv', jsonLines: '.jsonl' };

/** How much text is gathered before it is encoded and written. */
const flushChars = 256 * 1024;

class TextPartWriter implements PartWriter {
  readonly #partitionIndex: number;
  readonly #attempt: number;
  readonly #encoder: RowEncoder;
  readonly #file: WritableFile;
  readonly #path: string;
  #pending = '';
  #rows = 0;
  #isAtStart = true;

  constructor(staging: OutputStaging, partitionIndex: number, attempt: number, fileSystems: FileSystems) {
    const { output, stagingUri } = staging;
    this.#partitionIndex = partitionIndex;
    this.#attempt = attempt;
    this.#encoder = encoderOf(output);
    this.#path = partFileName(staging, partitionIndex);
    const uri = joinUri(stagingUri, `${partitionIndex}-${attempt}/${this.#path}`);
    this.#file = compressedFile(fileSystems.of(uri).openWrite(uri), output.options.compression ?? 'none');
  }

  write(rows: readonly unknown[]): void {
    this.#pending += this.#encoder.encode(rows, this.#rows);
    this.#rows += rows.length;
    if (this.#pending.length >= flushChars) this.#flush();
  }

  finish(): StagedPart {
    this.#flush();
    const sizeBytes = this.#file.finish();
    const { columns } = this.#encoder;
    return {
      partitionIndex: this.#partitionIndex,
      attempt: this.#attempt,
      files: [{ stagedUri: this.#file.uri, path: this.#path, sizeBytes }],
      rows: this.#rows,
      sizeBytes,
      ...(columns === undefined ? {} : { columns }),
    };
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

function encoderOf(output: OutputSpec): RowEncoder {
  switch (output.format) {
    case 'text':
      return new TextRowEncoder();
    case 'csv':
      return new CsvEncoder(output.options);
    case 'jsonLines':
      return new JsonLinesEncoder(output.options);
  }
}

/** Node 20 has it, its type declarations for es2023 do not. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}
