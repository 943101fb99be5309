import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { OutputFile } from '../generate/output-file.ts';
import { writeSalesCsv } from '../generate/sales.ts';
import type { ContenderPlan } from '../harness/contender.ts';
import { list, type Verdict, verdict } from '../harness/report.ts';
import { type BenchSettings, type JudgedScenario, type PartReport, runScenarios } from '../harness/run-scenarios.ts';
import type { Measurement } from '../harness/scenario.ts';
import { measureLaunches, median } from './launches.ts';
import { firstCommitAfterKill, memoryOf } from './processes.ts';

/** How much of everything: what the bars speak of, or next to nothing. */
interface Sizes {
  readonly rows: number;
  readonly commits: number;
  readonly items: number;
  readonly csvBytes: number;
  readonly csvRows: number;
  readonly held: number;
  readonly steps: number;
  readonly digests: number;
  readonly launches: number;
}

const full: Sizes = {
  rows: 1_000_000,
  commits: 30_000,
  items: 5_000_000,
  csvBytes: 300 * 2 ** 20,
  csvRows: 1_000_000,
  held: 10_000_000,
  steps: 5000,
  digests: 20_000,
  launches: 200,
};
const little: Sizes = {
  rows: 2000,
  commits: 200,
  items: 5000,
  csvBytes: 2 ** 20,
  csvRows: 4000,
  held: 150_000,
  steps: 50,
  digests: 200,
  launches: 10,
};

/** Runs all bars of the batch layer. */
export async function runJobBench(settings: BenchSettings): Promise<PartReport> {
  const { isSmoke, runs, only } = settings;
  const sizes = isSmoke ? little : full;
  const folder = isSmoke ? 'bench/data/smoke/jobs' : 'bench/data/jobs';
  mkdirSync(folder, { recursive: true });
  const { sections, verdicts } = await runScenarios(scenarios(sizes, folder), settings);
  if (only !== undefined) return { sections, verdicts };
  const single = await singleBars(sizes, folder, runs);
  if (isSmoke) return { sections, verdicts };
  const section = `### launches, a kill and memory\n\n${list(single)}`;
  console.log(section);
  return { sections: [...sections, section], verdicts: [...verdicts, ...single] };
}

function program(name: string, what: string, input: string | number, folder: string): ContenderPlan {
  return { name: what, command: process.execPath, args: ['dist-bench/jobs/program.js', name, String(input), folder] };
}

/** A CSV file of sales, made when it is missing. */
function sales(folder: string, until: { readonly sizeBytes?: number; readonly rows?: number }): string {
  const path = join(folder, 'sales.csv');
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const file = new OutputFile(path);
  writeSalesCsv(file, { sizeBytes: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY, ...until });
  file.close();
  return path;
}

function rate(results: readonly Measurement[], name: string, count: number, atLeast: number, unit: string): Verdict {
  const { medianMs = Number.NaN } = results.find((result) => result.name === name) ?? {};
  const perSecond = Math.round((count / medianMs) * 1000);
  const [got, bar] = [perSecond.toLocaleString('en-US'), atLeast.toLocaleString('en-US')];
  return verdict(perSecond >= atLeast, `${name}: ${got} ${unit}/s (bar: ${bar})`);
}

