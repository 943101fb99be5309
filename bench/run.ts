// npm run bench [-- engine | jobs] [--smoke] [--only name] [--runs n]
//
// Every scenario with every contender, each in a process of its own, taking turns. Makes the data and the native program
// when they are missing. A whole run writes its section of bench/RESULTS.md; --smoke runs all of it over little data, to
// see that it works and that all contenders agree.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment, judge, list, scenarioSection, type Verdict, writeSection } from './harness/report.ts';
import { measure } from './harness/scenario.ts';
import { runJobBench } from './jobs/run-jobs.ts';
import { measureLargerThanMemory } from './larger-than-memory.ts';
import { type Inputs, scenarios } from './scenarios.ts';
import { measureSmallActions } from './small-actions.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string', default: '5' },
  },
});
const [part] = positionals;
if (part !== undefined && part !== 'engine' && part !== 'jobs')
  throw new Error(`The part must be engine or jobs, got "${part}".`);
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

/** Runs what was asked for; gives the Markdown of each part and the bars that were missed. */
async function runAll(): Promise<{ sections: string[]; missed: string[] }> {
  const withoutData = ['small actions', 'larger than memory'];
  const all = withoutData.includes(values.only ?? '') ? [] : scenarios(prepare());
  const names = [...all.map(({ name }) => name), ...withoutData];
  if (values.only !== undefined && !names.includes(values.only))
    throw new Error(`--only must be one of ${names.join(', ')}, got "${values.only}".`);
  const sections: string[] = [];
  const missed: string[] = [];
  const add = (section: string, verdicts: readonly Verdict[]): void => {
    console.log(section);
    sections.push(section);
    missed.push(...verdicts.filter(({ holds }) => !holds).map(({ text }) => text));
  };
  for (const scenario of all.filter(({ name }) => (values.only ?? name) === name)) {
    const results = await measure(scenario, runs);
    const verdicts = values.smoke ? [] : judge(scenario.bars, results);
    add(scenarioSection(scenario, results, verdicts), verdicts);
  }
  if ((values.only ?? 'small actions') === 'small actions') {
    const verdicts = await measureSmallActions(values.smoke ? 1 : 200);
    if (!values.smoke) add(`### small actions\n\n${list(verdicts)}`, verdicts);
  }
  if ((values.only ?? 'larger than memory') === 'larger than memory') {
    const { section, verdicts } = measureLargerThanMemory(values.smoke ? 10_000 : 1_000_000);
    if (!values.smoke) add(`${section}\n${list(verdicts)}`, verdicts);
  }
  return { sections, missed };
}

const missed: string[] = [];
if (part !== 'jobs') {
  const engine = await runAll();
  missed.push(...engine.missed);
  if (!values.smoke && values.only === undefined)
    writeSection('engine', `## The engine\n\n${environment()}\n\n${engine.sections.join('\n')}`);
}
if (part !== 'engine' && values.only === undefined) {
  const jobs = await runJobBench(values.smoke, runs);
  if (!values.smoke) {
    missed.push(...jobs.verdicts.filter(({ holds }) => !holds).map(({ text }) => text));
    const how = `\`npm run bench -- jobs --runs ${runs}\`, ${environment()} Load average of 5 minutes: ${loadavg()[1]?.toFixed(1)}.`;
    writeSection('jobs', `## Jobs\n\n${how}\n\n${jobs.sections.join('\n')}`);
  }
}
if (values.smoke) console.log('All contenders agree.');
if (missed.length > 0) {
  console.error(`missed:\n${missed.join('\n')}`);
  process.exitCode = 1;
}
