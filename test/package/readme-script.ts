import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { blocksOf } from '../docs/blocks.ts';

const importLine = /^import \{ (.+) \} from 'millrace';$/m;

/** The script on README's first screen: the first ts block. */
export function readmeScript(): string {
  const script = blocksOf(readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8'), false)[0]?.code;
  if (script === undefined || !importLine.test(script))
    throw new Error('README.md starts with no script that imports millrace');
  return script;
}

/** The script with another line in place of its import, and a function around what awaits: CommonJS has no `await` outside. */
export function inFunction(script: string, load: 'import' | 'await import' | 'require'): string {
  const [importing = '', names = ''] = importLine.exec(script) ?? [];
  const head = load === 'import' ? importing : '';
  const loading = load === 'import' ? '' : `const { ${names} } = ${load}('millrace');`;
  return `${head}
(async () => {
${script.replace(importLine, loading)}
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
`;
}
