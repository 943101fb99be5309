/** One table of a flatbuffer, read without its generated code: fields are found through the table's vtable. */
export class FlatbufferTable {
  readonly #bytes: Buffer;
  readonly #table: number;
  readonly #vtable: number;

  /** The root table of a buffer. @throws {RangeError} for offsets that lead out of it */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#table = bytes.readUInt32LE(0);
    this.#vtable = this.#table - bytes.readInt32LE(this.#table);
  }

  uint8(field: number): number {
    const at = this.#position(field);
    return at === undefined ? 0 : this.#bytes.readUInt8(at);
  }

  int64(field: number): number {
    const at = this.#position(field);
    return at === undefined ? 0 : Number(this.#bytes.readBigInt64LE(at));
  }

  /** The bytes of each element of a vector of structs. */
  structs(field: number, structBytes: number): readonly Buffer[] {
    const at = this.#position(field);
    if (at === undefined) return [];
    const vector = at + this.#bytes.readUInt32LE(at);
    const length = this.#bytes.readUInt32LE(vector);
    if (vector + 4 + length * structBytes > this.#bytes.length)
      throw new RangeError('a vector is longer than its buffer');
    return Array.from({ length }, (_, index) => {
      const start = vector + 4 + index * structBytes;
      return this.#bytes.subarray(start, start + structBytes);
    });
  }

  /** A copy of the buffer in which the root table has not these fields. */
  without(...fields: readonly number[]): Buffer {
    const copy = Buffer.from(this.#bytes);
    for (const field of fields) if (this.#position(field) !== undefined) copy.writeUInt16LE(0, this.#slot(field));
    return copy;
  }

  #slot(field: number): number {
    return this.#vtable + 4 + 2 * field;
  }

  #position(field: number): number | undefined {
    if (this.#slot(field) >= this.#vtable + this.#bytes.readUInt16LE(this.#vtable)) return undefined;
    const offset = this.#bytes.readUInt16LE(this.#slot(field));
    return offset === 0 ? undefined : this.#table + offset;
  }
}
