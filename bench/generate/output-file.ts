import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** A file that appears under its name only when it is whole. Text is collected and written in pieces of 1 MiB. */
export class OutputFile {
  readonly path: string;
  readonly #file: number;
  readonly #buffer = Buffer.allocUnsafe(1 << 20);
  #used = 0;
  #written = 0;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(`${path}.partial`, 'w');
  }

  get sizeBytes(): number {
    return this.#written + this.#used;
  }

  /** Appends `text`, which must be Latin-1 of at most 64 KiB. */
  write(text: string): void {
    if (this.#used + text.length > this.#buffer.length) this.#flush();
    this.#used += this.#buffer.write(text, this.#used, 'latin1');
  }

  /** Appends `bytes`, at most 64 KiB. */
  writeBytes(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#buffer.length) this.#flush();
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
    renameSync(`${this.path}.partial`, this.path);
  }

  #flush(): void {
    for (let from = 0; from < this.#used; ) from += writeSync(this.#file, this.#buffer, from, this.#used - from);
    this.#written += this.#used;
    this.#used = 0;
  }
}
