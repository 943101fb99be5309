import { AsyncByteQueue, RecordBatchFileWriter, RecordBatchStreamWriter, type RecordBatchWriter } from 'apache-arrow';
import { ArrowFitter } from '../../columnar/arrow-fit.ts';
import { toArrowTable } from '../../columnar/arrow-interop.ts';
import { encodeBatch } from '../../columnar/row-codec.ts';
import type { WritableFile } from '../file-system.ts';
import type { FinishedPartFile, PartFileWriter } from '../part-file.ts';

const batchRows = 16 * 1024;
/** The schema is that of the first rows of about so many bytes. */
const maxHeldBytes = 16 * 1024 * 1024;

export interface ArrowWriteOptions {
  /** `file` (default): the IPC file format, `.arrow`. `stream`: the IPC stream format, `.arrows`, which can be read while it arrives. */
  readonly ipc?: 'file' | 'stream' | undefined;
}

/**
 * Writes rows as an Arrow IPC file or stream. All batches of a file have one schema, so the first 16 MiB are held until it is known; what
 * follows is written batch by batch. Rows that the schema does not hold are handed back, for a file of their own.
 */
export class ArrowFileWriter implements PartFileWriter {
  readonly #file: WritableFile;
  readonly #ipc: 'file' | 'stream';
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #pending: unknown[] = [];
  #rest: unknown[] | undefined;
  #started: { readonly writer: RecordBatchWriter; readonly fitter: ArrowFitter } | undefined;

  constructor(file: WritableFile, { ipc = 'file' }: ArrowWriteOptions = {}) {
    this.#file = file;
    this.#ipc = ipc;
  }

  get isFull(): boolean {
    return this.#rest !== undefined;
  }

  get bufferedBytes(): number {
    return this.#heldBytes;
  }

  flush(): void {
    this.#encode();
    this.#start();
  }

  write(rows: readonly unknown[]): void {
    for (const row of rows) {
      this.#pending.push(row);
      if (this.#pending.length === batchRows) this.#encode();
    }
  }

  /** Without rows there are no columns, unlike in the files of other partitions. */
  finish(): FinishedPartFile | undefined {
    this.#encode();
    this.#start();
    if (this.#started === undefined) {
      this.#file.abort();
      return undefined;
    }
    this.#started.writer.close();
    const sizeBytes = this.#file.finish();
    return this.#rest === undefined ? { sizeBytes } : { sizeBytes, rest: this.#rest };
  }

  abort(): void {
    this.#file.abort();
  }

  #encode(): void {
    const rows = this.#pending;
    if (rows.length === 0) return;
    this.#pending = [];
    if (this.#rest !== undefined) {
      for (const row of rows) this.#rest.push(row);
      return;
    }
    const bytes = encodeBatch(rows, 0, rows.length, (byteLength) => new Uint8Array(byteLength));
    if (this.#started === undefined) {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > maxHeldBytes) this.#start();
      return;
    }
    const batch = this.#started.fitter.fit(toArrowTable([bytes]));
    if (batch === undefined) this.#rest = rows;
    else this.#started.writer.write(batch);
  }

  /** Writes what is held, in a schema for all of it. */
  #start(): void {
    if (this.#held.length === 0) return;
    const table = toArrowTable(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    const writer = this.#ipc === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
    writer.reset(new FileSink(this.#file), table.schema);
    for (const batch of table.batches) writer.write(batch);
    this.#started = { writer, fitter: new ArrowFitter(table) };
  }
}

/** Passes bytes on as they come. */
class FileSink extends AsyncByteQueue {
  readonly #file: WritableFile;

  constructor(file: WritableFile) {
    super();
    this.#file = file;
  }

  override write(bytes: ArrayBufferView): void {
    this.#file.write(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}
