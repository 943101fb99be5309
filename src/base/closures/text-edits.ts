import type { TextRange } from './analyze-class.ts';

/** A replacement of a range of a text. */
export interface TextEdit extends TextRange {
  readonly by: string;
}

/**
 * Applies edits that do not overlap. A replacement shorter than its range is filled with spaces and keeps the line
 * breaks of what it replaces, so that every later position of the text stays where stack traces expect it.
 */
export function editText(text: string, edits: readonly TextEdit[]): string {
  let result = text;
  for (const { start, end, by } of edits.toSorted((a, b) => b.start - a.start)) {
    const blank = text.slice(start, end).replace(/[^\n\r]/g, ' ');
    result = result.slice(0, start) + by + blank.slice(Math.min(by.length, blank.length)) + result.slice(end);
  }
  return result;
}
