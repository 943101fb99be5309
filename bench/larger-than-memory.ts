import { execFileSync } from 'node:child_process';
import { type Verdict, verdict } from './harness/report.ts';

/** What one program says when it is done. */
export interface LargeRun {
  readonly answer: number;
  readonly ms: number;
  /** Of all threads, with the start of the process: what the machine's other work disturbs least. */
  readonly cpuMs: number;
  /** The greatest resident size of the process. */
  readonly peakBytes: number;
  readonly spilledBytes: number;
}

interface LargeProgram {
  readonly name: string;
  readonly text: string;
  readonly millions: number;
  /** Rows that come out, for each that goes in. */
  readonly share: number;
}

const memory = '256mb';
const mostBytes = 2 ** 30;

const programs: readonly LargeProgram[] = [
  { name: 'reduceByKey', text: 'reduceByKey, every key distinct', millions: 20, share: 1 },
  { name: 'groupByKey', text: 'groupByKey, ten rows a key', millions: 10, share: 0.1 },
  { name: 'sortBy', text: 'sortBy', millions: 10, share: 1 },
  { name: 'distinct', text: 'distinct', millions: 10, share: 1 },
  { name: 'join', text: 'join with as many rows', millions: 10, share: 1 },
];

/**
 * Programs over more data than `memory` allows, each in a process of its own: none may take 1 GiB. The numbers to compare between
 * machines and versions are the CPU times; the others depend on what else runs.
 */
export function measureLargerThanMemory(rowsPerMillion: number): { section: string; verdicts: Verdict[] } {
  const verdicts: Verdict[] = [];
  const lines = programs.map(({ name, text, millions, share }) => {
    const rows = millions * rowsPerMillion;
    const command = ['dist-bench/contenders/larger-than-memory.js', name, String(rows), memory];
    const run = JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' })) as LargeRun;
    if (run.answer !== rows * share) throw new Error(`${name} gave ${run.answer} rows, expected ${rows * share}`);
    const [peak, spilled] = [run.peakBytes, run.spilledBytes].map((bytes) => Math.round(bytes / 2 ** 20));
    verdicts.push(verdict(run.peakBytes < mostBytes, `${name} peaks at ${peak} MB (bar: 1024 MB)`));
    const seconds = [run.ms, run.cpuMs].map((ms) => (ms / 1000).toFixed(1));
    return `| ${[text, `${millions} million`, `${seconds[0]} s`, `${seconds[1]} s`, `${peak} MB`, `${spilled} MB`].join(' | ')} |`;
  });
  const section = `### larger than memory

Rows of two numbers, \`memory: '${memory}'\`, two workers, one run each. The peak is the resident size of the whole process.

| Program | Rows | Time | CPU | Peak | Spilled |
|---|---|---|---|---|---|
${lines.join('\n')}
`;
  return { section, verdicts };
}
