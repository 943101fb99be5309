import { MillraceError } from '../../base/errors.ts';
import { columnBatch } from '../columnar/column-batch.ts';
import { hasLoneSurrogate } from '../columnar/lone-surrogate.ts';
import { decodeBatch } from '../columnar/row-codec.ts';
import type { PendingFile, WritableFile } from './file-system.ts';
import { FileSystems } from './file-systems.ts';
import { hiveNull, partitionDirectory } from './hive-partitions.ts';
import type { OutputSettings, OutputStaging, StagedFile, StagedPart } from './output-spec.ts';
import type { ParquetSchema } from './parquet/schema.ts';
import type { PartFileWriter } from './part-file.ts';
import { openPartFile, partFileSuffix } from './part-file-writer.ts';
import { joinUri } from './uri.ts';

/** Writes the rows of one attempt of one partition, apart from those of every other; nothing is visible before the commit. */
export interface PartWriter {
  /** @throws {MillraceError} MR_SCHEMA for rows that the format has no form for, MR_IO when the disk is full */
  write(rows: readonly unknown[]): void;
  /** The same for rows that are encoded, as `encodeBatch` does: formats of columns take them as columns. */
  writeBatch(bytes: Uint8Array): void;
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
  const { output } = staging;
  const partitionBy = 'partitionBy' in output.options ? (output.options.partitionBy ?? []) : [];
  const files = new AttemptFiles(staging, partitionIndex, attempt, settings.fileSystems ?? new FileSystems());
  return partitionBy.length === 0 ? new SinglePartWriter(files) : new PartitionedPartWriter(files, partitionBy);
}

/** The files that one attempt opens, and what becomes of them. */
class AttemptFiles {
  readonly #staging: OutputStaging;
  readonly #partitionIndex: number;
  readonly #attempt: number;
  readonly #fileSystems: FileSystems;
  readonly #staged: StagedFile[] = [];
  readonly #schemas: ParquetSchema[] = [];
  #columns: readonly string[] | undefined;

  constructor(staging: OutputStaging, partitionIndex: number, attempt: number, fileSystems: FileSystems) {
    this.#staging = staging;
    this.#partitionIndex = partitionIndex;
    this.#attempt = attempt;
    this.#fileSystems = fileSystems;
  }

