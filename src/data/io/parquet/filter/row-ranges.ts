/** Rows of a row group from `start` to before `end`. Lists of them are sorted and do not touch. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

export function intersectRanges(a: readonly RowRange[], b: readonly RowRange[]): readonly RowRange[] {
  const result: RowRange[] = [];
  let next = 0;
  for (const range of a) {
    for (; (b[next]?.end ?? Number.POSITIVE_INFINITY) <= range.start; next++);
    for (let index = next; index < b.length; index++) {
      const other = b[index];
      if (other === undefined || other.start >= range.end) break;
      result.push({ start: Math.max(range.start, other.start), end: Math.min(range.end, other.end) });
    }
  }
  return result;
}

/** Neighbours that touch as one. */
export function joinRanges(ranges: readonly RowRange[]): readonly RowRange[] {
  const joined: RowRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && last.end >= range.start)
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else joined.push(range);
  }
  return joined;
}

export function overlaps(ranges: readonly RowRange[], start: number, end: number): boolean {
  return ranges.some((range) => range.start < end && range.end > start);
}

export function countRows(ranges: readonly RowRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
