import type { RandomAccessFile } from '../file-system.ts';
import type { IoTicket } from './io-bridge.ts';

/** Large enough for the full speed of one connection, small enough that the first rows come soon. */
const blockBytes = 4 * 1024 * 1024;
/** Blocks that are fetched at once, or wait to be read: this bounds the memory of an open file to 32 MiB. */
const maxBlocks = 8;

interface Block {
  readonly from: number;
  readonly to: number;
  ticket?: IoTicket<Uint8Array>;
  bytes?: Uint8Array;
}

/**
 * Ranged reads of a remote file. What was announced by `willRead` is fetched ahead in blocks, several at a time;
 * anything else is fetched when it is read, exactly as many bytes as were asked for.
 */
export class RemoteReadFile implements RandomAccessFile {
  readonly uri: string;
  readonly sizeBytes: number;
  readonly #fetch: (from: number, to: number) => IoTicket<Uint8Array>;
  /** Announced and not yet read to their end, in the order they were announced. */
  #blocks: Block[] = [];

  constructor(uri: string, sizeBytes: number, fetch: (from: number, to: number) => IoTicket<Uint8Array>) {
    this.uri = uri;
    this.sizeBytes = sizeBytes;
    this.#fetch = fetch;
  }

  willRead(position: number, length: number): void {
    const end = Math.min(position + length, this.sizeBytes);
    for (let from = position; from < end; from += blockBytes)
      this.#blocks.push({ from, to: Math.min(from + blockBytes, end) });
    this.#fetchAhead();
  }

  readInto(target: Uint8Array, position: number): number {
    const wanted = Math.min(target.length, this.sizeBytes - position);
    let read = 0;
    while (read < wanted) {
      const at = position + read;
      const block = this.#blocks.find(({ from, to }) => from <= at && at < to);
      const next = block ?? { from: at, to: this.#endOfGap(at, position + wanted) };
      next.ticket ??= this.#fetch(next.from, next.to);
      next.bytes ??= next.ticket.wait();
      const bytes = next.bytes.subarray(at - next.from, at - next.from + wanted - read);
      target.set(bytes, read);
      read += bytes.length;
      if (block !== undefined && at + bytes.length === block.to) {
        this.#blocks = this.#blocks.filter((other) => other !== block);
        this.#fetchAhead();
      }
    }
    return read;
  }

  /** Every request carries the version that was opened, so each read is the check. */
  checkUnchanged(): void {}

  close(): void {
    for (const { ticket, bytes } of this.#blocks) if (bytes === undefined) ticket?.forget();
    this.#blocks = [];
  }

  #fetchAhead(): void {
    for (const block of this.#blocks.slice(0, maxBlocks)) block.ticket ??= this.#fetch(block.from, block.to);
  }

  /** Where the next announced block begins, or `end`. */
  #endOfGap(at: number, end: number): number {
    return this.#blocks.reduce((least, { from }) => (from > at ? Math.min(least, from) : least), end);
  }
}
