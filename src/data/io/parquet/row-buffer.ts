import { MillraceError } from '../../../base/errors.ts';
import { describeValue, isPlainObject } from './describe-value.ts';
import { type AppendProperties, propertyAppender } from './property.ts';
import { estimateBytes } from './row-size.ts';

const blockRows = 1024;

/**
 * Rows taken apart into columns as they come, block by block: later, each column would have to fetch every row from memory
 * again, which takes longer than all else that is done to a value.
 */
export class RowBuffer {
  readonly names: string[] = [];
  /** Of `#capacity` values each, `#numRows` of them in use: arrays that stay of one kind are written fastest. */
  readonly #columns: unknown[][] = [];
  readonly #hasFixedNames: boolean;
  readonly #what: string | undefined;
  #append: AppendProperties;
  readonly #capacity: number;
  #numRows = 0;
  #sizeBytes = 0;
  /** The properties of the row before, which most often are those of the next. */
  #keys: readonly string[] = [];

  /**
   * @param names the columns that rows may have; any where it is undefined
   * @param capacity how many rows there are at most before `clear`
   * @param what how messages call a row; its number, where this is undefined
   */
  constructor(names: readonly string[] | undefined, capacity: number, what?: string) {
    this.#what = what;
    this.#capacity = capacity;
    this.#hasFixedNames = names !== undefined;
    for (const name of names ?? []) this.#addColumn(name);
    this.#append = propertyAppender(this.names);
  }

  get numRows(): number {
    return this.#numRows;
  }

  /** About how many bytes the rows take in a file. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Takes rows[start..end). `firstRow` is the number of the first row of this buffer, for messages. */
  append(rows: readonly unknown[], start: number, end: number, firstRow: number): void {
    for (let from = start; from < end; from += blockRows) {
      const to = Math.min(from + blockRows, end);
      this.#checkProperties(rows, from, to, firstRow);
      this.#append(rows, from, to, this.#columns, this.#numRows);
      this.#numRows += to - from;
      this.#sizeBytes += estimateBytes(rows, from, to);
    }
  }

  /** The values of a column, one a row. They are written over by the rows that come after `clear`. */
  column(name: string): readonly unknown[] {
    const column = this.#columns[this.names.indexOf(name)];
    if (column === undefined) return emptyColumn(this.#numRows);
    return this.#numRows === this.#capacity ? column : column.slice(0, this.#numRows);
  }

  clear(): void {
    this.#numRows = 0;
    this.#sizeBytes = 0;
  }

  #checkProperties(rows: readonly unknown[], start: number, end: number, firstRow: number): void {
    for (let index = start; index < end; index++) {
      const row = rows[index];
      const rowNumber = firstRow + this.#numRows + index - start;
      if (!isPlainObject(row)) throw notAnObject(row, rowNumber);
      const keys = Object.keys(row);
      if (areSame(keys, this.#keys)) continue;
      const unknown = keys.filter((key) => !this.names.includes(key));
      if (this.#hasFixedNames) {
        const extra = unknown.find((key) => row[key] !== undefined);
        if (extra !== undefined) throw noSuchColumn(this.#what ?? `row ${rowNumber}`, extra, this.names);
        if (unknown.length > 0) continue;
      } else if (unknown.length > 0) {
        for (const name of unknown) this.#addColumn(name);
        this.#append = propertyAppender(this.names);
      }
      this.#keys = keys;
    }
  }

  #addColumn(name: string): void {
    this.names.push(name);
    this.#columns.push(emptyColumn(this.#capacity));
  }
}

/** What the schema has no column for would be lost, so it is refused. */
function noSuchColumn(where: string, property: string, names: readonly string[]): MillraceError {
  return new MillraceError(
    'MR_SCHEMA',
    `${where} has a property "${property}", which is no column of the schema (${names.join(', ')}). Leave it out, or give a schema that has it.`,
    { details: { field: property } },
  );
}

function notAnObject(row: unknown, index: number): MillraceError {
  return new MillraceError(
    'MR_SCHEMA',
    `row ${index} is ${describeValue(row)}, and Parquet needs objects with a property a column. Map rows to objects first, such as ([key, value]) => ({ key, value }).`,
    { details: { row: index } },
  );
}

function emptyColumn(length: number): unknown[] {
  return new Array<unknown>(length).fill(undefined);
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
