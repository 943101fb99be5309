import { encodeBatch } from '../../data/columnar/row-codec.ts';
import type { Block } from '../protocol/block.ts';
import type { BlockFileWriter } from './block-file.ts';
import { ChunkAllocator } from './chunk-allocator.ts';
import { batchBytes } from './memory-gauge.ts';

/** Rows a batch at most: enough to make the columns' headers small beside their values. */
export const BATCH_ROWS = 8192;
/** About how large a batch may grow where rows are large. */
const BATCH_BYTES = 4 * 2 ** 20;

export interface BlockWriterSettings {
  /** Memory the block may take; beyond it, the whole block goes to a file. */
  readonly memoryBytes: number;
  readonly newFile: () => BlockFileWriter;
}

/** Collects rows into one block, in shared memory or, when it grows too large for that, in a file. */
export class BlockWriter {
  readonly #settings: BlockWriterSettings | undefined;
  readonly #allocator = new ChunkAllocator();
  #file: BlockFileWriter | undefined;
  #batches: Uint8Array[] = [];
  #pending: unknown[] = [];
  #pendingBytes = 0;
  #rows = 0;
  #sizeBytes = 0;

  /** @param settings when the block may go to a file; left out, it stays in memory */
  constructor(settings?: BlockWriterSettings) {
    this.#settings = settings;
  }

  get rows(): number {
    return this.#rows + this.#pending.length;
  }

  write(rows: readonly unknown[]): void {
    if (this.#pending.length === 0 && rows.length >= BATCH_ROWS) {
      this.#encode(rows);
      return;
    }
    for (const row of rows) this.#pending.push(row);
    this.#pendingBytes += batchBytes(rows);
    if (this.#pending.length >= BATCH_ROWS || this.#pendingBytes >= BATCH_BYTES) this.#flush();
  }

  finish(): Block {
    this.#flush();
    if (this.#settings?.memoryBytes === 0) this.#toFile(this.#settings);
    const counts = { rows: this.#rows, sizeBytes: this.#sizeBytes };
    if (this.#file === undefined) return { kind: 'memory', batches: this.#batches, ...counts };
    this.#file.close();
    return { kind: 'disk', path: this.#file.path, batches: this.#file.extents, ...counts };
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#encode(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #encode(rows: readonly unknown[]): void {
    const bytes = encodeBatch(rows, 0, rows.length, this.#allocator.allocate);
    this.#batches.push(bytes);
    this.#rows += rows.length;
    this.#sizeBytes += bytes.length;
    if (this.#settings !== undefined && this.#sizeBytes > this.#settings.memoryBytes) this.#toFile(this.#settings);
  }

  #toFile(settings: BlockWriterSettings): void {
    this.#file ??= settings.newFile();
    for (const batch of this.#batches) this.#file.append(batch);
    this.#batches = [];
  }
}
