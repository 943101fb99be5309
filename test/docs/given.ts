// What a block of the documentation may use without making it.
import { inspect } from 'node:util';
import { MillraceContext } from 'millrace';

export const sc: MillraceContext = await MillraceContext.create({
  appName: 'documentation',
  workers: 2,
  progress: false,
});

/** What the blocks printed since the list was emptied, by line. */
export const printed: { readonly line: number; readonly text: string }[] = [];

/** Stands for console.log. */
export function print(line: number, ...values: unknown[]): void {
  const text = values.map((value) => inspect(value, { depth: Infinity, breakLength: Infinity, maxArrayLength: null }));
  printed.push({ line, text: text.join(' ') });
}
