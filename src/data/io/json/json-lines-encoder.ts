import { MillraceError } from '../../../base/errors.ts';
import type { RowEncoder } from '../row-encoder.ts';

export interface JsonLinesOutputOptions {
  /** NaN and infinities, which JSON does not know: fail (default) with MR_SCHEMA, or write null. */
  readonly nonFinite?: 'fail' | 'null' | undefined;
}

/**
 * `JSON.stringify` of each row. A bigint is written as an integer, which `jsonLines` reads as a bigint again when it is
 * beyond 2**53. What JSON would drop or distort without a word is refused: NaN, functions, symbols, Map, Set, bytes.
 */
export class JsonLinesEncoder implements RowEncoder {
  readonly #allowsNonFinite: boolean;
  #sawBigInt = false;

  constructor(options: JsonLinesOutputOptions) {
    this.#allowsNonFinite = options.nonFinite === 'null';
  }

  encode(rows: readonly unknown[], firstRow: number): string {
    let text = '';
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      this.#sawBigInt = false;
      const problem = row === undefined ? 'undefined' : this.#problem(row, '', 0);
      if (problem !== undefined)
        throw new MillraceError(
          'MR_SCHEMA',
          `jsonLines: row ${firstRow + index} of the partition holds ${problem}, which JSON has no form for. Map it to something that JSON has${problem.startsWith('NaN') || problem.includes('Infinity') ? ", or pass nonFinite: 'null'" : ''}.`,
        );
      text += `${this.#sawBigInt ? stringifyWithBigInts(row) : JSON.stringify(row)}\n`;
    }
    return text;
  }

  /** What is wrong with a value, and where, or undefined. A value with toJSON speaks for itself. */
  #problem(value: unknown, path: string, depth: number): string | undefined {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return undefined;
      case 'undefined':
        return undefined; // A property is left out, as the object had none; in an array it is null.
      case 'number':
        return Number.isFinite(value) || this.#allowsNonFinite ? undefined : `${value}${at(path)}`;
      case 'bigint':
        this.#sawBigInt = true;
        return undefined;
      case 'function':
      case 'symbol':
        return `a ${typeof value}${at(path)}`;
      case 'object':
        break;
    }
    if (value === null) return undefined;
    if (depth > maxDepth) return `a cycle, or more than ${maxDepth} levels of nesting,${at(path.slice(0, 60))}`;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        const problem = this.#problem(value[index], `${path}[${index}]`, depth + 1);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
      return value instanceof Date && Number.isNaN(value.getTime()) ? `an invalid Date${at(path)}` : undefined;
    if (
      value instanceof Map ||
      value instanceof Set ||
      ArrayBuffer.isView(value) ||
      value instanceof ArrayBuffer ||
      value instanceof RegExp
    )
      return `a ${value.constructor.name}${at(path)}`;
    for (const key in value) {
      const problem = this.#problem(
        (value as Record<string, unknown>)[key],
        path === '' ? key : `${path}.${key}`,
        depth + 1,
      );
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

const maxDepth = 500;

function at(path: string): string {
  return path === '' ? '' : ` at ${path}`;
}

/** The digits go in as a string with a mark that the text does not contain, and lose mark and quotes afterwards. */
function stringifyWithBigInts(row: unknown): string {
  let mark = '#bigint#';
  const text = (): string =>
    JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? `${mark}${value}` : value));
  const numMarks = (json: string): number => json.split(mark).length - 1;
  let numBigInts = 0;
  JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(numBigInts++) : value));
  let json = text();
  while (numMarks(json) > numBigInts) {
    mark += '#';
    json = text();
  }
  return json.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1');
}
