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

/** The same script for CommonJS, where millrace is imported dynamically and `await` needs a function around it. */
export function asCommonJs(script: string): string {
  const body = script.replace(importLine, "const { $1 } = await import('millrace');");
  return `(async () => {\n${body}\n})().catch((error) => {\n  console.error(error);\n  process.exitCode = 1;\n});\n`;
}
