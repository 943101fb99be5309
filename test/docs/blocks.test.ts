import { describe, expect, it } from 'vitest';
import { blocksOf, moduleOf, printedForm, printsOf } from './blocks.ts';

describe('blocksOf', () => {
  it('finds the ts blocks of a page and the lines they start at', () => {
    const page = 'Text\n\n```ts\nconst a = 1;\n```\n\n```sh\nnpm ci\n```\n```ts\nb();\n\nc();\n```\n';
    expect(blocksOf(page, false)).toEqual([
      { line: 4, code: 'const a = 1;' },
      { line: 11, code: 'b();\n\nc();' },
    ]);
  });

  it('takes the blocks of doc comments without their margin and leaves code alone', () => {
    const source = '/**\n * ```ts\n * if (a) {\n *   b();\n * }\n * ```\n */\nconst fence = `\n```ts\n`;\n';
    expect(blocksOf(source, true)).toEqual([{ line: 3, code: 'if (a) {\n  b();\n}' }]);
  });

  it('refuses a block that is never closed', () => {
    expect(() => blocksOf('```ts\na();\n', false)).toThrow('line 2');
  });
});

describe('moduleOf', () => {
  it('keeps line numbers', () => {
    expect(moduleOf({ line: 4, code: 'a();' }).split('\n').indexOf('a();')).toBe(3);
  });

  it('gives a context to a block that uses one without making it', () => {
    const given = "import { sc } from '../test/docs/given.ts';";
    expect(moduleOf({ line: 2, code: 'sc.range(9);' })).toBe(`${given}\nsc.range(9);\n`);
    expect(moduleOf({ line: 2, code: 'await using sc = await create();' })).not.toContain('import');
  });

  it('hears what is printed, and at which line', () => {
    const block = { line: 7, code: 'const a = 1;\nconsole.log(a, "b"); // 1 b\nconsole.log(a);' };
    expect(moduleOf(block)).toContain('\nconst a = 1;\nprint(8, a, "b"); // 1 b\nprint(9, a);\n');
    expect(printsOf(block)).toEqual([{ line: 8, text: '1 b' }]);
  });
});

describe('printedForm', () => {
  it('is the same for what Node prints and what a person writes', () => {
    expect(printedForm("Map(1) { 'a' => [ 1, 2 ] }")).toBe(printedForm("Map { 'a' => [1, 2] }"));
    expect(printedForm('[ 1, 2 ]')).not.toBe(printedForm('[ 1, 3 ]'));
  });
});