  /** Opens the file of this attempt in a partition directory ('' for none); `sequence` counts further files there. */
  open(directory: string, sequence: number): OpenFile {
    const { output, actionId, stagingUri } = this.#staging;
    const path = joinPath(directory, this.#name(sequence));
    if (stagingUri !== undefined) {
      const uri = joinUri(stagingUri, `${this.#partitionIndex}-${this.#attempt}/${path}`);
      const file = this.#fileSystems.of(uri).openWrite(uri);
      return { path, file, writer: openPartFile(file, output) };
    }
    const uri = joinUri(output.uri, path);
    const { uploads } = this.#fileSystems.of(uri);
    if (uploads === undefined) throw new MillraceError('MR_BUG', `action ${actionId} has nowhere to stage ${uri}.`);
    const pending = uploads.openPending(uri);
    return { path, file: pending, pending, writer: openPartFile(pending, output) };
  }

  /** Finishes a file and remembers it. @returns the file that `openNext` gave for rows that were left, if any */
  finish({ path, file, pending, writer }: OpenFile, openNext: () => OpenFile): OpenFile | undefined {
    const finished = writer.finish();
    if (finished === undefined) return undefined;
    const { sizeBytes, columns, schema, rest } = finished;
    this.#columns ??= columns;
    if (schema !== undefined) this.#schemas.push(schema);
    const upload = pending === undefined ? {} : { upload: pending.pendingUpload() };
    this.#staged.push({ stagedUri: file.uri, path, sizeBytes, ...upload });
    if (rest === undefined) return undefined;
    const next = openNext();
    next.writer.write(rest);
    return next;
  }

  staged(rows: number): StagedPart {
    return {
      partitionIndex: this.#partitionIndex,
      attempt: this.#attempt,
      files: this.#staged,
      rows,
      sizeBytes: this.#staged.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      ...(this.#columns === undefined ? {} : { columns: this.#columns }),
      ...(this.#schemas.length === 0 ? {} : { schemas: this.#schemas }),
    };
  }

  /** `part-00000.csv`; with the action's id where files of other actions may lie beside it. */
  #name(sequence: number): string {
    const { output, actionId, stagingUri } = this.#staging;
    const isUnique = output.mode === 'append' || stagingUri === undefined;
    const number = String(this.#partitionIndex).padStart(5, '0');
    // The names of files that follow one another are in the order of their rows.
    const isSeries = 'maxFileSize' in output.options && output.options.maxFileSize !== undefined;
    const further = isSeries
      ? `-${String(sequence).padStart(5, '0')}`
      : sequence === 0
        ? ''
        : `_${String(sequence).padStart(5, '0')}`;
    return `part-${number}${further}${isUnique ? `-${actionId}` : ''}${partFileSuffix(output)}`;
  }
}

interface OpenFile {
  readonly path: string;
  readonly file: WritableFile;
  readonly pending?: PendingFile;
  readonly writer: PartFileWriter;
}

/** Rows are handed to files in pieces of so many, so that a file that is full ends there. */
const pieceRows = 1024;

function* pieces(length: number): Iterable<readonly [from: number, to: number]> {
  for (let from = 0; from < length; from += pieceRows) yield [from, Math.min(from + pieceRows, length)];
}

class SinglePartWriter implements PartWriter {
  readonly #files: AttemptFiles;
  #open: OpenFile | undefined;
  #sequence = 0;
  #rows = 0;

  constructor(files: AttemptFiles) {
    this.#files = files;
    this.#open = files.open('', 0);
  }

  write(rows: readonly unknown[]): void {
    for (const [from, to] of pieces(rows.length))
      this.#writePiece((writer) => writer.write(rows.length <= pieceRows ? rows : rows.slice(from, to)));
    this.#rows += rows.length;
  }

  writeBatch(bytes: Uint8Array): void {
    const batch = this.#writer().writeColumns === undefined ? undefined : columnBatch(bytes);
    if (batch === undefined) {
      this.write(decodeBatch(bytes));
      return;
    }
    for (const [from, to] of pieces(batch.numRows))
      this.#writePiece((writer) => writer.writeColumns?.(batch, from, to));
    this.#rows += batch.numRows;
  }

  #writer(): PartFileWriter {
    this.#open ??= this.#next();
    return this.#open.writer;
  }

  #next(): OpenFile {
    this.#sequence++;
    return this.#files.open('', this.#sequence);
  }

  #writePiece(write: (writer: PartFileWriter) => void): void {
    const writer = this.#writer();
    write(writer);
    if (writer.isFull !== true || this.#open === undefined) return;
    this.#finishFile(this.#open);
  }

  #finishFile(file: OpenFile): void {
    this.#open = this.#files.finish(file, () => this.#next());
  }

  finish(): StagedPart {
    while (this.#open !== undefined) this.#finishFile(this.#open);
    return this.#files.staged(this.#rows);
  }

  abort(): void {
    this.#open?.writer.abort();
  }
}

/** Each open file holds buffers; when there are more partitions than this, the one opened first is finished. */
const maxOpenFiles = 64;
/** When all of them hold more than this, the one that holds most writes what it has. */
const maxBufferedBytes = 128 * 1024 * 1024;

type Row = Readonly<Record<string, unknown>>;

class PartitionedPartWriter implements PartWriter {
  readonly #files: AttemptFiles;
  readonly #partitionBy: readonly string[];
  readonly #open = new Map<string, OpenFile>();
  readonly #sequences = new Map<string, number>();
  #rows = 0;

  constructor(files: AttemptFiles, partitionBy: readonly string[]) {
    this.#files = files;
    this.#partitionBy = partitionBy;
  }

