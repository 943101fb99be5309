import { ParquetFormatError } from './parquet-format-error.ts';

/**
 * The part of Thrift's compact protocol that Parquet uses: structs, lists, varints, binary and booleans.
 * A struct is a table of fields, which serves reading and writing; unknown fields are skipped, as the format asks.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export interface ThriftCodec<T> {
  readonly wire: number;
  read(input: CompactReader): T;
  write(output: CompactWriter, value: T): void;
}

interface ThriftField<T> {
  readonly id: number;
  readonly codec: ThriftCodec<T>;
  readonly isRequired: boolean;
}

type ThriftFields<T> = { readonly [K in keyof T]-?: ThriftField<NonNullable<T[K]>> };

const wire = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
};
const maxDepth = 64;

/** A cursor over encoded bytes; every read checks the end, so corrupt bytes end in a ParquetFormatError and nowhere else. */
export class CompactReader {
  readonly bytes: Uint8Array;
  position: number;
  #depth = 0;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const value = this.bytes[this.position];
    if (value === undefined) throw new ParquetFormatError('the metadata ends in the middle of a value', this.position);
    this.position++;
    return value;
  }

  /** An unsigned varint of up to 53 bits; larger values have no place in Parquet's metadata. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER)
          throw new ParquetFormatError(`the metadata holds a number beyond 2^53`, this.position);
        return value;
      }
      scale *= 128;
    }
    throw new ParquetFormatError('the metadata holds a number of more than 64 bits', this.position);
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  binary(): Uint8Array {
    const length = this.varint();
    const end = this.position + length;
    if (end > this.bytes.length)
      throw new ParquetFormatError(
        `the metadata holds a value of ${length} bytes that runs past its end`,
        this.position,
      );
    const value = this.bytes.subarray(this.position, end);
    this.position = end;
    return value;
  }

  /** The header of a list: how many elements follow, and their wire type. Every element takes at least a byte. */
  listHeader(): { readonly size: number; readonly elementWire: number } {
    const header = this.byte();
    const size = header >> 4 === 15 ? this.varint() : header >> 4;
    if (size > this.bytes.length - this.position)
      throw new ParquetFormatError(
        `the metadata holds a list of ${size} elements that runs past its end`,
        this.position,
      );
    return { size, elementWire: header & 15 };
  }

  /** Calls `onField` for each field of a struct; it must consume the value and say so, or it is skipped. */
  fields(onField: (id: number, wireType: number) => boolean): void {
    if (++this.#depth > maxDepth) throw new ParquetFormatError('the metadata is nested too deeply', this.position);
    let id = 0;
    for (;;) {
      const header = this.byte();
      if (header === 0) break;
      id = header >> 4 === 0 ? this.zigzag() : id + (header >> 4);
      if (!onField(id, header & 15)) this.skip(header & 15);
    }
    this.#depth--;
  }

  skip(wireType: number): void {
    switch (wireType) {
      case wire.true:
      case wire.false:
        return;
      case wire.byte:
        this.byte();
        return;
      case wire.i16:
      case wire.i32:
      case wire.i64:
        for (let count = 0; this.byte() >= 0x80; count++)
          if (count > 9)
            throw new ParquetFormatError('the metadata holds a number of more than 64 bits', this.position);
        return;
      case wire.double:
        for (let index = 0; index < 8; index++) this.byte();
        return;
      case wire.binary:
        this.binary();
        return;
      case wire.list:
      case wire.set: {
        const { size, elementWire } = this.listHeader();
        for (let index = 0; index < size; index++) this.#skipElement(elementWire);
        return;
      }
      case wire.map: {
        const size = this.varint();
        const types = size === 0 ? 0 : this.byte();
        for (let index = 0; index < size; index++) {
          this.#skipElement(types >> 4);
          this.#skipElement(types & 15);
        }
        return;
      }
      case wire.struct:
        this.fields(() => false);
        return;
      default:
        throw new ParquetFormatError(`the metadata holds a value of the unknown type ${wireType}`, this.position);
    }
  }

  /** In a list a boolean is a byte of its own. */
  #skipElement(wireType: number): void {
    if (wireType === wire.true || wireType === wire.false) this.byte();
    else if (wireType === wire.list || wireType === wire.set || wireType === wire.map) this.#skipNested(wireType);
    else this.skip(wireType);
  }

  #skipNested(wireType: number): void {
    if (++this.#depth > maxDepth) throw new ParquetFormatError('the metadata is nested too deeply', this.position);
    this.skip(wireType);
    this.#depth--;
  }
}

