// npm run bench [-- engine | jobs | parquet | text] [--smoke] [--only name] [--runs n] [--s3]
//
// Every scenario with every contender, each in a process of its own, taking turns. A whole part writes its section of
// bench/RESULTS.md; --smoke runs all of it over little data, to see that it works and that all contenders agree. --only is
// one scenario of the part, or of the engine when none is named. --s3 adds to parquet the scenarios on S3: those of the
// server that S3_ENDPOINT and the AWS variables name, or of one that is started.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { environment, writeSection } from './harness/report.ts';
import type { BenchSettings, PartReport } from './harness/run-scenarios.ts';
import { runJobBench } from './jobs/run-jobs.ts';
import { runParquetBench } from './parquet/run-parquet.ts';
import { runEngineBench } from './run-engine.ts';
import { runTextFormatsBench } from './text-formats/run-text-formats.ts';

interface Part {
  readonly title: string;
  readonly run: (settings: BenchSettings) => Promise<PartReport>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string', default: '5' },
    s3: { type: 'boolean', default: false },
  },
});
const parts: Readonly<Record<string, Part>> = {
  engine: { title: 'The engine', run: runEngineBench },
  jobs: { title: 'Jobs', run: runJobBench },
  parquet: { title: 'Parquet', run: (settings) => runParquetBench(settings, values.s3) },
  text: { title: 'CSV and JSON lines', run: runTextFormatsBench },
};
const [chosen = values.only === undefined ? undefined : 'engine'] = positionals;
if (chosen !== undefined && parts[chosen] === undefined)
  throw new Error(`The part must be one of ${Object.keys(parts).join(', ')}, got "${chosen}".`);
const runs = values.smoke ? 1 : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1)
  throw new Error(`--runs must be an integer of at least 1, got "${values.runs}".`);

const missed: string[] = [];
for (const [name, { title, run }] of Object.entries(parts)) {
  if ((chosen ?? name) !== name) continue;
  const { sections, verdicts } = await run({ isSmoke: values.smoke, runs, only: values.only });
  if (sections.length === 0) throw new Error(`${name} has no scenario "${values.only}".`);
  missed.push(...verdicts.filter(({ holds }) => !holds).map(({ text }) => text));
  if (values.smoke || values.only !== undefined) continue;
  const command = `npm run bench -- ${name} --runs ${runs}${name === 'parquet' && values.s3 ? ' --s3' : ''}`;
  const how = `\`${command}\`, ${environment()} Load average of 5 minutes: ${loadavg()[1]?.toFixed(1)}.`;
  writeSection(name, `## ${title}\n\n${how}\n\n${sections.join('\n')}`);
}
if (values.smoke) console.log('All contenders agree.');
if (missed.length > 0) {
  console.error(`missed:\n${missed.join('\n')}`);
  process.exitCode = 1;
}