function scenarios(sizes: Sizes, folder: string): JudgedScenario[] {
  const csv = sales(join(folder, 'large'), { sizeBytes: sizes.csvBytes });
  return [
    {
      scenario: {
        name: 'rows into a table of the repository',
        description: `SQLite, synchronous NORMAL, chunks of 100. The loops read the same rows and commit the same chunks with libsql and prepared statements, one row or a hundred a statement; they store no counts and no checkpoint.`,
        rows: sizes.rows,
        bytes: 0,
        contenders: [
          program('table', 'job', sizes.rows, folder),
          program('plain-single', 'loop, a row a statement', sizes.rows, folder),
          program('plain-many', 'loop, 100 rows a statement', sizes.rows, folder),
        ],
        bars: [
          { faster: 'job', slower: 'loop, a row a statement', atLeast: 1 / 1.5 },
          { faster: 'job', slower: 'loop, 100 rows a statement', atLeast: 1 / 1.5 },
        ],
      },
    },
    {
      scenario: {
        name: 'commits',
        description: 'Numbers into a writer that does nothing, a commit an item.',
        rows: sizes.commits,
        bytes: 0,
        contenders: [program('noop-1', 'chunk 1', sizes.commits, folder)],
        bars: [],
      },
      limits: (results) => [rate(results, 'chunk 1', sizes.commits, 6000, 'commits')],
    },
    {
      scenario: {
        name: 'items',
        description: 'The same, a commit for a thousand items.',
        rows: sizes.items,
        bytes: 0,
        contenders: [program('noop-1000', 'chunk 1000', sizes.items, folder)],
        bars: [],
      },
      limits: (results) => [rate(results, 'chunk 1000', sizes.items, 800_000, 'items')],
    },
    {
      scenario: {
        name: 'CSV to JSON lines',
        description: `Seven columns. The job commits a thousand rows at a time, each durable before its commit, and publishes the file at its end; the script pipes csv-parse 7 into a file.`,
        rows: 0,
        bytes: statSync(csv).size,
        contenders: [program('csv', 'job', csv, folder), program('csv-parse', 'csv-parse', csv, folder)],
        bars: [{ faster: 'job', slower: 'csv-parse', atLeast: 1 }],
      },
    },
    {
      scenario: {
        name: 'steps',
        description: 'A job of empty tasks, none after another, four at once.',
        rows: sizes.steps,
        bytes: 0,
        contenders: [program('steps', `${sizes.steps} steps`, sizes.steps, folder)],
        bars: [],
      },
      limits: ([steps]) => {
        const ms = Math.round(steps?.medianMs ?? Number.NaN);
        return [verdict(ms <= 5000, `${sizes.steps} parallel steps: ${ms} ms (bar: 5000 ms)`)];
      },
    },
    {
      scenario: {
        name: 'threads',
        description: 'A processor of about a tenth of a millisecond with `threads: true`, chunks of 1000.',
        rows: sizes.digests,
        bytes: 0,
        contenders: [
          program('threads-1', '1 worker', sizes.digests, folder),
          program('threads-2', '2 workers', sizes.digests, folder),
        ],
        bars: [{ faster: '2 workers', slower: '1 worker', atLeast: 1.7 }],
      },
    },
  ];
}

async function singleBars(sizes: Sizes, folder: string, runs: number): Promise<Verdict[]> {
  const { launch, create } = await measureLaunches(folder, sizes.launches);
  const csv = sales(join(folder, 'million'), { rows: sizes.csvRows });
  const restarts: number[] = [];
  for (let run = 0; run < runs; run++) restarts.push(await firstCommitAfterKill(csv, sizes.csvRows, folder));
  const { aboveMiB, peakMiB } = await memoryOf(sizes.held, folder);
  const below = (what: string, values: readonly number[], bar: number): Verdict => {
    const ms = median(values);
    const spread = `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)} ms in ${values.length} runs`;
    return verdict(ms <= bar, `${what}: ${ms.toFixed(1)} ms (${spread}; bar: ${bar} ms)`);
  };
  return [
    below('launch to COMPLETED of a job with one task', launch, 5),
    below('create on a store that exists', create, 80),
    below(
      `first commit after kill -9 at half of ${sizes.csvRows} CSV rows, from the start of the process`,
      restarts,
      1000,
    ),
    verdict(
      aboveMiB <= 60,
      `${sizes.held} items: ${aboveMiB.toFixed(0)} MiB above the first 100 000 (peak ${peakMiB.toFixed(0)} MiB; bar: 60 MiB)`,
    ),
  ];
}
