import { MillraceError } from '../../base/errors.ts';

/** Turns rows into the text of one part file. Made per file; `columns` once they are known. */
export interface RowEncoder {
  /** The text of these rows, each ended by \n. `firstRow` is the number of rows before them, for errors. */
  encode(rows: readonly unknown[], firstRow: number): string;
  /** csv: the columns of the file; undefined while no row came. */
  readonly columns?: readonly string[] | undefined;
}

/** Each row as `String(row)`, as Spark writes its toString. Objects that would all read [object Object] are refused. */
export class TextRowEncoder implements RowEncoder {
  encode(rows: readonly unknown[], firstRow: number): string {
    let text = '';
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      const line = typeof row === 'string' ? row : lineOf(row, firstRow + index);
      text += `${line}\n`;
    }
    return text;
  }
}

function lineOf(row: unknown, index: number): string {
  const line = String(row);
  if (typeof row === 'object' && line.includes('[object '))
    throw new MillraceError(
      'MR_SCHEMA',
      `row ${index} of the partition is an object, which as text would be "${line.slice(0, 60)}". Map rows to strings first, or save them with saveAsJsonLines.`,
    );
  return line;
}
