// npm run bench [-- --smoke] [--only name] [--runs n]
//
// Every scenario with every contender, each in a process of its own, taking turns. Makes the data and the native program
// when they are missing. A whole run writes its section of bench/RESULTS.md; --smoke runs all of it over little data, to
// see that it works and that all contenders agree.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment, judge, table, writeSection } from './harness/report.ts';
import { measure } from './harness/scenario.ts';
import { type Inputs, scenarios } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string', default: '5' },
  },
});
const runs = values.smoke ? 1 : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1)
  throw new Error(`--runs must be an integer of at least 1, got "${values.runs}".`);

/** Sizes of the data: what issue and report speak of, or next to nothing. */
const size = values.smoke
  ? { folder: 'bench/data/smoke', words: '1mb', sales: 20_000 }
  : { folder: 'bench/data', words: '300mb', sales: 10_000_000 };

function sh(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'inherit' });
}

function prepare(): Inputs {
  const words = join(size.folder, 'words.txt');
  const salesCsv = join(size.folder, 'sales.csv');
  const generate = ['dist-bench/generate-data.js', '--out', size.folder];
  if (!existsSync(words)) sh(process.execPath, ...generate, '--kind', 'words', '--size', size.words);
  if (!existsSync(salesCsv)) sh(process.execPath, ...generate, '--kind', 'sales', '--rows', String(size.sales));
  if (!existsSync('bench/skale/node_modules')) sh('npm', 'ci', '--prefix', 'bench/skale', '--ignore-scripts');
  sh('make', '-s', '-C', 'native-bench');
  return { words, salesCsv, sales: size.sales, wordCount: countWordsIn(words) };
}

/** Words between blanks and newlines: where a byte above a blank follows one that is not. */
function countWordsIn(path: string): number {
  let words = 0;
  let previous = 0;
  for (const byte of readFileSync(path)) {
    if (byte > 32 && previous <= 32) words++;
    previous = byte;
  }
  return words;
}

const inputs = prepare();
const chosen = scenarios(inputs).filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) throw new Error(`--only: no scenario "${values.only}"`);
const sections: string[] = [];
const missed: string[] = [];
for (const scenario of chosen) {
  const results = await measure(scenario, runs);
  const section = table(scenario, results);
  console.log(section);
  sections.push(section);
  missed.push(
    ...judge(scenario.bars, results)
      .filter(({ holds }) => !holds)
      .map(({ text }) => text),
  );
}
if (values.smoke) console.log(`${chosen.length} scenarios, all contenders agree`);
else if (values.only === undefined) {
  writeSection('engine', `## The engine\n\n${environment()}\n\n${sections.join('\n')}`);
  if (missed.length > 0) process.exitCode = 1;
}
