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

/** How a block's first line imports what it uses without making it: the context and what hears its prints. */
const givenFrom = '../test/docs/given.ts';

/**
 * A block as a module of its own. One that uses `sc` without making it is given a context, so that a page need not repeat
 * how to make one; what it prints with console.log goes to a list that {@link printsOf} is compared with; and its lines keep
 * the numbers that they have in the file it came from.
 */
export function moduleOf(block: Block): string {
  const given: string[] = [];
  if (/\bsc\b/.test(block.code) && !/\b(?:const|let|using)\s+sc\b/.test(block.code)) given.push('sc');
  let code = block.code;
  if (/\bconsole\.log\(/.test(code)) {
    given.push('print');
    const lines = code.split('\n');
    code = lines.map((line, i) => line.replace(/\bconsole\.log\(/, `print(${block.line + i}, `)).join('\n');
  }
  const names = given.length === 0 ? '' : `import { ${given.join(', ')} } from '${givenFrom}';`;
  return `${'\n'.repeat(block.line - 2)}${names}\n${code}\n`;
}

/** What a line of a block says that it prints: the comment after `console.log(...);`, unless it begins with "about". */
export function printsOf(block: Block): { readonly line: number; readonly text: string }[] {
  return block.code.split('\n').flatMap((line, i) => {
    const text = /\bconsole\.log\(.*\);(?: \})? \/\/ (.*)$/.exec(line)?.[1];
    return text === undefined || text.startsWith('about ') ? [] : [{ line: block.line + i, text }];
  });
}

/** Printed text without what a person leaves out: white space, and the sizes in `Map(2)`. */
export function printedForm(text: string): string {
  return text.replace(/\b(Map|Set|\w+Array)\(\d+\)/g, '$1').replaceAll(/\s/g, '');
}
