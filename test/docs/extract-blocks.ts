// npm run docs:check: every ts block of README.md, docs/ and the doc comments in src becomes a module in dist-docs/.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blocksOf, moduleOf } from './blocks.ts';

const below = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));
// docs/api.md repeats the doc comments.
const files = ['README.md', ...below('docs'), ...below('src')].filter(
  (file) => /\.(?:md|ts)$/.test(file) && file !== 'docs/api.md',
);

rmSync('dist-docs', { recursive: true, force: true });
mkdirSync('dist-docs');
let count = 0;
for (const file of files) {
  for (const block of blocksOf(readFileSync(file, 'utf8'), file.endsWith('.ts'))) {
    writeFileSync(join('dist-docs', `${file.replaceAll('/', '--')}.line-${block.line}.ts`), moduleOf(block));
    count++;
  }
}
if (count === 0) throw new Error('no ts block found: run this in the folder of package.json');
process.stdout.write(`${count} ts blocks in ${files.length} files\n`);
