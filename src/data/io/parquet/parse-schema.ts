import { MillraceError } from '../../../base/errors.ts';
import type { ParquetField, ParquetSchema, ParquetType, TimeUnit } from './schema.ts';

/** A schema in short: `{ id: 'int64', price: 'decimal(12,2)', tags: 'list<string>' }`; ` not null` behind a type forbids null. */
export type SchemaText = Readonly<Record<string, string>>;

/** The schema that a user gives, in full or in short, checked. */
export function parseSchema(schema: ParquetSchema | SchemaText): ParquetSchema {
  const fields = Array.isArray(schema.fields)
    ? (schema.fields as readonly ParquetField[])
    : Object.entries(schema as SchemaText).map(([name, text]) => new TypeParser(name, text).field(name));
  const names = new Set<string>();
  for (const { name } of fields) {
    if (names.has(name)) throw new MillraceError('MR_OPTION_INVALID', `the schema has two columns "${name}".`);
    names.add(name);
  }
  return { fields };
}

/** Reads what `describeType` writes. */
class TypeParser {
  readonly #column: string;
  readonly #text: string;
  #position = 0;

  constructor(column: string, text: string) {
    this.#column = column;
    this.#text = text;
  }

  /** The whole text as the type of a field. */
  field(name: string): ParquetField {
    const field = this.#field(name);
    if (this.#position < this.#text.length) throw this.#unexpected();
    return field;
  }

  #field(name: string): ParquetField {
    const type = this.#type();
    const isRequired = this.#take(/\s+not\s+null\b\s*/iy) !== undefined;
    return { name, type, isNullable: !isRequired };
  }

  #type(): ParquetType {
    const word = this.#take(/\s*([a-z]+)(\d*)/iy);
    if (word === undefined) throw this.#unexpected();
    const [, name = '', digits = ''] = word;
    const type = this.#simple(name.toLowerCase(), digits) ?? this.#nested(name.toLowerCase());
    if (type === undefined) {
      this.#position -= name.length + digits.length;
      throw this.#unexpected();
    }
    return type;
  }

  #simple(name: string, digits: string): ParquetType | undefined {
    const bits = Number(digits);
    if ((name === 'int' || name === 'uint') && [8, 16, 32, 64].includes(bits))
      return { kind: 'int', bits: bits as 8 | 16 | 32 | 64, isSigned: name === 'int' };
    if (name === 'float' && [16, 32, 64].includes(bits)) return { kind: 'float', bits: bits as 16 | 32 | 64 };
    if (digits !== '') return undefined;
    switch (name) {
      case 'boolean':
      case 'date':
      case 'string':
      case 'enum':
      case 'json':
      case 'uuid':
      case 'binary':
      case 'bson':
      case 'interval':
      case 'null':
        return { kind: name };
      case 'double':
        return { kind: 'float', bits: 64 };
      case 'decimal':
        return this.#decimal();
      case 'fixed':
        return { kind: 'fixed', length: Number(this.#expect(/\s*\(\s*(\d{1,9})\s*\)/y)[1]) };
      case 'time':
      case 'timestamp': {
        const [, unit = 'ms', local] = this.#take(/\s*\(\s*(ms|us|ns)\s*(,\s*local\s*)?\)/iy) ?? [];
        return { kind: name, unit: unit.toLowerCase() as TimeUnit, isUtc: local === undefined };
      }
      default:
        return undefined;
    }
  }

  #decimal(): ParquetType {
    const [, precision, scale = '0'] = this.#expect(/\s*\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)/y);
    const type = { kind: 'decimal', precision: Number(precision), scale: Number(scale) } as const;
    if (type.precision < 1 || type.precision > 76 || type.scale > type.precision) throw this.#unexpected();
    return type;
  }

  #nested(name: string): ParquetType | undefined {
    if (name !== 'list' && name !== 'map' && name !== 'struct') return undefined;
    this.#expect(/\s*</y);
    const type = name === 'list' ? this.#list() : name === 'map' ? this.#map() : this.#struct();
    this.#expect(/\s*>/y);
    return type;
  }

  #list(): ParquetType {
    return { kind: 'list', element: this.#field('element') };
  }

  #map(): ParquetType {
    const key = { ...this.#field('key'), isNullable: false };
    this.#expect(/\s*,/y);
    return { kind: 'map', key, value: this.#field('value') };
  }

  #struct(): ParquetType {
    const fields: ParquetField[] = [];
    do {
      const [, name = ''] = this.#expect(/\s*([^:<>,]+?)\s*:/y);
      fields.push(this.#field(name));
    } while (this.#take(/\s*,/y) !== undefined);
    return { kind: 'struct', fields };
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match;
  }

  #expect(pattern: RegExp): RegExpExecArray {
    const match = this.#take(pattern);
    if (match === undefined) throw this.#unexpected();
    return match;
  }

  #unexpected(): MillraceError {
    const at = this.#position;
    return new MillraceError(
      'MR_OPTION_INVALID',
      `schema, column ${this.#column}: "${this.#text}" is no type from "${this.#text.slice(at)}" on. Types are such as ` +
        'int64, uint8, float64, decimal(12,2), boolean, string, date, timestamp(us), time(us), uuid, json, binary, fixed(16), list<string>, map<string, int64>, struct<a: int32, b: string>.',
      { details: { column: this.#column, type: this.#text } },
    );
  }
}