  write(rows: readonly unknown[]): void {
    const byDirectory = new Map<string, Row[]>();
    for (const row of rows) {
      const { directory, rest } = this.#split(row);
      const group = byDirectory.get(directory);
      if (group === undefined) byDirectory.set(directory, [rest]);
      else group.push(rest);
      this.#rows++;
    }
    for (const [directory, group] of byDirectory)
      for (const [from, to] of pieces(group.length)) {
        const file = this.#openIn(directory);
        file.writer.write(group.slice(from, to));
        if (file.writer.isFull !== true) continue;
        this.#finishFile(directory, file);
      }
    this.#boundBuffers();
  }

  writeBatch(bytes: Uint8Array): void {
    this.write(decodeBatch(bytes));
  }

  finish(): StagedPart {
    while (this.#open.size > 0) for (const [directory, file] of this.#open) this.#finishFile(directory, file);
    return this.#files.staged(this.#rows);
  }

  abort(): void {
    for (const { writer } of this.#open.values()) writer.abort();
    this.#open.clear();
  }

  #boundBuffers(): void {
    const held = [...this.#open.values()].map(({ writer }) => ({ writer, bytes: writer.bufferedBytes ?? 0 }));
    if (held.reduce((sum, { bytes }) => sum + bytes, 0) <= maxBufferedBytes) return;
    held.reduce((most, one) => (one.bytes > most.bytes ? one : most)).writer.flush?.();
  }

  #openIn(directory: string): OpenFile {
    const open = this.#open.get(directory);
    if (open !== undefined) return open;
    const [oldest] = this.#open;
    if (this.#open.size >= maxOpenFiles && oldest !== undefined) {
      this.#finishFile(...oldest);
    }
    const file = this.#next(directory);
    this.#open.set(directory, file);
    return file;
  }

  #next(directory: string): OpenFile {
    const sequence = this.#sequences.get(directory) ?? 0;
    this.#sequences.set(directory, sequence + 1);
    return this.#files.open(directory, sequence);
  }

  #finishFile(directory: string, file: OpenFile): void {
    this.#open.delete(directory);
    const next = this.#files.finish(file, () => this.#next(directory));
    if (next !== undefined) this.#open.set(directory, next);
  }

  #split(row: unknown): { readonly directory: string; readonly rest: Row } {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw new MillraceError(
        'MR_SCHEMA',
        `partitionBy needs rows that are objects; row ${this.#rows} of the partition is ${String(row).slice(0, 40)}.`,
      );
    const rest: Record<string, unknown> = { ...row };
    const directories = this.#partitionBy.map((name) => {
      const value = (row as Row)[name];
      if (!Object.hasOwn(row, name)) throw this.#unfit(name, 'is missing');
      delete rest[name];
      return partitionDirectory(name, this.#valueOf(value, name));
    });
    return { directory: directories.join('/'), rest };
  }

  #valueOf(value: unknown, name: string): string | number | null {
    if (value === null || value === undefined) return null;
    if (typeof value === 'string') {
      if (value === '') throw this.#unfit(name, 'is the empty string, which a directory cannot tell from null');
      if (value === hiveNull) throw this.#unfit(name, `is ${hiveNull}, which is how a directory says null`);
      if (hasLoneSurrogate(value))
        throw this.#unfit(name, 'holds half of a surrogate pair, which no directory name can hold');
      return value;
    }
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
    if (value instanceof Date)
      throw this.#unfit(name, 'is a Date. Map it to text first, such as date.toISOString().slice(0, 10)');
    throw this.#unfit(
      name,
      `is ${typeof value === 'number' ? value : `of type ${typeof value}`}, which has no directory name`,
    );
  }

  #unfit(name: string, what: string): MillraceError {
    return new MillraceError('MR_SCHEMA', `partitionBy: "${name}" of row ${this.#rows} of the partition ${what}.`);
  }
}

function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}
