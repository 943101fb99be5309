import {
  type Data,
  DataType,
  type Dictionary,
  type Field,
  type Float64,
  type Int32,
  type List,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  type Table,
  type Utf8,
  Vector,
} from 'apache-arrow';
import { isSameField, layoutOf } from './arrow-data.ts';
import { decodeColumn } from './arrow-values.ts';
import { GrowingDictionary, utf8Data } from './growing-dictionary.ts';

/**
 * Brings batches into the schema of a table that was written before them, so that one file can hold all. Integers become floats, columns
 * that are missing or hold nothing are null, texts join the dictionary of their column.
 */
export class ArrowFitter {
  readonly #schema: Schema;
  readonly #written: ReadonlyMap<number, Vector>;
  readonly #dictionaries = new Map<number, GrowingDictionary>();

  constructor({ schema, batches }: Table) {
    this.#schema = schema;
    this.#written = batches[0]?.dictionaries ?? new Map();
  }

  /** @returns undefined where a column has values that its type does not hold */
  fit({ schema, batches, numRows: length }: Table): RecordBatch | undefined {
    const [batch] = batches;
    const { fields, metadata } = this.#schema;
    if (batch === undefined || String([...schema.metadata]) !== String([...metadata])) return undefined;
    const children = this.#fitChildren(batch.data.children, schema.fields, fields, length);
    if (children === undefined || [...this.#dictionaries.values()].some(({ isTooLarge }) => isTooLarge))
      return undefined;
    return new RecordBatch(this.#schema, makeData({ type: new Struct(fields), length, nullCount: 0, children }));
  }

  /** Columns by name. */
  #fitChildren(
    children: readonly Data[],
    from: readonly Field[],
    to: readonly Field[],
    length: number,
  ): Data[] | undefined {
    if (from.some(({ name }) => !to.some((field) => field.name === name))) return undefined;
    const fitted = to.map((field) => {
      const index = from.findIndex(({ name }) => name === field.name);
      const [data, own] = [children[index], from[index]];
      return data === undefined || own === undefined ? this.#nothing(field.type, length) : this.#fit(data, own, field);
    });
    return allOf(fitted);
  }

  #fit(data: Data, from: Field, to: Field): Data | undefined {
    const { length, nullCount, nullBitmap } = data;
    const { type } = to;
    if (DataType.isNull(from.type)) return this.#nothing(type, length);
    if (layoutOf(from) !== layoutOf(to) || data.offset !== 0) return undefined;
    const rows = { length, nullCount, nullBitmap };
    if (isTextDictionary(type)) return this.#coded(data, type);
    if (DataType.isUtf8(type) && isTextDictionary(from.type))
      return utf8Data(decodeColumn(new Vector([data])), nullCount, nullBitmap);
    if (DataType.isFloat(type) && DataType.isInt(from.type) && from.type.bitWidth === 32)
      return makeData({ type: type as Float64, ...rows, data: Float64Array.from(data.values as Int32Array) });
    if (type.typeId !== from.type.typeId) return undefined;
    if (DataType.isStruct(type)) {
      const children = this.#fitChildren(data.children, from.type.children, type.children, length);
      return children && makeData({ type, ...rows, children });
    }
    if (DataType.isList(type) || DataType.isMap(type)) {
      const [item, own, wanted] = [data.children[0], from.type.children[0], type.children[0]];
      const child = item && own && wanted && this.#fit(item, own, wanted);
      const { valueOffsets } = data as Data<List>;
      return child && makeData({ type: type as List, ...rows, valueOffsets, child });
    }
    return isSameField(from, to) && !DataType.isDictionary(type) ? data : undefined;
  }

  /** Texts by their place in the dictionary of a type. */
  #coded(data: Data, type: Dictionary<Utf8, Int32>): Data | undefined {
    const { length, nullCount, nullBitmap } = data;
    const dictionary = this.#dictionaryOf(type);
    if (dictionary === undefined) return undefined;
    const codes = new Int32Array(length);
    if (isTextDictionary(data.type)) {
      const own = decodeColumn(data.dictionary as Vector) as readonly string[];
      const used = new Map<number, number>();
      for (const [row, code] of (data.values as Int32Array).subarray(0, length).entries()) {
        const text = own[code];
        if (text === undefined) continue;
        let known = used.get(code);
        if (known === undefined) {
          known = dictionary.codeOf(text);
          used.set(code, known);
        }
        codes[row] = known;
      }
    } else if (DataType.isUtf8(data.type)) {
      for (const [row, text] of decodeColumn(new Vector([data])).entries())
        if (typeof text === 'string') codes[row] = dictionary.codeOf(text);
    } else return undefined;
    return makeData({ type, length, nullCount, nullBitmap, data: codes, dictionary: dictionary.grown() });
  }

  #dictionaryOf(type: Dictionary): GrowingDictionary | undefined {
    const known = this.#dictionaries.get(type.id);
    const written = this.#written.get(type.id);
    if (known !== undefined || written === undefined) return known;
    const dictionary = new GrowingDictionary(written);
    this.#dictionaries.set(type.id, dictionary);
    return dictionary;
  }

  /** Null in every row; undefined for unions, which have no null of their own. */
  #nothing(type: DataType, length: number): Data | undefined {
    const rows = { length, nullCount: length, nullBitmap: new Uint8Array((length + 7) >> 3) };
    if (DataType.isNull(type)) return makeData({ type, length });
    if (DataType.isUnion(type)) return undefined;
    if (DataType.isStruct(type)) {
      const children = allOf(type.children.map((field) => this.#nothing(field.type, length)));
      return children && makeData({ type, ...rows, children });
    }
    const valueOffsets = new Int32Array(length + 1);
    if (DataType.isList(type) || DataType.isMap(type)) {
      const item = type.children[0]?.type;
      const child = item && this.#nothing(item, 0);
      return child && makeData({ type: type as List, ...rows, valueOffsets, child });
    }
    if (DataType.isUtf8(type)) return makeData({ type, ...rows, valueOffsets, data: new Uint8Array() });
    if (DataType.isBinary(type)) return makeData({ type, ...rows, valueOffsets, data: new Uint8Array() });
    if (DataType.isDictionary(type)) {
      const dictionary = this.#dictionaryOf(type)?.grown();
      return dictionary && makeData({ type, ...rows, data: new Int32Array(length), dictionary });
    }
    // Eight bytes are enough for a value of any type that is left.
    return makeData({ type: type as Float64, ...rows, data: new Float64Array(length) });
  }
}

function allOf(data: readonly (Data | undefined)[]): Data[] | undefined {
  const found = data.filter((one) => one !== undefined);
  return found.length === data.length ? found : undefined;
}

function isTextDictionary(type: DataType): type is Dictionary<Utf8, Int32> {
  return DataType.isDictionary(type) && DataType.isUtf8(type.dictionary);
}
