import { encodeBatch } from '../../data/columnar/row-codec.ts';
import type { Block } from '../protocol/block.ts';
import { BlockFileWriter } from './block-file.ts';
import { ChunkAllocator } from './chunk-allocator.ts';

/** Rows a batch at most: enough to make the columns' headers small beside their values. */
export const BATCH_ROWS = 8192;

/** Collects rows into one block, in shared memory or (given a path) in a file. */
export class BlockWriter {
  readonly #file: BlockFileWriter | undefined;
  readonly #allocator = new ChunkAllocator();
  readonly #batches: Uint8Array[] = [];
  #pending: unknown[] = [];
  #rows = 0;
  #sizeBytes = 0;

  constructor(path?: string) {
    this.#file = path === undefined ? undefined : new BlockFileWriter(path);
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
    if (this.#pending.length >= BATCH_ROWS) this.#flush();
  }

  finish(): Block {
    this.#flush();
    const counts = { rows: this.#rows, sizeBytes: this.#sizeBytes };
    if (this.#file === undefined) return { kind: 'memory', batches: this.#batches, ...counts };
    this.#file.close();
    return { kind: 'disk', path: this.#file.path, batches: this.#file.extents, ...counts };
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#encode(this.#pending);
    this.#pending = [];
  }

  #encode(rows: readonly unknown[]): void {
    const bytes = encodeBatch(rows, 0, rows.length, this.#allocator.allocate);
    if (this.#file === undefined) this.#batches.push(bytes);
    else this.#file.append(bytes);
    this.#rows += rows.length;
    this.#sizeBytes += bytes.length;
  }
}
