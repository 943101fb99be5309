import { describe, expect, it } from 'vitest';
import { blocksOf, moduleOf } from './blocks.ts';

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
    expect(moduleOf({ line: 2, code: 'sc.range(9);' })).toContain('declare const sc');
    expect(moduleOf({ line: 2, code: 'await using sc = await create();' })).not.toContain('declare const sc');
  });
});
