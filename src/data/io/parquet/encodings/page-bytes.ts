/** Bytes of one page after the other, in memory that is written over by the next: fresh memory for each would cost more than its bytes. */
export class PageBytes {
  bytes: Uint8Array = new Uint8Array(1 << 16);
  length = 0;

  /** What was added; it holds until `clear`. */
  get view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** Makes room for so many more bytes. @returns where they begin in `bytes` */
  reserve(size: number): number {
    const start = this.length;
    if (start + size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(start + size, this.bytes.length * 2));
      grown.set(this.view);
      this.bytes = grown;
    }
    this.length += size;
    return start;
  }

  add(bytes: Uint8Array): void {
    const start = this.reserve(bytes.length);
    this.bytes.set(bytes, start);
  }
}
