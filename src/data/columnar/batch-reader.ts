import { openBatch } from './batch-frame.ts';
import type {
  BinaryLayout,
  DateLayout,
  DictionaryLayout,
  Layout,
  ListLayout,
  NullLayout,
  OpaqueLayout,
  PrimitiveLayout,
  RecordLayout,
  StructLayout,
  TupleLayout,
  UnionLayout,
  Utf8Layout,
  Utf16Layout,
} from './layout.ts';

/** Bits of the rows that have a value (set: neither null nor undefined), and of those that are undefined; absent when `layout.nulls` needs none. */
export interface Validity {
  readonly validity?: Uint8Array;
  readonly undefinedBits?: Uint8Array;
}

/** Columns as views of a batch's memory: nothing is copied, nothing may be written. Lengths and meaning stand in `layout`. */
export type Vector =
  | { readonly kind: 'null' | 'undefined'; readonly layout: NullLayout }
  | ({ readonly kind: 'boolean'; readonly layout: PrimitiveLayout; readonly values: Uint8Array } & Validity)
  | ({ readonly kind: 'int32'; readonly layout: PrimitiveLayout; readonly values: Int32Array } & Validity)
  | ({ readonly kind: 'float64'; readonly layout: PrimitiveLayout; readonly values: Float64Array } & Validity)
  | ({ readonly kind: 'int64'; readonly layout: PrimitiveLayout; readonly values: BigInt64Array } & Validity)
  /** values: the int64 milliseconds as int32 halves, low half first, 2 a row; see `timeAt`. */
  | ({ readonly kind: 'date'; readonly layout: DateLayout; readonly values: Int32Array } & Validity)
  | ({ readonly kind: 'utf8'; readonly layout: Utf8Layout } & Bytes & Validity)
  | ({ readonly kind: 'utf16'; readonly layout: Utf16Layout } & Bytes & Validity)
  | ({ readonly kind: 'binary'; readonly layout: BinaryLayout } & Bytes & Validity)
  | ({ readonly kind: 'opaque'; readonly layout: OpaqueLayout } & Bytes & Validity)
  | ({
      readonly kind: 'dictionary';
      readonly layout: DictionaryLayout;
      readonly values: Int32Array;
      readonly children: readonly [Vector];
    } & Validity)
  | ({ readonly kind: 'tuple'; readonly layout: TupleLayout; readonly children: readonly Vector[] } & Validity)
  | ({
      readonly kind: 'struct';
      readonly layout: StructLayout;
      readonly shapeIds?: Uint8Array;
      readonly children: readonly Vector[];
    } & Validity)
  | ({
      readonly kind: 'list';
      readonly layout: ListLayout;
      readonly offsets: Int32Array;
      readonly children: readonly [Vector];
    } & Validity)
  | ({
      readonly kind: 'record';
      readonly layout: RecordLayout;
      readonly offsets: Int32Array;
      readonly children: readonly [Vector, Vector];
    } & Validity)
  | {
      readonly kind: 'union';
      readonly layout: UnionLayout;
      readonly typeIds: Int8Array;
      readonly offsets: Int32Array;
      readonly children: readonly Vector[];
    };

/** offsets: length rows + 1, into `bytes`. */
export interface Bytes {
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
}

class BufferCursor {
  readonly #buffers: readonly Uint8Array[];
  #next = 0;

  constructor(buffers: readonly Uint8Array[]) {
    this.#buffers = buffers;
  }

  bytes(): Uint8Array {
    return this.#buffers[this.#next++]!;
  }

  int32(): Int32Array {
    const bytes = this.bytes();
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }

  float64(): Float64Array {
    const bytes = this.bytes();
    return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
  }

  int64(): BigInt64Array {
    const bytes = this.bytes();
    return new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
  }

  int8(): Int8Array {
    const bytes = this.bytes();
    return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  validity(layout: Layout): Validity {
    if (!('nulls' in layout) || layout.nulls === 'none') return {};
    if (layout.nulls !== 'both') return { validity: this.bytes() };
    return { validity: this.bytes(), undefinedBits: this.bytes() };
  }
}

/** Mirrors the encoders: own buffers first (validity before values), then the children's. */
function readVector(layout: Layout, buffers: BufferCursor): Vector {
  const validity = buffers.validity(layout);
  switch (layout.kind) {
    case 'null':
    case 'undefined':
      return { kind: layout.kind, layout };
    case 'boolean':
      return { kind: layout.kind, layout, ...validity, values: buffers.bytes() };
    case 'int32':
      return { kind: layout.kind, layout, ...validity, values: buffers.int32() };
    case 'float64':
      return { kind: layout.kind, layout, ...validity, values: buffers.float64() };
    case 'int64':
      return { kind: layout.kind, layout, ...validity, values: buffers.int64() };
    case 'date':
      return { kind: layout.kind, layout, ...validity, values: buffers.int32() };
    case 'utf8':
      return { kind: layout.kind, layout, ...validity, offsets: buffers.int32(), bytes: buffers.bytes() };
    case 'utf16':
      return { kind: layout.kind, layout, ...validity, offsets: buffers.int32(), bytes: buffers.bytes() };
    case 'binary':
      return { kind: layout.kind, layout, ...validity, offsets: buffers.int32(), bytes: buffers.bytes() };
    case 'opaque':
      return { kind: layout.kind, layout, ...validity, offsets: buffers.int32(), bytes: buffers.bytes() };
    case 'dictionary': {
      const values = buffers.int32();
      return { kind: layout.kind, layout, ...validity, values, children: [readVector(layout.children[0], buffers)] };
    }
    case 'tuple':
      return {
        kind: layout.kind,
        layout,
        ...validity,
        children: layout.children.map((child) => readVector(child, buffers)),
      };
    case 'struct': {
      const shapes = layout.shapes === undefined ? {} : { shapeIds: buffers.bytes() };
      const children = layout.children.map((child) => readVector(child, buffers));
      return { kind: layout.kind, layout, ...validity, ...shapes, children };
    }
    case 'list': {
      const offsets = buffers.int32();
      return { kind: layout.kind, layout, ...validity, offsets, children: [readVector(layout.children[0], buffers)] };
    }
    case 'record': {
      const offsets = buffers.int32();
      const names = readVector(layout.children[0], buffers);
      return {
        kind: layout.kind,
        layout,
        ...validity,
        offsets,
        children: [names, readVector(layout.children[1], buffers)],
      };
    }
    case 'union': {
      const typeIds = buffers.int8();
      const offsets = buffers.int32();
      return {
        kind: layout.kind,
        layout,
        typeIds,
        offsets,
        children: layout.children.map((child) => readVector(child, buffers)),
      };
    }
  }
}

/** The rows of a batch as one vector: a struct for objects, a tuple for arrays of one length, else a plain column. */
export function readBatch(bytes: Uint8Array): Vector {
  const { layout, buffers } = openBatch(bytes);
  return readVector(layout, new BufferCursor(buffers));
}
