const ALIGNMENT = 64;
const FIRST_CHUNK = 16 * 1024;
const LARGEST_CHUNK = 4 * 1024 * 1024;

/**
 * Hands out pieces of shared memory, cut from chunks that double in size: few buffers for many batches, little waste for few.
 * Nothing is given back: a chunk lives as long as a block refers to it.
 */
export class ChunkAllocator {
  #chunk: SharedArrayBuffer | undefined;
  #used = 0;
  #next = FIRST_CHUNK;

  /** @returns `byteLength` zeroed bytes, aligned to 64 */
  readonly allocate = (byteLength: number): Uint8Array => {
    const padded = Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
    if (padded >= this.#next) return new Uint8Array(new SharedArrayBuffer(padded), 0, byteLength);
    if (this.#chunk === undefined || this.#used + padded > this.#chunk.byteLength) {
      this.#chunk = new SharedArrayBuffer(this.#next);
      this.#used = 0;
      this.#next = Math.min(this.#next * 2, LARGEST_CHUNK);
    }
    const piece = new Uint8Array(this.#chunk, this.#used, byteLength);
    this.#used += padded;
    return piece;
  };
}
