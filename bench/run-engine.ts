import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { list, type Verdict } from './harness/report.ts';
import { type BenchSettings, type PartReport, runScenarios } from './harness/run-scenarios.ts';
import { measureLargerThanMemory } from './larger-than-memory.ts';
import { type Inputs, scenarios } from './scenarios.ts';
import { measureSmallActions } from './small-actions.ts';

const withoutData = ['small actions', 'larger than memory'];

/** The engine beside plain JS, skale and C++. Makes the data and the native program when they are missing. */
export async function runEngineBench(settings: BenchSettings): Promise<PartReport> {
  const { isSmoke, only } = settings;
  const all = withoutData.includes(only ?? '') ? [] : scenarios(prepare(isSmoke));
  const { sections, verdicts } = await runScenarios(
    all.map((scenario) => ({ scenario })),
    settings,
  );
  const report = { sections: [...sections], verdicts: [...verdicts] };
  const add = (section: string, judged: readonly Verdict[]): void => {
    report.sections.push(section);
    if (isSmoke) return;
    console.log(section);
    report.verdicts.push(...judged);
  };
  if ((only ?? 'small actions') === 'small actions') {
    const judged = await measureSmallActions(isSmoke ? 1 : 200);
    add(`### small actions\n\n${list(judged)}`, judged);
  }
  if ((only ?? 'larger than memory') === 'larger than memory') {
    const { section, verdicts: judged } = measureLargerThanMemory(isSmoke ? 10_000 : 1_000_000);
    add(`${section}\n${list(judged)}`, judged);
  }
  return report;
}

function sh(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'inherit' });
}

/** Sizes of the data: what issue and report speak of, or next to nothing. */
function prepare(isSmoke: boolean): Inputs {
  const size = isSmoke
    ? { folder: 'bench/data/smoke', words: '1mb', sales: 20_000 }
    : { folder: 'bench/data', words: '300mb', sales: 10_000_000 };
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
