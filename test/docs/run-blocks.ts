// npm run docs:check: runs the examples of the public API, each in a new folder with the files of samples.ts; a line that says what it
// prints must print that. What they print is not shown.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { publicFiles } from './api-groups.ts';
import { type Block, blocksOf, printedForm, printsOf } from './blocks.ts';
import { writeSamples } from './samples.ts';

const compiled = resolve('dist-docs/js');
// The module that the blocks themselves import, so that there is one context.
const given = join(compiled, 'test/docs/given.js');
if (!existsSync(given)) throw new Error('run tsc -p test/docs first');
const { sc, printed } = (await import(pathToFileURL(given).href)) as typeof import('./given.ts');
const root = mkdtempSync(join(realpathSync(tmpdir()), 'millrace-docs-'));

/** What is wrong with a block, or undefined. */
async function complaint(file: string, block: Block, number: number): Promise<string | undefined> {
  const folder = join(root, `${number}`);
  cpSync(samples, folder, { recursive: true });
  process.chdir(folder);
  printed.length = 0;
  const name = `${file.replaceAll('/', '--')}.line-${block.line}.js`;
  try {
    await import(pathToFileURL(join(compiled, 'dist-docs', name)).href);
  } catch (error) {
    return `${file}:${block.line} failed: ${error instanceof Error ? error.stack : String(error)}`;
  } finally {
    sc.clearJobGroup();
  }
  for (const { line, text } of printsOf(block)) {
    const shown = printed.filter((print) => print.line === line).map((print) => print.text);
    if (printedForm(shown.join(', ')) !== printedForm(text))
      return `${file}:${line} says that it prints\n  ${text}\nbut it prints\n  ${shown.join(', ')}`;
  }
  return undefined;
}

const samples = join(root, 'samples');
mkdirSync(samples);
await writeSamples(samples, sc);
const begun = performance.now();
const home = process.cwd();
let count = 0;
for (const file of publicFiles()) {
  for (const block of blocksOf(readFileSync(join(home, file), 'utf8'), true)) {
    const wrong = await complaint(file, block, count++);
    if (wrong === undefined) continue;
    process.stderr.write(`${wrong}\n`);
    process.exitCode = 1;
  }
}
process.chdir(home);
await sc.stop();
rmSync(root, { recursive: true, force: true });
process.stdout.write(`${count} examples ran in ${Math.round(performance.now() - begun)} ms\n`);
