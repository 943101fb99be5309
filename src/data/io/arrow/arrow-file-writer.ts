import { tableToIPC } from 'apache-arrow';
import { toArrowTable } from '../../columnar/arrow-interop.ts';
import { encodeBatch } from '../../columnar/row-codec.ts';
import type { WritableFile } from '../file-system.ts';
import type { PartFileWriter } from '../part-file.ts';

const batchRows = 16 * 1024;

export interface ArrowWriteOptions {
  /** `file` (default): the IPC file format, `.arrow`. `stream`: the IPC stream format, `.arrows`, which can be read while it arrives. */
  readonly ipc?: 'file' | 'stream' | undefined;
}

/**
 * Writes rows as an Arrow IPC file or stream. All batches of a file have one schema, which is known when the last row is: the
 * encoded columns of a partition are held in memory until then.
 */
export class ArrowFileWriter implements PartFileWriter {
  readonly #file: WritableFile;
  readonly #ipc: 'file' | 'stream';
  readonly #batches: Uint8Array[] = [];
  #pending: unknown[] = [];

  constructor(file: WritableFile, { ipc = 'file' }: ArrowWriteOptions = {}) {
    this.#file = file;
    this.#ipc = ipc;
  }

  write(rows: readonly unknown[]): void {
    for (const row of rows) {
      this.#pending.push(row);
      if (this.#pending.length === batchRows) this.#encode();
    }
  }

  /** Without rows there are no columns, unlike in the files of other partitions. */
  finish(): { readonly sizeBytes: number } | undefined {
    this.#encode();
    if (this.#batches.length === 0) {
      this.#file.abort();
      return undefined;
    }
    this.#file.write(tableToIPC(toArrowTable(this.#batches), this.#ipc));
    return { sizeBytes: this.#file.finish() };
  }

  abort(): void {
    this.#file.abort();
  }

  #encode(): void {
    if (this.#pending.length === 0) return;
    this.#batches.push(encodeBatch(this.#pending, 0, this.#pending.length, (byteLength) => new Uint8Array(byteLength)));
    this.#pending = [];
  }
}
