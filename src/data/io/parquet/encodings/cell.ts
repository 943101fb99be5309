/** How 64-bit integers and instants become JS values, decided once a column. */
export interface CellOptions {
  readonly int64: 'number' | 'bigint';
  readonly timestamps: 'auto' | 'date' | 'text' | 'bigint';
}

/** The JS value of one slot. */
export type Cell = (slot: number) => unknown;

/** The JS values of the slots start to end; null where there is none. */
export type CellReader = (start: number, end: number) => unknown[];

/** A value that cannot be given as the options ask. Who knows the file and the column says so. */
export class CellError extends Error {
  override readonly name: string = 'CellError';
  readonly slot: number;

  constructor(message: string, slot: number) {
    super(message);
    this.slot = slot;
  }
}

/** `cell` for every slot that has a value. `present[slot]` is 1 where it has one; absent means all have. */
export function withNulls(cell: Cell, present: Uint8Array | undefined): CellReader {
  if (present === undefined)
    return (start, end) => {
      const cells = new Array<unknown>(end - start);
      for (let slot = start; slot < end; slot++) cells[slot - start] = cell(slot);
      return cells;
    };
  return (start, end) => {
    const cells = new Array<unknown>(end - start);
    for (let slot = start; slot < end; slot++) cells[slot - start] = present[slot] === 1 ? cell(slot) : null;
    return cells;
  };
}
