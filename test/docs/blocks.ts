export interface Block {
  /** The line of the file, from 1, that holds the block's first line. */
  readonly line: number;
  readonly code: string;
}

const fence = /^\s*(?:\*\s?)?```(.*)$/;
const commentMargin = /^\s*\* ?/;

/**
 * The `ts` blocks of a Markdown file, or of the doc comments of a TypeScript file, without their margin.
 *
 * @throws {Error} naming the line, if a block is never closed
 */
export function blocksOf(text: string, isSource: boolean): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (isSource && !commentMargin.test(line)) continue;
    const info = fence.exec(line)?.[1];
    if (open === undefined) {
      if (info !== undefined) open = { info: info.trim(), line: index + 2, lines: [] };
    } else if (info === undefined) {
      open.lines.push(isSource ? line.replace(commentMargin, '') : line);
    } else {
      if (open.info === 'ts') blocks.push({ line: open.line, code: open.lines.join('\n') });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the block that opens above line ${open.line} is never closed`);
  return blocks;
}

/**
 * A block as a module of its own. One that uses `sc` without making it is given a context, so that a page need not repeat
 * how to make one; and its lines keep the numbers that they have in the file it came from.
 */
export function moduleOf(block: Block): string {
  const givesContext = /\bsc\b/.test(block.code) && !/\b(?:const|let|using)\s+sc\b/.test(block.code);
  const prelude = givesContext ? "declare const sc: import('millrace').MillraceContext; " : '';
  return `${'\n'.repeat(block.line - 2)}${prelude}\n${block.code}\n`;
}