/** Encoded bytes, growing. */
export class CompactWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  zigzag(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  binary(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** What was written so far; valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

export const bool: ThriftCodec<boolean> = {
  wire: wire.true,
  read: (input) => input.byte() === 1,
  write: (output, value) => output.byte(value ? 1 : 2),
};

export const i8: ThriftCodec<number> = {
  wire: wire.byte,
  read: (input) => (input.byte() << 24) >> 24,
  write: (output, value) => output.byte(value & 0xff),
};

const integer = (wireType: number): ThriftCodec<number> => ({
  wire: wireType,
  read: (input) => input.zigzag(),
  write: (output, value) => output.zigzag(value),
});
export const i16: ThriftCodec<number> = integer(wire.i16);
export const i32: ThriftCodec<number> = integer(wire.i32);
/** Counts and offsets; beyond 2^53 is an error. */
export const i64: ThriftCodec<number> = integer(wire.i64);

export const binary: ThriftCodec<Uint8Array> = {
  wire: wire.binary,
  read: (input) => input.binary(),
  write: (output, value) => output.binary(value),
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();
export const string: ThriftCodec<string> = {
  wire: wire.binary,
  read: (input) => decoder.decode(input.binary()),
  write: (output, value) => output.binary(encoder.encode(value)),
};

export function list<T>(element: ThriftCodec<T>): ThriftCodec<readonly T[]> {
  return {
    wire: wire.list,
    read: (input) => {
      const { size, elementWire } = input.listHeader();
      if (size > 0 && !isReadable(elementWire, element.wire))
        throw new ParquetFormatError(`the metadata holds a list of the wrong type`, input.position);
      const values: T[] = [];
      for (let index = 0; index < size; index++) values.push(element.read(input));
      return values;
    },
    write: (output, values) => {
      if (values.length < 15) output.byte((values.length << 4) | element.wire);
      else {
        output.byte(0xf0 | element.wire);
        output.varint(values.length);
      }
      for (const value of values) element.write(output, value);
    },
  };
}

export function required<T>(id: number, codec: ThriftCodec<T>): ThriftField<T> {
  return { id, codec, isRequired: true };
}

export function optional<T>(id: number, codec: ThriftCodec<T>): ThriftField<T> {
  return { id, codec, isRequired: false };
}

/** A struct, or a union (a struct of which one field is set). Field ids must ascend in the table. */
export function struct<T extends object>(name: string, fields: ThriftFields<T>): ThriftCodec<T> {
  const entries = Object.entries(fields) as [string, ThriftField<unknown>][];
  const byId = new Map(entries.map(([key, field]) => [field.id, { key, field }]));
  const requiredKeys = entries.filter(([, field]) => field.isRequired).map(([key]) => key);
  return {
    wire: wire.struct,
    read: (input) => {
      const value: Record<string, unknown> = {};
      input.fields((id, wireType) => {
        const known = byId.get(id);
        if (known === undefined) return false;
        // A field of another type than ours is one that somebody else gave the number to.
        if (!isReadable(wireType, known.field.codec.wire)) return false;
        value[known.key] = known.field.codec === bool ? wireType === wire.true : known.field.codec.read(input);
        return true;
      });
      for (const key of requiredKeys)
        if (!(key in value)) throw new ParquetFormatError(`${name}.${key} is missing in the metadata`, input.position);
      return value as T;
    },
    write: (output, value) => {
      let last = 0;
      for (const [key, { id, codec }] of entries) {
        const fieldValue = (value as Record<string, unknown>)[key];
        if (fieldValue === undefined) continue;
        const wireType = codec === bool ? (fieldValue === true ? wire.true : wire.false) : codec.wire;
        if (id - last > 0 && id - last < 16) output.byte(((id - last) << 4) | wireType);
        else {
          output.byte(wireType);
          output.zigzag(id);
        }
        last = id;
        if (codec !== bool) codec.write(output, fieldValue);
      }
      output.byte(0);
    },
  };
}

/** Integers of every width are the same bytes; true and false are both booleans. */
function isReadable(found: number, expected: number): boolean {
  if (found === expected) return true;
  if (expected === wire.true) return found === wire.false;
  const isVarint = (type: number): boolean => type >= wire.i16 && type <= wire.i64;
  return isVarint(found) && isVarint(expected);
}
